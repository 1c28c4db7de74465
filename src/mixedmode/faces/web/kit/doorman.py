"""Who asks? Passwords, sessions, links of the console and HTTP's own basic authentication: one place for all of a node.

Rules:

1. Passwords are checked by the guard that SSH has too: an account that is locked there is locked here.
2. Whether a name is unknown, its password wrong or the account locked is told by nothing: the text is one, and a
   refusal comes when its delay is over (:mod:`mixedmode.control.logins`, rule 2).
3. Each sign-in, refusal and sign-out is in the audit log; a database that is down keeps people out of the publisher's
   pages, which are made of it, and not of the prompt. What is noted at a subscriber meanwhile is entered later.
4. A link of the console is good once, for a minute, and only from this host.
5. Signing in always makes a new session; a token that a browser had before is worth nothing.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.control.accounts import MAX_PASSWORD, Account
from mixedmode.control.acts import LOGIN
from mixedmode.control.door import Control
from mixedmode.control.logins import LoginGuard
from mixedmode.control.people import CONSOLE, of_account, unproved
from mixedmode.control.signed_in.api_tokens import ApiTokens
from mixedmode.control.signed_in.web_sessions import Sessions, WebSession
from mixedmode.errors import MixedModeError
from mixedmode.faces.ssh.side_loop import SideLoop
from mixedmode.faces.web.kit.problems import Problem

COOKIE: Final = "__Host-mixedmode"
FORM_COOKIE: Final = "__Host-mixedmode-form"
"""Of who has not signed in: the token of the form in which he does is made of it."""
LINK_SECONDS: Final = 60.0
_LINKS: Final = 64
_MOST_BASIC: Final = 512
_TOKENS: Final = "API token"
"""In the place of an account's name, which has no blank."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Links:
    """The links that the console gave and nobody used yet (rule 4)."""

    _open: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, user: str) -> str:
        """Return a new ticket for a user of this machine."""
        ticket, now = secrets.token_urlsafe(24), time.monotonic()
        with self._lock:
            self._open = {each: found for each, found in self._open.items() if found[1] > now}
            while len(self._open) >= _LINKS:
                del self._open[next(iter(self._open))]
            self._open[ticket] = (user, now + LINK_SECONDS)
        return ticket

    def take(self, ticket: str) -> str | None:
        """Return whose a ticket is, None if it is none, was used, or is too old."""
        with self._lock:
            user, until = self._open.pop(ticket, ("", 0.0))
        return user if time.monotonic() < until else None


