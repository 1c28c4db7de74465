"""What a terminal would show, line by line: control sequences and overwritten text are gone.

Rules:

1. A carriage return goes to the line's begin and a backspace one place back; what follows overwrites. ``ESC [ K`` and
   ``ESC [ J`` erase to the end, ``ESC [ n C`` and ``ESC [ n D`` move. Every other sequence, title texts included, is
   dropped, as are other control characters.
2. A sequence may be cut anywhere between two pieces of text; one that does not end within 64 characters is dropped.
3. A line is cut at a bound, so that who sends no end of line fills no memory.
"""

from __future__ import annotations

import re
from typing import Final

from mixedmode.numbers import MOST_DIGITS

LINE_LIMIT: Final = 1 << 13
"""Characters of a line (rule 3)."""
_SEQUENCE_LIMIT: Final = 64
_CSI: Final = re.compile(r"\x1b\[([0-?]*)[ -/]*([@-~])")
_OTHER: Final = re.compile(r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-Z\\^-~])")
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")


class TerminalLines:
    """The lines of a terminal.

    Attributes:
        tail: The last line, which has not ended.
    """

    def __init__(self) -> None:
        self.tail = ""
        self._at = 0
        self._cut = ""

    def feed(self, text: str) -> list[str]:
        """Take text in; return the lines that ended."""
        text, self._cut = self._cut + text, ""
        lines: list[str] = []
        place = 0
        while place < len(text):
            if found := _PLAIN.match(text, place):
                self._put(found[0])
                place = found.end()
            elif text[place] == "\x1b":
                taken = self._sequence(text, place)
                if taken is None:
                    self._cut = text[place:]
                    break
                place = taken
            else:
                if text[place] == "\n":
                    lines.append(self.tail)
                    self.tail, self._at = "", 0
                self._control(text[place])
                place += 1
        return lines

    def _put(self, text: str) -> None:
        text = text[: max(LINE_LIMIT - self._at, 0)]
        self.tail = self.tail[: self._at].ljust(self._at) + text + self.tail[self._at + len(text) :]
        self._at += len(text)

    def _control(self, character: str) -> None:
        if character == "\r":
            self._at = 0
        elif character == "\b":
            self._at = max(self._at - 1, 0)
        elif character == "\t":
            self._put(" " * (8 - self._at % 8))

    def _sequence(self, text: str, place: int) -> int | None:
        """Obey the sequence at a place; return where it ends, None if it is cut (rule 2)."""
        if found := _CSI.match(text, place):
            self._obey(found[1], found[2])
            return found.end()
        if found := _OTHER.match(text, place):
            return found.end()
        return None if len(text) - place < _SEQUENCE_LIMIT else place + 1

    def _obey(self, number: str, order: str) -> None:
        is_number = number.isascii() and number.isdigit()
        count = min(int(number.lstrip("0")[:MOST_DIGITS] or "0") if is_number else 1, LINE_LIMIT)
        if order in "KJ" and number in {"", "0"}:
            self.tail = self.tail[: self._at]
        elif order in "KJ":
            self.tail, self._at = "", 0
        elif order == "C":
            self._at = min(self._at + count, LINE_LIMIT)
        elif order == "D":
            self._at = max(self._at - count, 0)
        elif order == "G":
            self._at = count - 1 if count else 0
