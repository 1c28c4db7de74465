"""Guarding logins: a failed one costs time, many lock out for a while.

Rules:

1. Each failure delays its own answer, twice as long as the one before, up to a limit.
2. Failures are counted for an account from one address, for an address, and for an account from everywhere, each with
   its own limit; at the limit nobody gets in there until the lock ends, with the right password neither.
3. Whether an account is locked, unknown or its password wrong looks the same from outside.
4. Locks outlive the process (:mod:`.login_locks`); failures that did not lock yet do not.
5. Few passwords are checked at once, so that logins cannot take the processor away from phones.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mixedmode.admin.accounts import Account, AccountStore
from mixedmode.admin.login_locks import LOCK_FILE, Key, Lock, read_locks, write_locks

_REMEMBERED = 10_000
"""Counters that are kept; the oldest goes first."""
_KEPT_LOCKS = 1_000
"""Locks in the file; the oldest goes first."""
_CHECKS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """How strict logins are.

    Attributes:
        attempts: Failures of an account from one address before the lock.
        address_attempts: Failures from one address.
        account_attempts: Failures of an account from everywhere.
        lock_seconds: How long a lock lasts; also how long failures are remembered.
        delay_seconds: After the first failure.
        longest_delay: Of any failure, seconds.
        per_connection: Failures before the connection is closed.
    """

    attempts: int = 5
    address_attempts: int = 20
    account_attempts: int = 50
    lock_seconds: float = 300.0
    delay_seconds: float = 1.0
    longest_delay: float = 8.0
    per_connection: int = 3


@dataclass(slots=True)
class _Counter:
    failures: int = 0
    last: float = 0.0


@dataclass(slots=True)
class LoginGuard:
    """Checks logins to one node.

    Attributes:
        accounts: Who may log in.
        policy: How strict it is.
        now: A clock that only goes forward, seconds.
        wall: The machine's clock, seconds since 1970.
    """

    accounts: AccountStore
    policy: LoginPolicy = field(default_factory=LoginPolicy)
    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _counters: OrderedDict[tuple[str, str], _Counter] = field(default_factory=OrderedDict)
    _checks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CHECKS_AT_ONCE))
    _kept: dict[Key, Lock] = field(default_factory=dict)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Take up the locks of an earlier process."""
        self._kept = read_locks(self._lock_file)
        for key, lock in self._kept.items():
            # A clock that was set back must not make a lock last longer than one that begins now.
            age = max(0.0, self.wall() - lock.last)
            self._counters[key] = _Counter(lock.failures, self.now() - age)

    @property
    def _lock_file(self) -> Path:
        return self.accounts.path.with_name(LOCK_FILE)

    async def check_password(self, name: str, password: str, source: str) -> Account | None:
        """Return the account, None if it may not log in; a failure answers late (rule 1)."""
        async with self._checks:
            account = await asyncio.to_thread(self.accounts.verify, name, password)
        if account is not None and not self.is_locked(name, source):
            self.succeeded(name, source)
            return account
        delay = self.failed(name, source)
        await self._keep_locks(name, source)
        await asyncio.sleep(delay)
        return None

    def is_locked(self, name: str, source: str) -> bool:
        """Return whether an account is locked for an address now."""
        return any(self._failures(key) >= limit for key, limit in self._limits(name, source))

    def failed(self, name: str, source: str) -> float:
        """Count a failure; return how long its answer shall wait, seconds."""
        for key, _ in self._limits(name, source):
            failures = self._failures(key)
            self._counters[key] = _Counter(failures + 1, self.now())
            self._counters.move_to_end(key)
        while len(self._counters) > _REMEMBERED:
            self._counters.popitem(last=False)
        doublings = min(self._failures((name, source)) - 1, 16)
        return float(min(self.policy.delay_seconds * 2**doublings, self.policy.longest_delay))

    def succeeded(self, name: str, source: str) -> None:
        """Forget an account's failures from an address."""
        self._counters.pop((name, source), None)

    async def _keep_locks(self, name: str, source: str) -> None:
        """Write the locks when one is new, or has become much longer."""
        now, lasts = self.wall(), self.policy.lock_seconds
        locked = [key for key, limit in self._limits(name, source) if self._failures(key) >= limit]
        if not any(key not in self._kept or now - self._kept[key].last > lasts / 10 for key in locked):
            return
        lasting = [(key, lock) for key, lock in self._kept.items() if now - lock.last <= lasts and key not in locked]
        lasting += [(key, Lock(self._failures(key), now)) for key in locked]
        self._kept = dict(lasting[-_KEPT_LOCKS:])
        # A full disk must not keep anybody from logging in; the lock holds in memory in any case.
        async with self._writing:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(write_locks, self._lock_file, dict(self._kept))

    def _failures(self, key: tuple[str, str]) -> int:
        counter = self._counters.get(key)
        if counter is None or self.now() - counter.last > self.policy.lock_seconds:
            return 0
        return counter.failures

    def _limits(self, name: str, source: str) -> tuple[tuple[tuple[str, str], int], ...]:
        policy = self.policy
        return (
            ((name, source), policy.attempts),
            (("", source), policy.address_attempts),
            ((name, ""), policy.account_attempts),
        )
