"""What an explanation is made of: events, listings, counts. Everything a log said is printable in here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mixedmode.trustlist.pasted.values import ShownList

MOST_EVENTS: Final = 5000
"""Kept with their lines; the others are counted by kind."""
MOST_EXAMPLES: Final = 5
MOST_NUMBERS: Final = 1000
SHOWN: Final = 240
"""Characters of a log's own words in an event."""


class Grade(StrEnum):
    """How bad an event is."""

    OK = "ok"
    """As it shall be."""
    NOTE = "note"
    """Good to know, or harmless."""
    WARNING = "warning"
    """May lead to a refusal, or hides one."""
    REFUSED = "refused"
    """A list or a configuration was refused, or a phone is locked out."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        line: Where the log says so, from 1.
        time: As :func:`.moments.moment_of` reads it; None where the line has none.
        source: What wrote it: ``phone console``, ``status messages``, ``TVS trace`` ...
        kind: A stable word, such as ``list-refused``.
        grade: How bad it is.
        text: What happened.
        why: Why, where that is known.
        remedy: What to do; empty where nothing has to be done.
        device: The phone that it is about; empty if the line does not say.
        quote: The log's own words.
    """

    line: int
    time: str | None
    source: str
    kind: str
    grade: Grade
    text: str
    why: str = ""
    remedy: str = ""
    device: str = ""
    quote: str = ""


@dataclass
class Explained:
    """What a text says.

    Attributes:
        name: Of the file.
        events: What happened, in order; at most :data:`MOST_EVENTS`.
        more: Events that were too many, by kind.
        listings: Pasted lists.
        lines: Lines that are not blank.
        unknown: Of these, lines that say nothing that is known.
        unknown_lines: Their numbers, at most :data:`MOST_NUMBERS`.
        examples: The first of them: number and text.
        encoding: How the text is encoded.
        size: Bytes that were read.
        cut: Lines that were too long.
        truncated: Whether there was more than is read.
        grades: How many events there are of each grade.
    """

    name: str
    events: list[Event] = field(default_factory=list)
    more: Counter[str] = field(default_factory=Counter)
    listings: list[ShownList] = field(default_factory=list)
    lines: int = 0
    unknown: int = 0
    unknown_lines: list[int] = field(default_factory=list)
    examples: list[tuple[int, str]] = field(default_factory=list)
    encoding: str = ""
    size: int = 0
    cut: int = 0
    truncated: bool = False
    grades: Counter[Grade] = field(default_factory=Counter)

    def add(self, event: Event) -> None:
        """Take an event."""
        self.grades[event.grade] += 1
        refused = event.grade is Grade.REFUSED
        if len(self.events) < MOST_EVENTS or (refused and len(self.events) < 2 * MOST_EVENTS):
            self.events.append(event)
        else:
            self.more[event.kind] += 1

    @property
    def refused(self) -> bool:
        """Whether the text shows a refused list or configuration, or a phone that is locked out."""
        return self.grades[Grade.REFUSED] > 0
