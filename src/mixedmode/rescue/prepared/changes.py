"""What was changed on a CUCM and is not put back yet, by the journal; pure.

Rules:

1. A change is in the journal, on the disk, before it is sent. So one that stands there may not have taken place: what
   is put back is what is there now without what was to be added, whether it was added or not.
2. What others changed in between stays: neither is what they added taken away, nor what they took away added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mixedmode.errors import MalformedError


class Kind(StrEnum):
    """What a control user is in CUCM."""

    APPLICATION = "application user"
    END = "end user"


@dataclass(frozen=True, slots=True)
class Association:
    """Phones that were added to those which a user controls.

    Attributes:
        number: Of the change, in the journal.
        cluster: The publisher's name.
        user: Whose.
        kind: What he is.
        before: What he controlled.
        added: What was added.
    """

    number: int
    cluster: str
    user: str
    kind: Kind
    before: tuple[str, ...]
    added: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        said = {"change": self.number, "cluster": self.cluster, "user": self.user, "kind": self.kind.value}
        return {**said, "before": list(self.before), "added": list(self.added)}

    def left(self, now: Iterable[str]) -> tuple[str, ...]:
        """Return what the user is to control once this is put back.

        Args:
            now: What he controls.
        """
        ours = {each.lower() for each in self.added}
        return tuple(each for each in now if each.lower() not in ours)


def missing(now: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return which devices are not controlled yet, each once, in order."""
    known = {each.lower() for each in now}
    return tuple(each for each in dict.fromkeys(wanted) if each.lower() not in known)


def open_changes(records: Sequence[Mapping[str, Any]], where: str) -> list[Association]:
    """Return what a journal has and was not put back, the newest first.

    Raises:
        MalformedError: A record is none.
    """
    found: dict[int, Association] = {}
    for record in records:
        if record["event"] == "change":
            change = _change(record, where)
            found[change.number] = change
        elif record["event"] == "restored":
            found.pop(record.get("change", 0), None)
    return [found[number] for number in sorted(found, reverse=True)]


def _change(record: Mapping[str, Any], where: str) -> Association:
    number, cluster, user, kind = (record.get(name) for name in ("change", "cluster", "user", "kind"))
    lists = [record.get(name) for name in ("before", "added")]
    texts = all(isinstance(each, list) and all(isinstance(one, str) for one in each) for each in lists)
    named = isinstance(cluster, str) and isinstance(user, str) and kind in set(Kind)
    if not isinstance(number, int) or not named or not texts:
        raise MalformedError(f"line {record.get('n')} is no change", where=where)
    before, added = (tuple(each or ()) for each in lists)
    return Association(number, str(cluster), str(user), Kind(str(kind)), before, added)
