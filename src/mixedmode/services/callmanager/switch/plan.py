"""The dial plan: which numbers there are, and whether what was dialled could still become one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from mixedmode.protocols.sccp.registration.admission import Line


@dataclass(frozen=True, slots=True)
class Entry:
    """A number: whose it is, and how it is forwarded."""

    device: str
    line: Line


@dataclass(frozen=True, slots=True)
class Look:
    """What digits are so far.

    Attributes:
        number: Whether there is such a number.
        longer: Whether there is one that begins so and goes on.
    """

    number: bool
    longer: bool


class DialPlan:
    """The numbers of a cluster.

    Args:
        entries: Each number once; a second one is not looked at.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            if entry.line.directory_number:
                self._entries.setdefault(entry.line.directory_number, entry)
        self._sorted = sorted(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, number: str) -> Entry | None:
        """Return a number's entry, None if there is no such number."""
        return self._entries.get(number)

    def look(self, digits: str) -> Look:
        """Return what digits are; it costs the same for ten numbers and for forty thousand."""
        after = bisect_right(self._sorted, digits)
        longer = after < len(self._sorted) and self._sorted[after].startswith(digits)
        return Look(digits in self._entries, longer)
