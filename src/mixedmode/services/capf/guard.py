"""Who may try to prove himself to CAPF, and how often: by address first, by device last.

Rules:

1. Tries are counted before they are judged, so that many at once do not get more of them; a proof that holds is taken
   off again.
2. From one address a device may be tried :attr:`ProofPolicy.free` times, all devices together
   :attr:`ProofPolicy.free_in_all` times; then the address has to wait, twice as long each time. While it waits nothing
   of it is judged or counted: it locks nobody out but itself.
3. A device's operation is cancelled after :attr:`ProofPolicy.per_operation` wrong proofs from several addresses
   (:mod:`.store` counts them, since they outlive a restart): no operation is worth more guesses than that. Of one
   address those count that it has without a wait: alone it keeps no phone from its certificate, and by waiting it gets
   one guess an hour in the end.
4. What is remembered is bounded; the oldest goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

_MOST_DOUBLINGS: Final = 20


@dataclass(frozen=True, slots=True)
class ProofPolicy:
    """How strict it is.

    Attributes:
        free: Wrong proofs of a device from one address without a wait; a phone repeats a wrong one twice by itself.
        free_in_all: The same for all devices of an address, behind which there may be a whole site.
        per_operation: Wrong proofs until a device's operation is cancelled.
        first_wait: Seconds of the first wait.
        longest_wait: Seconds of the longest.
        forgotten: Seconds without a wrong proof after which the counting begins again.
        remembered: Most counters.
    """

    free: int = 3
    free_in_all: int = 30
    per_operation: int = 5
    first_wait: float = 10.0
    longest_wait: float = 3600.0
    forgotten: float = 4 * 3600.0
    remembered: int = 20_000


@dataclass(slots=True)
class _Counter:
    wrong: int = 0
    last: float = 0.0
    until: float = 0.0


@dataclass(slots=True)
class ProofGuard:
    """Counts tries; may be asked from several threads.

    Attributes:
        policy: How strict it is.
    """

    policy: ProofPolicy = field(default_factory=ProofPolicy)
    _counters: OrderedDict[tuple[str, str], _Counter] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, source: str, device: str, now: float) -> float:
        """Count a try and return 0; if it has to wait, count nothing and return for how many seconds.

        Args:
            source: Where it comes from: an address, or the network that counts as one.
            device: Whom it is about.
            now: Of a clock that only goes forward.
        """
        policy = self.policy
        with self._lock:
            found = [
                (self._counter((source, device), now), policy.free),
                (self._counter((source, ""), now), policy.free_in_all),
            ]
            wait = max(counter.until - now for counter, _ in found)
            if wait > 0:
                return wait
            for counter, free in found:
                counter.wrong += 1
                counter.last = now
                if counter.wrong >= free:
                    doublings = min(counter.wrong - free, _MOST_DOUBLINGS)
                    counter.until = now + min(policy.first_wait * 2**doublings, policy.longest_wait)
            while len(self._counters) > policy.remembered:
                self._counters.popitem(last=False)
        return 0.0

    def counts(self, source: str, device: str) -> bool:
        """Return whether the try that began last counts for the device's operation too (rule 3)."""
        with self._lock:
            counter = self._counters.get((source, device))
            return counter is not None and counter.wrong <= self.policy.free

    def held(self, source: str, device: str) -> None:
        """Take a try off again: its proof was right."""
        with self._lock:
            self._counters.pop((source, device), None)
            counter = self._counters.get((source, ""))
            if counter is not None:
                counter.wrong -= 1
                if counter.wrong < self.policy.free_in_all:
                    counter.until = 0.0

    def _counter(self, key: tuple[str, str], now: float) -> _Counter:
        counter = self._counters.get(key)
        if counter is None or now - max(counter.last, counter.until) > self.policy.forgotten:
            counter = self._counters[key] = _Counter()
        self._counters.move_to_end(key)
        return counter
