"""What the prompt says before it asks, if an operation would lose somebody: how many, who, and how to see more.

Rules:

1. Phones are those of the cluster's own records. Those that are lost without the operation are not counted.
2. Those of which it is not known what they hold, as phones without Security by Default never say it, are counted apart
   if they would be lost with the lists that TFTP gave them.
3. Nobody is lost, or it cannot be foreseen: nothing is said, and the command is as it always was. So it is in a
   rehearsal, which printed its forecast of every phone before.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.publishing.looking import outlook
from mixedmode.errors import MixedModeError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.model import Question
from mixedmode.faces.shell.talk import InputEndedError
from mixedmode.phone.mind.fate.prospect import LOST

if TYPE_CHECKING:
    from mixedmode.cluster.engine.operation import Operation
    from mixedmode.faces.shell.call import Call
    from mixedmode.inventory.kinds import PhoneKind
    from mixedmode.phone.mind.fate.prospect import Fate

_NAMED: Final = 5


async def losses(call: Call, operation: Operation) -> tuple[str, ...]:
    """Return what to say of those whom an operation would lose; nothing if there are none."""
    return await call.blocking(lambda: _lines(call, operation)) if call.session.warns else ()


async def ask_if_lost(call: Call, operation: Operation) -> Question | None:
    """Return the question of a command that asks nothing unless somebody would be lost."""
    lines = await losses(call, operation)
    return Question(texts.ASK_LOST.line(), lines) if lines else None


async def agreed_if_lost(call: Call, operation: Operation) -> None:
    """Ask the same in the middle of a command.

    Raises:
        InputEndedError: The answer was no.
    """
    question = await ask_if_lost(call, operation)
    if question is not None:
        await call.write(*question.before)
        if not await call.agrees(texts.ASK_LOST):
            raise InputEndedError("the answer was no")


def _lines(call: Call, operation: Operation) -> tuple[str, ...]:
    try:
        names = _phones(call)
        if not names:
            return ()
        lost, perhaps = _lost(call, operation, names)
    except MixedModeError:
        return ()  # what is wrong, the command itself says
    found: list[str] = []
    for text, fates, fate in [(texts.LOST_BY_THIS, lost, fate) for fate in LOST] + [
        (texts.MAY_BE_LOST, perhaps, fate) for fate in LOST
    ]:
        every = [name for kind, each in fates.items() if each is fate for name in names[kind]]
        if every:
            found += text.lines(
                count=f"{len(every):,} phone{'' if len(every) == 1 else 's'}",
                outcome=fate.value.replace("-", " "),
                names=", ".join(every[:_NAMED]),
                more=f" and {len(every) - _NAMED:,} more" if len(every) > _NAMED else "",
            )
    return (*found, *texts.LOST_SEE.lines(operation=_words(operation))) if found else ()


def _phones(call: Call) -> dict[PhoneKind, list[str]]:
    """Return the names of phones by what is known of them."""
    from mixedmode.inventory.cluster import ClusterInventory
    from mixedmode.inventory.library import Library

    library = Library()
    names: dict[PhoneKind, list[str]] = defaultdict(list)
    for name, kind, _ in ClusterInventory(call.cluster, library).rows():
        if kind.model is not None:
            names[kind].append(name)
    return names


def _lost(
    call: Call, operation: Operation, names: dict[PhoneKind, list[str]]
) -> tuple[dict[PhoneKind, Fate], dict[PhoneKind, Fate]]:
    """Return who is lost, and who is if they hold what they were given."""
    from mixedmode.forecast.cluster.losses import lost_by, perhaps_lost_by
    from mixedmode.forecast.cluster.outlooks import in_force

    before = outlook(call.cluster)
    control, principal = call.session.control, call.session.principal
    after = in_force(operation, control.preview(principal, operation).after)
    both = (operation.title, before, after, names)
    return lost_by(*both), perhaps_lost_by(*both)


def _words(operation: Operation) -> str:
    """Return an operation as the command line takes it."""
    words = [operation.title]
    for each in fields(operation):
        value = getattr(operation, each.name)
        if isinstance(value, str) and value and each.init:
            words.append(f"{each.name}={shlex.quote(value)}")
    return " ".join(words)
