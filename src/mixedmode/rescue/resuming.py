"""What evidence of an earlier run says of each phone; pure (docs/specification/rescue.md 5.10).

Rules:

1. A phone to which a confirm key was sent, or was about to be, is checked and never pressed again.
2. A phone whose padlock may stand open is left to hands: ``**#`` would close it, or restart the phone.
3. Whoever has an outcome that nothing can change is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mixedmode.errors import CheckFailedError
from mixedmode.rescue.chain import Record
from mixedmode.rescue.outcomes import Outcome, Result
from mixedmode.rescue.phone.actions import Note


@dataclass(slots=True)
class History:
    """What happened to a phone so far.

    Attributes:
        before: What it showed before its first confirm key; None if it was not looked at.
        confirmed: Whether a confirm key was sent or about to be.
        unlocked: Whether ``**#`` was.
        result: How it ended the last time.
        read: The hash of its list that a person read in its menu, lower hex; empty if nobody did.
    """

    before: Note | None = None
    confirmed: bool = False
    unlocked: bool = False
    result: Result | None = None
    read: str = ""

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do (rule 3)."""
        return self.result is not None and (not self.result.outcome.is_open)


def histories(records: Iterable[Record], plan: str, where: str) -> dict[str, History]:
    """Return what evidence says of each phone.

    Args:
        records: Of the file.
        plan: The hash of the plan that is to be run.
        where: The file.

    Raises:
        CheckFailedError: It is of another plan.
    """
    found: dict[str, History] = {}
    for record in records:
        event = record["event"]
        if event == "run" and record.get("plan") != plan:
            raise CheckFailedError(
                "the evidence is that of another plan", where=where, next_step="name another file with --evidence"
            )
        name = record.get("phone")
        if not isinstance(name, str):
            continue
        history = found.setdefault(name, History())
        if event == "look" and not history.confirmed:
            history.before = Note(
                _text(record, "ctl"), _text(record, "itl"), _texts(record, "messages"), _text(record, "alarm")
            )
        elif event == "key":
            history.confirmed = history.confirmed or bool(record.get("confirm"))
            history.unlocked = history.unlocked or bool(record.get("unlock"))
        elif event == "read":
            history.read = _text(record, "hash")
        elif event == "outcome":
            history.result = result_of(record)
    return found


def result_of(record: Record) -> Result:
    """Return the outcome that a record names; a word that is not known is taken for one that is open."""
    known = {each.value: each for each in Outcome}
    outcome = known.get(str(record.get("outcome")), Outcome.STOPPED)
    texts = (_text(record, "reason"), _text(record, "ctl"), _text(record, "itl"))
    return Result(outcome, *texts, _texts(record, "messages"))


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _texts(record: Record, name: str) -> tuple[str, ...]:
    found: Any = record.get(name)
    return tuple(map(str, found)) if isinstance(found, list) else ()
