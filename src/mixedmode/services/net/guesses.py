"""Counting wrong passwords: whose guesses are refused, and how long answers wait. Rules only, no clock and no sleep.

Rules:

1. Each failure delays its own answer, twice as long as the one before, up to a limit.
2. Failures are counted for an account from one source and for a source; at either limit the source is locked out, of
   that account or of all, with the right password too, until the lock ends. That is all a lock does: it locks out who
   guessed.
3. Failures for an account are counted over all sources, but only those of sources that are not locked. Past a limit the
   account's logins are slowed down for everybody else, and never refused.
4. This machine itself is never locked and never slowed down by others; what it gets wrong counts against nobody else.
   Its own guesses have to wait for each other.
5. What is remembered is bounded, and a source that is locked adds nothing to it, so that it cannot have itself
   forgotten.

A source is what :func:`mixedmode.services.net.gate.source_of` returns.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mixedmode.services.net.gate import is_local

_REMEMBERED: Final = 10_000
"""Counters that are kept of each kind; the oldest goes first."""

Key = tuple[str, str]
"""Account and source; one of both is empty in counters over all accounts or all sources."""


@dataclass(frozen=True, slots=True)
class GuessPolicy:
    """How strict logins are.

    Attributes:
        attempts: Failures of an account from one source before the lock.
        address_attempts: Failures from one source before its lock.
        account_attempts: Failures of an account from everywhere before it is slowed down; at each multiple twice as
            much.
        lock_seconds: How long a lock lasts; also how long failures are remembered.
        delay_seconds: After the first failure.
        longest_delay: Of any failure, and of any slowing down, seconds.
        per_connection: Failures before the connection is closed.
    """

    attempts: int = 5
    address_attempts: int = 20
    account_attempts: int = 50
    lock_seconds: float = 300.0
    delay_seconds: float = 1.0
    longest_delay: float = 8.0
    per_connection: int = 3


@dataclass(frozen=True, slots=True)
class Failures:
    """A counter.

    Attributes:
        number: How often it failed.
        last: When it failed last, seconds.
    """

    number: int
    last: float


class Guesses:
    """The counters of one node.

    Args:
        policy: How strict it is.
    """

    def __init__(self, policy: GuessPolicy) -> None:
        self.policy = policy
        self._pairs: OrderedDict[Key, Failures] = OrderedDict()
        self._sources: OrderedDict[Key, Failures] = OrderedDict()
        self._accounts: OrderedDict[Key, Failures] = OrderedDict()

    def is_locked(self, account: str, source: str, now: float) -> bool:
        """Return whether a source is locked out of an account (rule 2)."""
        return not is_local(source) and (
            self._number((account, source), now) >= self.policy.attempts
            or self._number(("", source), now) >= self.policy.address_attempts
        )

    def slowed(self, account: str, source: str, now: float) -> float:
        """Return how long a login has to wait since others guess at its account, seconds (rule 3)."""
        policy = self.policy
        steps = self._number((account, ""), now) // policy.account_attempts
        if steps == 0 or is_local(source):
            return 0.0
        return float(min(policy.delay_seconds * 2 ** min(steps - 1, 16), policy.longest_delay))

    def pace(self, account: str, source: str, now: float) -> float:
        """Return how far apart the guesses of this machine itself are, seconds (rule 4)."""
        guessing = is_local(source) and self._number((account, source), now) >= self.policy.attempts
        return min(self.policy.delay_seconds, self.policy.longest_delay) if guessing else 0.0

    def failed(self, account: str, source: str, now: float) -> float:
        """Count a failure; return how long its answer shall wait, seconds (rules 1, 3 and 5)."""
        policy = self.policy
        keys = [("", source)]
        if is_local(source) or self._number(("", source), now) < policy.address_attempts:
            keys.append((account, source))
        if not is_local(source) and not self.is_locked(account, source, now):
            keys.append((account, ""))
        for key in keys:
            self._add(key, now)
        failures = self._number((account, source), now)
        if failures == 0:
            return policy.longest_delay
        return float(min(policy.delay_seconds * 2 ** min(failures - 1, 16), policy.longest_delay))

    def succeeded(self, account: str, source: str) -> None:
        """Forget an account's failures from a source."""
        self._pairs.pop((account, source), None)

    def standing(self, account: str, source: str, now: float) -> dict[Key, int]:
        """Return the counters of a login that have reached their limit, to be kept over a restart."""
        policy = self.policy
        limits = (
            ((account, source), policy.attempts),
            (("", source), policy.address_attempts),
            ((account, ""), policy.account_attempts),
        )
        found = {key: (self._number(key, now), limit) for key, limit in limits}
        return {key: number for key, (number, limit) in found.items() if number >= limit and not is_local(key[1])}

    def restore(self, counters: Mapping[Key, Failures]) -> None:
        """Take up what an earlier process kept."""
        for key, failures in counters.items():
            self._table(key)[key] = failures

    def _add(self, key: Key, now: float) -> None:
        table = self._table(key)
        table[key] = Failures(self._number(key, now) + 1, now)
        table.move_to_end(key)
        if len(table) > _REMEMBERED:
            table.popitem(last=False)

    def _number(self, key: Key, now: float) -> int:
        found = self._table(key).get(key)
        return 0 if found is None or now - found.last > self.policy.lock_seconds else found.number

    def _table(self, key: Key) -> OrderedDict[Key, Failures]:
        account, source = key
        return self._sources if not account else self._accounts if not source else self._pairs
