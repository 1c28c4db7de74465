"""How phones start, as a tree: what a start's machine is told leads on, and each way through it is really gone once.

A start depends on what the phone holds, on what it can do, and on the answers that it gets; not on who gives them. So
phones of every node, step and network share the ways that they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mixedmode.phone.mind.boot import Boot
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import Request
from mixedmode.phone.mind.trust.decisions import TvsAnswer
from mixedmode.phone.mind.trust.state import PhoneState
from mixedmode.protocols.tftp.client import Failure

Answer = bytes | Failure | tuple[str, str] | TvsAnswer | None
"""A file, None if the server has none, why it did not come by TFTP, or by HTTP (with a code), or what TVS says."""
_MOST: Final = 4096
"""Beginnings that are remembered."""


@dataclass(slots=True, eq=False)
class Point:
    """How far the start of phones came that differ in nothing that decides.

    Attributes:
        state: What they hold.
        request: What they wait for; at the end, what came of it all.
        ways: How it goes on, by the answer.
    """

    state: PhoneState
    request: Request | BootOutcome
    ways: dict[Hashable, Point] = field(default_factory=dict)


Trail = tuple[tuple[float, Point], ...]
"""How far a start comes, and after how many seconds."""
Starting = Callable[[], Boot]
"""Begins a start."""


def tell(boot: Boot, answer: Answer, now: datetime) -> None:
    """Tell a start what it waits for."""
    if answer is None:
        boot.not_found(now)
    elif isinstance(answer, bytes):
        boot.received(answer, now)
    elif isinstance(answer, TvsAnswer):
        boot.answered(answer, now)
    elif isinstance(answer, Failure):
        boot.failed(answer.message, answer.reason)
    else:
        boot.failed(*answer)


_roots: dict[Hashable, Point] = {}


def root(kind: Hashable, begin: Starting) -> Point:
    """Return where phones of a kind begin."""
    found = _roots.get(kind)
    if found is None:
        if len(_roots) >= _MOST:
            forget()
        boot = begin()
        found = _roots[kind] = Point(boot.state, boot.request)
    return found


def forget() -> None:
    """Forget all ways."""
    _roots.clear()


class Walk:
    """A phone on its way, where others have been before, and by itself from there.

    Args:
        point: Where it begins.
        begin: Begins its start.
        now: The time.

    Attributes:
        point: How far it came.
    """

    __slots__ = ("_begin", "_boot", "_met", "_now", "point")

    def __init__(self, point: Point, begin: Starting, now: datetime) -> None:
        self.point = point
        self._begin, self._now = begin, now
        self._boot: Boot | None = None
        self._met: list[Answer] = []
        """What the start was not told yet, since others were."""

    def on(self, answer: Answer) -> Point:
        """Go on with an answer."""
        self._met.append(answer)
        # What TVS says holds for a time.
        way: Hashable = (answer, self._now) if isinstance(answer, TvsAnswer) else answer
        found = self.point.ways.get(way)
        if found is None:
            boot = self._boot = self._boot or self._begin()
            for each in self._met:
                tell(boot, each, self._now)
            self._met.clear()
            found = self.point.ways[way] = Point(boot.state, boot.request)
        self.point = found
        return found
