"""What the walk and the proof of one phone ask for, as values that a generator yields; pure."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from mixedmode.rescue.phone.answers import Answer, Taken
from mixedmode.rescue.planning import Served

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Look:
    """Get a page; answered with an :class:`.Answer`.

    Attributes:
        path: Of the page.
        login: Whether it wants the control user's.
    """

    path: str
    login: bool = False


@dataclass(frozen=True, slots=True)
class Press:
    """Press one key; answered with :class:`.Taken`, or None if the run was stopped and nothing was pressed.

    Attributes:
        uri: The key.
        entry: Of which sequence.
        confirm: Whether it erases.
        unlock: Whether it ends ``**#``.
        leaves: Whether it goes home: pressed even when the run was stopped.
    """

    uri: str
    entry: str = ""
    confirm: bool = False
    unlock: bool = False
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; answered with the time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Note:
    """Write into the evidence what the phone showed before its keys."""

    ctl: str
    itl: str
    messages: tuple[str, ...]
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class Restart:
    """Have the cluster reset the phone; answered with whether it was told to."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetch the servers' lists now; answered with them.

    Attributes:
        phone: Whose own files, ``ITLSEP....tlv`` and its like; empty for those of everybody.
    """

    phone: str = ""


Action: TypeAlias = Look | Press | Pause | Note | Restart | Fetch
Walk: TypeAlias = Generator[Action, Any, T]


def look(path: str, *, login: bool = False) -> Walk[Answer]:
    """Get a page."""
    answer: Answer = yield Look(path, login)
    return answer


def press(key: Press) -> Walk[Taken | None]:
    """Press a key."""
    taken: Taken | None = yield key
    return taken


def pause(seconds: float) -> Walk[float]:
    """Wait; return the time then."""
    now: float = yield Pause(seconds)
    return now


def restart() -> Walk[bool]:
    """Have the phone reset by its cluster."""
    told: bool = yield Restart()
    return told


def fetch(phone: str = "") -> Walk[Served]:
    """Return what the servers hand out now, to everybody or to one phone."""
    served: Served = yield Fetch(phone)
    return served
