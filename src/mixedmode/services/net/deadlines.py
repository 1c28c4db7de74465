"""Deadlines of many connections: numbers that one timer looks at now and then, so that setting one costs no timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from time import monotonic
from typing import Final, Protocol

NEVER: Final = float("inf")
_SWEEP_SECONDS: Final = 0.25


class Expiring(Protocol):
    """What has a deadline.

    Attributes:
        deadline: When to call :meth:`expire`, on the monotonic clock; :data:`NEVER` for not at all.
    """

    deadline: float

    def expire(self) -> None:
        """Act, since the deadline has come; called again at each look until the deadline is another one."""


class Sweep:
    """Looks at every deadline, a quarter of a second apart.

    Args:
        members: Those with a deadline, as they come and go.
        also: Called at each look, first.
    """

    def __init__(self, members: Collection[Expiring], also: Callable[[], None] = lambda: None) -> None:
        self._members = members
        self._also = also
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look now, and from now on."""
        self._also()
        now = monotonic()
        for member in [each for each in self._members if each.deadline <= now]:
            member.expire()
        self._timer = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self.start)

    def stop(self) -> None:
        """Look no more. Stopping twice does no harm."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