class Doorman:
    """Says who asks.

    Args:
        control: The door to the cluster; has the audit log.
        node: The node's name.
        guard: Checks passwords, on the node's own loop.
        sessions: Who is signed in.
        tokens: Of the API.
        side: The loop of the pages.

    Attributes:
        links: Of the console.
        tokens: Of programs.
    """

    def __init__(
        self,
        control: Control,
        node: str,
        *,
        guard: LoginGuard,
        sessions: Sessions,
        tokens: ApiTokens,
        side: SideLoop,
    ) -> None:
        self.links = Links()
        self.tokens = tokens
        self._control, self._node = control, node
        self._guard, self._sessions, self._side = guard, sessions, side

    async def sign_in(self, name: str, password: str, address: str) -> WebSession | None:
        """Return a new session, None if the account may not sign in, for whatever reason (rule 2).

        Raises:
            DatabaseError: The database does not answer.
        """
        account = await self._checked(name, password, address, face="pages")
        if account is None:
            return None
        return await asyncio.to_thread(self._begin, account.name, address, account)

    async def basic(self, header: str, address: str) -> Principal | None:
        """Return who an ``Authorization: Basic`` header says and proves, None if he may not.

        Checks are kept for nobody: programs that ask often should sign in once, or use a token.
        """
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != "basic" or len(rest) > _MOST_BASIC:
            return None
        try:
            name, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = await self._checked(name, password, address, face="api") if colon else None
        return None if account is None else of_account(account, address, self._node)

    async def bearer(self, header: str, address: str) -> Principal | None:
        """Return who an ``Authorization: Bearer`` header stands for, None if it is no token that works.

        Guesses are counted as those of passwords are, by address; who is locked out is told so, and his token is not
        looked at.

        Raises:
            Problem: The address is locked out.
            DatabaseError: The database does not answer.
        """
        if await self._side.at_home(self._is_locked(_TOKENS, address)):
            raise Problem(429, "Too many wrong tokens came from this address.", "", "Wait some minutes.", "locked")
        scheme, _, token = header.partition(" ")
        principal = None
        if scheme.lower() == "bearer":
            principal = await asyncio.to_thread(self.tokens.find, token.strip(), address)
        if principal is None:
            delay = await self._side.at_home(self._guard.refused(_TOKENS, address))
            await asyncio.to_thread(self._refused, _TOKENS, address, "api", "token")
            await asyncio.sleep(delay)
        return principal

    async def _is_locked(self, name: str, address: str) -> bool:
        return self._guard.is_locked(name, address)

    def take_link(self, ticket: str, address: str, here: str) -> WebSession | None:
        """Return a new session for a link of the console (rule 4).

        Args:
            ticket: Of the link.
            address: Where the request comes from.
            here: The address where it came to.

        Raises:
            DatabaseError: The database does not answer.
        """
        user = self.links.take(ticket)
        if user is None or not _is_this_host(address, here):
            return None
        account = self._guard.accounts.find(user)
        return self._begin(user, CONSOLE, account)

    def session(self, cookies: Mapping[str, str], address: str, *, touch: bool = True) -> WebSession | None:
        """Return the session of a browser's cookies, None if there is none; asks the database."""
        token = cookies.get(COOKIE, "")
        return self._sessions.find(token, address, touch=touch) if 0 < len(token) <= 64 else None

    def sign_out(self, session: WebSession, *, everywhere: bool = False) -> int:
        """End a session, or all of its person at this node; return how many ended."""
        ended = 1
        if everywhere:
            ended = self._sessions.end_all(session.principal.user)
        else:
            self._sessions.end(session.token)
        self._control.note(session.principal, LOGIN, "ended", face="pages", sessions=ended)
        return ended

    def _begin(self, user: str, source: str, account: Account | None) -> WebSession:
        session = self._sessions.begin(user, source, account=account)
        method = "console" if source == CONSOLE else "password"
        self._control.note(session.principal, LOGIN, "done", method=method, face="pages")
        return session

    async def _checked(self, name: str, password: str, address: str, *, face: str) -> Account | None:
        # What is no name or password costs no hash: no account has such a one, whatever it is called.
        name, password = name[:64], password[: MAX_PASSWORD + 1]
        try:
            account = await self._side.at_home(self._guard.check_password(name, password, address))
        except MixedModeError as error:
            _log.error("nobody can sign in to %s: %s", self._node, error)
            return None
        if account is None:
            await asyncio.to_thread(self._refused, name, address, face)
        return account

    def _refused(self, name: str, address: str, face: str, method: str = "password") -> None:
        locked = self._guard.is_locked(name, address)
        try:
            who = unproved(name, address, self._node)
            self._control.note(who, LOGIN, "refused", method=method, face=face, locked=locked)
        except MixedModeError as error:
            _log.warning("audit record of a login lost: %s", error)


def form_token(secret: str) -> str:
    """Return the token of the form in which somebody signs in, made of his cookie."""
    return hmac.new(secret.encode(), b"sign in", hashlib.sha256).hexdigest()


def same(given: object, wanted: str) -> bool:
    """Return whether a form has the right token; compared in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _is_this_host(address: str, here: str) -> bool:
    try:
        return address == here or ip_address(address).is_loopback
    except ValueError:
        return False
