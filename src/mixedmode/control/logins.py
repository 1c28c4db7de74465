"""Guarding logins: one guard for all services of a node that ask for a password.

Rules:

1. Who is locked out and whose answers wait is decided by :mod:`mixedmode.services.net.guesses`: who guesses locks out
   himself and nobody else.
2. Whether an account is locked, unknown or its password wrong looks the same from outside and takes the same time: a
   refusal comes when its delay is over, whatever was done meanwhile.
3. A source that is locked costs nothing: its passwords are not looked at.
4. One password of a source is checked at a time and few in all, so that logins cannot take the processor away from
   phones, and a source with many connections waits for itself; this machine's own logins wait for nobody else.
5. Locks outlive the process (:mod:`.login_locks`) and are told of when they begin; failures that did not lock yet do
   neither.

Public keys are not asked for here: they cannot be guessed, so nobody is ever locked out of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mixedmode.control.accounts import Account, AccountStore
from mixedmode.control.login_locks import LOCK_FILE, Lock, read_locks, write_locks
from mixedmode.errors import MixedModeError
from mixedmode.services.net.gate import is_local, source_of
from mixedmode.services.net.guesses import Failures, Guesses, Key
from mixedmode.services.net.guesses import GuessPolicy as LoginPolicy

__all__ = ["LoginGuard", "LoginPolicy"]

_log = logging.getLogger(__name__)
_KEPT_LOCKS: Final = 1_000
"""Locks in the file; the oldest goes first."""
_CHECKS_AT_ONCE: Final = 2
"""Of strangers; this machine has one more for itself."""
_IN_LINE: Final = 64
"""Logins of one source that wait; more are refused unseen."""


@dataclass(slots=True)
class _Line:
    """The logins of one source that wait for their turn."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


@dataclass(slots=True)
class LoginGuard:
    """Checks logins to one node.

    Attributes:
        accounts: Who may log in.
        policy: How strict it is.
        now: A clock that only goes forward, seconds.
        wall: The machine's clock, seconds since 1970.
        told: Told in a thread of each new lock: account and source; one of both is empty where it holds for all.
    """

    accounts: AccountStore
    policy: LoginPolicy = field(default_factory=LoginPolicy)
    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    told: Callable[[str, str], None] = lambda _account, _source: None
    _guesses: Guesses = field(init=False)
    _checks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CHECKS_AT_ONCE))
    _local_checks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    _attempts: set[asyncio.Future[tuple[Account | None, float]]] = field(default_factory=set)
    _lines: dict[str, _Line] = field(default_factory=dict)
    _kept: dict[Key, Lock] = field(default_factory=dict)
    _written: dict[Key, Lock] = field(default_factory=dict)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Take up the locks of an earlier process."""
        self._guesses = Guesses(self.policy)
        self._kept = self._written = read_locks(self._lock_file)
        now, wall = self.now(), self.wall()
        # A clock that was set back must not make a lock last longer than one that begins now.
        self._guesses.restore(
            {key: Failures(lock.failures, now - max(0.0, wall - lock.last)) for key, lock in self._kept.items()}
        )

    @property
    def _lock_file(self) -> Path:
        return self.accounts.path.with_name(LOCK_FILE)

    async def check_password(self, name: str, password: str, address: str) -> Account | None:
        """Return the account, None if it may not log in; a failure answers late (rule 2).

        Args:
            name: The account.
            password: The password.
            address: The client's address.

        Raises:
            MalformedError: The file of accounts is damaged.
        """
        source, begun = source_of(address), time.monotonic()
        slowed = self._guesses.slowed(name, source, self.now())
        if slowed and not self.is_locked(name, source):
            await asyncio.sleep(slowed)
        attempt = asyncio.ensure_future(self._attempt(name, password, source))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        # A client that goes away has guessed all the same; neither the counting nor the work may end half-way.
        account, delay = await asyncio.shield(attempt)
        if account is None:
            await asyncio.sleep(begun + max(delay, slowed) - time.monotonic())
        return account

    def is_locked(self, name: str, address: str) -> bool:
        """Return whether a client's source is locked out of an account now."""
        return self._guesses.is_locked(name, source_of(address), self.now())

    def failed(self, name: str, address: str) -> float:
        """Count a failure; return how long its answer shall wait, seconds."""
        return self._guesses.failed(name, source_of(address), self.now())

    async def refused(self, name: str, address: str) -> float:
        """Count a failure of what is no password, such as a token; return how long its answer shall wait, seconds."""
        source = source_of(address)
        delay = self.failed(name, source)
        await self._keep_locks(name, source)
        return delay

    def succeeded(self, name: str, address: str) -> None:
        """Forget an account's failures from a client's source."""
        self._guesses.succeeded(name, source_of(address))

    async def _attempt(self, name: str, password: str, source: str) -> tuple[Account | None, float]:
        """Check a password when it is its source's turn; return the account, or how late to refuse."""
        async with self._turn(source) as others:
            account = None
            if others < _IN_LINE and not self.is_locked(name, source):
                await asyncio.sleep(self._guesses.pace(name, source, self.now()))
                async with self._local_checks if is_local(source) else self._checks:
                    account = await asyncio.to_thread(self.accounts.verify, name, password)
            if account is not None:
                self.succeeded(name, source)
                return account, 0.0
            delay = self.failed(name, source)
        await self._keep_locks(name, source)
        return None, delay

    @asynccontextmanager
    async def _turn(self, source: str) -> AsyncIterator[int]:
        """Let a source's logins in one after the other (rule 4), each told how many were there before it came."""
        line = self._lines.setdefault(source, _Line())
        before = line.length
        line.length += 1
        try:
            async with line.turn:
                yield before
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[source]

    async def _keep_locks(self, name: str, source: str) -> None:
        """Write the locks when one is new, or has become much longer."""
        now, lasts = self.wall(), self.policy.lock_seconds
        locked = self._guesses.standing(name, source, self.now())
        if not any(key not in self._kept or now - self._kept[key].last > lasts / 10 for key in locked):
            return
        new = [key for key in locked if key not in self._kept]
        lasting = [(key, lock) for key, lock in self._kept.items() if now - lock.last <= lasts and key not in locked]
        lasting += [(key, Lock(number, now)) for key, number in locked.items()]
        self._kept = dict(lasting[-_KEPT_LOCKS:])
        async with self._writing:
            # One write does for all that waited for it.
            if self._written is not self._kept:
                self._written = self._kept
                # A full disk must not keep anybody from logging in; the lock holds in memory in any case.
                with contextlib.suppress(OSError):
                    await asyncio.to_thread(write_locks, self._lock_file, self._kept)
        for account, address in new:
            # Nor must a database that is down.
            try:
                await asyncio.to_thread(self.told, account, address)
            except MixedModeError as error:
                _log.warning("audit record of a lock of %s from %s lost: %s", account or "all", address or "all", error)
