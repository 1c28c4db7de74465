"""Time, as what asks a cluster sees it: the world's, or a test's."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Final, Protocol


class Clock(Protocol):
    """Says what time it is, and waits."""

    def now(self) -> datetime:
        """Return the moment, UTC."""

    def monotonic(self) -> float:
        """Return seconds that only go forwards."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The world's time."""

    def now(self) -> datetime:
        """Return the moment, UTC, to the second."""
        return datetime.now(UTC).replace(microsecond=0)

    def monotonic(self) -> float:
        """Return seconds that only go forwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


SYSTEM: Final = SystemClock()


class Pace:
    """Keeps requests apart, of all threads together.

    Args:
        seconds: Between the beginnings of two.
        clock: Of whoever asks.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.seconds, self._clock = seconds, clock
        self._next = float("-inf")
        self._lock = threading.Lock()

    def left(self) -> float:
        """Return the seconds until the next one may begin; none or less if it may now."""
        with self._lock:
            return self._next - self._clock.monotonic()

    def wait(self) -> None:
        """Wait until the next one may begin."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._next:
                self._clock.sleep(self._next - now)
            self._next = max(now, self._next) + self.seconds
