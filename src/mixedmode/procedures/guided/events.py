"""What happens to a guided run, and what it asks to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mixedmode.procedures.checks import Finding
from mixedmode.procedures.guided.run import Person


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What every phone would do was worked out.

    Attributes:
        forecast: As JSON.
    """

    forecast: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Something was chosen, such as a token's certificate."""

    choices: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Begin:
    """The run begins.

    Attributes:
        at: When.
        lost: How many phones would be lost, as whoever begins it was told.
    """

    at: datetime
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Start:
    """A step is to be done.

    Attributes:
        step: Its number, from 0.
        who: Does it.
        at: When.
        attempt: A new name.
        done_already: It was done elsewhere, so that only its end is looked at; a step by hand is always so.
    """

    step: int
    who: Person
    at: datetime
    attempt: str
    done_already: bool = False


@dataclass(frozen=True, slots=True)
class TakeBack:
    """A step is to be taken back (rule 5)."""

    step: int
    who: Person
    at: datetime
    attempt: str


@dataclass(frozen=True, slots=True)
class Told:
    """An attempt that takes long says how far it is.

    Attributes:
        attempt: Which.
        said: What it has said until now.
    """

    attempt: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """An attempt has ended.

    Attributes:
        attempt: Which.
        at: When.
        said: What was printed.
        findings: What was found of the statements about the step's end.
        problem: Why it failed; empty if it did not.
    """

    attempt: str
    at: datetime
    said: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CutOff:
    """An attempt's process died, and it was looked at what it left (rule 4).

    Attributes:
        attempt: Which.
        at: When.
        journal: Whether its operation was carried to its end; None if it is no operation.
        findings: What was found of the statements about the step's end.
    """

    attempt: str
    at: datetime
    journal: bool | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """A step is left out, or what does not hold after it is accepted."""

    step: int
    who: Person
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """The run is stopped where it is; a planned one is dropped."""

    at: datetime


Event = Foreseen | Chosen | Begin | Start | TakeBack | Told | Finish | CutOff | LeaveOut | Stop


@dataclass(frozen=True, slots=True)
class Do:
    """Act out a step and look at its end; then report with :class:`Finish`."""

    step: int
    attempt: str


@dataclass(frozen=True, slots=True)
class Look:
    """Look at a step's end; then report with :class:`Finish`."""

    step: int
    attempt: str


@dataclass(frozen=True, slots=True)
class Undoing:
    """Take a step back; then report with :class:`Finish`."""

    step: int
    attempt: str


Order = Do | Look | Undoing
