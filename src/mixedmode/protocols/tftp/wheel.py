"""A timer wheel: O(1) to set, and a timer is never moved when its transfer makes progress.

An entry sits in the bucket of the moment it was set for. When that moment comes the owner looks whether
the entry is really due (the transfer may have moved on since) and sets it again if not. So a packet costs
no timer work at all, and a transfer costs one entry for every ``timeout`` seconds that it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class TimerWheel(Generic[T]):
    """Entries by the moment they are set for.

    Args:
        granularity: Seconds in a bucket: no entry comes early, each at most this much late.
    """

    __slots__ = ("_buckets", "_granularity", "_next")

    def __init__(self, granularity: float = 0.05) -> None:
        self._granularity = granularity
        self._buckets: dict[int, list[T]] = {}
        self._next = 0

    def next_moment(self) -> float | None:
        """Return when :meth:`expired` has looked into the next bucket, empty or not; None if no timer is set."""
        # A little into the bucket, since its very first moment may be rounded into the one before.
        return (self._next + 0.01) * self._granularity if self._buckets else None

    def set(self, entry: T, when: float) -> None:
        """Have ``entry`` come out of :meth:`expired` once ``when`` has passed."""
        bucket = int(when / self._granularity) + 1
        entries = self._buckets.get(bucket)
        if entries is not None:
            entries.append(entry)
            return
        if not self._buckets or bucket < self._next:
            self._next = bucket
        self._buckets[bucket] = [entry]

    def expired(self, now: float) -> Iterator[T]:
        """Take out the entries whose moment has come, bucket by bucket."""
        last = int(now / self._granularity)
        while self._buckets and self._next <= last:
            entries = self._buckets.pop(self._next, ())
            self._next += 1
            yield from entries
