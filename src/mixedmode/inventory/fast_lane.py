"""Many lines of CSV at once: what most inventories are made of, without looking at each cell.

Rules:

1. A piece of text is taken whole or not at all. It is taken if each of its lines begins with a phone's name (``SEP``
   and twelve capital hex digits) and holds no quote, if the rest of each line is as good as one that was read with
   care, and if every name is new. Everything else, errors among it, is for the careful reader: both say the same.
2. What stands behind the name is read once, however many phones have it. Where nearly every phone has another rest,
   as with times in it, nothing is gained and the lane closes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from mixedmode.inventory.kinds import PhoneKind

NAME: Final = 15
"""Letters of a phone's name."""
MOST_RESTS: Final = 1 << 15
_FEW: Final = 1 << 12


class Known(NamedTuple):
    """What the rest of a line says: the kind of phone, and the carried columns."""

    kind: PhoneKind
    carried: tuple[str, ...]


class FastLane:
    """Reads pieces of CSV whose first column is the name.

    Args:
        separator: Between cells.
        read: Returns what a line says, read with care; None: nothing good.
        seen: The names of all phones so far; names are added to it.
    """

    def __init__(self, separator: str, read: Callable[[str], Known | None], seen: set[str]) -> None:
        name = rf"SEP[0-9A-F]{{12}}[{separator}\r\n]"
        self._begins = re.compile(name).match
        self._strange = re.compile(rf"\n(?!{name}|\Z)").search
        self._read = read
        self._seen = seen
        self._rests: dict[str, Known] = {}
        self._lines = 0

    @property
    def is_open(self) -> bool:
        """Whether it is worth while to try (rule 2)."""
        many = len(self._rests)
        return many < MOST_RESTS and (many < _FEW or many * 4 < self._lines)

    def take(self, text: str) -> tuple[list[str], list[Known]] | None:
        """Return the phones of whole lines, None if they are not taken (rule 1)."""
        if not self._begins(text) or self._strange(text) or '"' in text:
            return None
        if "\r" in text and text.count("\r") != text.count("\r\n"):
            return None
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        names = [line[:NAME] for line in lines]
        new = set(names)
        if len(new) != len(names) or not self._seen.isdisjoint(new):
            return None
        known = self._known(lines, [line[NAME:] for line in lines])
        if known is not None:
            self._seen |= new
            self._lines += len(lines)
        return None if known is None else (names, known)

    def _known(self, lines: list[str], rests: list[str]) -> list[Known] | None:
        rests_known = self._rests
        found = list(map(rests_known.get, rests))
        if None in found:
            for place, each in enumerate(found):
                if each is None:
                    rest = rests[place]
                    made = rests_known.get(rest) or self._read(lines[place])
                    if made is None:
                        return None
                    found[place] = rests_known[rest] = made
        return found  # type: ignore[return-value] # none of them is None now
