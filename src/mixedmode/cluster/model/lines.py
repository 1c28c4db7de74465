"""Lines of phones and their directory numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mixedmode.errors import UsageError

MOST_LINES: Final = 42
"""What a phone's button template has room for."""
MOST_CALLS: Final = 6
NAME_LENGTH: Final = 30
_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,23}")
_FORWARDS: Final = ("forward_all", "forward_busy", "forward_no_answer")


@dataclass(frozen=True, slots=True)
class LineSpec:
    """A line of a phone with its directory number.

    Attributes:
        device: The phone.
        number: Its directory number, such as ``1001``; no two lines share one.
        position: Its button from 1 on; 0 is the first free one.
        name: What others see of who calls.
        label: What the phone shows beside the button; the number if it is empty.
        forward_all: Where all calls go; empty for nowhere, as the next two.
        forward_busy: Where those go that find it busy.
        forward_no_answer: Where those go that nobody answers.
        calls: How many calls it has until it is busy.

    Raises:
        UsageError: A field is out of its range.
    """

    device: str
    number: str
    position: int = 0
    name: str = ""
    label: str = ""
    forward_all: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    calls: int = 1

    def __post_init__(self) -> None:
        for field in ("number", *(each for each in _FORWARDS if getattr(self, each))):
            value = getattr(self, field)
            if _NUMBER.fullmatch(value) is None:
                raise UsageError(
                    f"{value!r} is no directory number", where=field, next_step="use digits, * and #, at most 24"
                )
        if not 0 <= self.position <= MOST_LINES or not 1 <= self.calls <= MOST_CALLS:
            raise UsageError(
                f"button {self.position} with {self.calls} calls",
                where=self.number,
                next_step=f"buttons are 1 to {MOST_LINES}, calls 1 to {MOST_CALLS}",
            )
        for field in ("name", "label"):
            value = getattr(self, field)
            if len(value) > NAME_LENGTH or not value.isprintable():
                raise UsageError(
                    f"{value!r} is no {field}", where=field, next_step=f"use up to {NAME_LENGTH} printable characters"
                )
