"""Who connects? One object for each SSH connection, which lets an account in by password or public key.

The account of a session is looked up again by its name once the login is complete: what an unfinished attempt with
another name found out never counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Protocol

import asyncssh

from mixedmode.control.accounts import Account, AccountStore
from mixedmode.control.logins import LoginGuard
from mixedmode.errors import MixedModeError
from mixedmode.services.net.guests import Guests
from mixedmode.services.ssh.ssh_algorithms import only_strong_signatures
from mixedmode.services.ssh.ssh_server import SshGuest

_KEYS = 32
"""That a client may offer on one connection; an agent may hold many."""
_log = logging.getLogger(__name__)


class Host(Protocol):
    """What a login needs of the server."""

    node: str
    accounts: AccountStore
    guard: LoginGuard
    counts: Counter[str]
    guests: Guests[SshGuest]

    async def check_password(self, name: str, password: str, source: str) -> Account | None:
        """Return the account, None if it may not log in."""

    async def note(self, user: str, source: str, outcome: str, **details: object) -> None:
        """Write a login into the audit log."""


class Login(SshGuest):
    """One connection.

    Args:
        service: The server.
    """

    def __init__(self, service: Host) -> None:
        super().__init__(service.guests)
        self._service = service
        self._passwords = 0
        self._attempts: set[asyncio.Future[bool]] = set()
        self._keys_refused = 0
        self._method = ""

    def password_auth_supported(self) -> bool:
        """Passwords may log in."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Public keys may log in."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Check a password; a wrong one is answered late, too many end the connection."""
        self._passwords += 1
        if self._passwords > self._service.guard.policy.per_connection:
            self._end()
            return False
        # The library ends an attempt when the client begins the next one; it shall be counted and audited all the same.
        attempt = asyncio.ensure_future(self._check(username, password))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        return await asyncio.shield(attempt)

    async def _check(self, username: str, password: str) -> bool:
        service = self._service
        try:
            account = await service.check_password(username, password, self.source)
        except MixedModeError as error:
            _log.error("nobody can log in to %s: %s", service.node, error)
            return False
        if account is not None:
            self._method = "password"
            return True
        service.counts["failed_logins"] += 1
        locked = service.guard.is_locked(username, self.source)
        await service.note(username, self.source, "refused", method="password", locked=locked)
        if self._passwords >= service.guard.policy.per_connection:
            self._end()
        return False

    def _end(self) -> None:
        reason = "Too many authentication failures"
        self.connection.disconnect(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, reason)

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Check that a key belongs to the account; no lock concerns it, since keys cannot be guessed."""
        only_strong_signatures(key)
        try:
            account = await asyncio.to_thread(self._service.accounts.find, username)
        except MixedModeError as error:
            _log.error("nobody can log in to %s: %s", self._service.node, error)
            return False
        shown = " ".join(key.export_public_key().decode().split()[:2])
        self._method = "public key"
        if account is not None and shown in account.keys:
            return True
        self._keys_refused += 1
        if self._keys_refused >= _KEYS:
            self._end()
        return False

    async def auth_completed(self) -> None:
        """Note the login."""
        self.logged_in()
        self._service.counts["logins"] += 1
        user = self.connection.get_extra_info("username")
        await self._service.note(user, self.source, "done", method=self._method)
