"""How often somebody may ask: a bucket for each, that fills by and by.

Rules:

1. A bucket is of one person and one address: who asks too often has to wait, and nobody else.
2. Work that takes the processor for seconds costs many requests.
3. What is remembered is bounded: the bucket that was not used for the longest time goes first, and it is full by then.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Final

_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Rates:
    """The buckets of one node.

    Attributes:
        each_second: Requests that a bucket gets.
        at_once: Requests that it holds.
        now: A clock that only goes forward, seconds.
    """

    each_second: float = 50.0
    at_once: float = 300.0
    now: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[Hashable, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, whose: Hashable, cost: float = 1.0) -> float:
        """Take from a bucket; return 0, or after how many seconds there is enough in it and nothing was taken."""
        now = self.now()
        with self._lock:
            left, since = self._buckets.pop(whose, (self.at_once, now))
            left = min(self.at_once, left + (now - since) * self.each_second)
            cost = min(cost, self.at_once)
            wait = max(0.0, (cost - left) / self.each_second)
            self._buckets[whose] = (left if wait else left - cost, now)
            if len(self._buckets) > _REMEMBERED:
                self._buckets.popitem(last=False)
        return wait
