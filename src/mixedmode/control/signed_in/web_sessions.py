"""Who is signed in to the pages of a node: sessions in the database, so that they outlive the node's process.

Rules:

1. The browser holds a random token, the database its SHA-256: who reads the database is not signed in by it.
2. A session ends after a time without a request, after a time in any case, when its account is removed, when its
   password is changed, and when its person says so, here or everywhere.
3. What an account may do is looked up with each request: a level that was lowered holds at once.
4. A user of this machine whom the console signed in has no account; what he may do is said as at the console
   (:mod:`.people`, rule 2).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import delete, func, select, update

from mixedmode.cluster.engine.principal import LEVELS, Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.schema import WebSessionRow
from mixedmode.control.accounts import Account, AccountStore
from mixedmode.control.people import of_account
from mixedmode.control.signed_in.kept_sessions import KeptSession, KeptSessions

_CONSOLE: Final = "console"
_SEEN_AGAIN: Final = timedelta(seconds=30)
"""A session's last request is noted no more often than this: reading a page shall not write."""


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long sessions last.

    Attributes:
        idle: Without a request.
        longest: In any case.
        of_one: So many of one person; the oldest go.
    """

    idle: timedelta = timedelta(minutes=30)
    longest: timedelta = timedelta(hours=12)
    of_one: int = 20


@dataclass(frozen=True, slots=True)
class WebSession:
    """Somebody who is signed in.

    Attributes:
        token: What his browser shows; never written anywhere.
        principal: Who he is, and what he may.
        started: When he signed in.
        seen: When he asked for something last, give or take half a minute.
    """

    token: str
    principal: Principal
    started: datetime
    seen: datetime

    def secret(self, what: str) -> str:
        """Return a secret of this session for a purpose, such as the token of its forms."""
        return hmac.new(self.token.encode(), what.encode(), hashlib.sha256).hexdigest()


class Sessions(Protocol):
    """Who is signed in, wherever that is kept; see :class:`WebSessions` for what its methods do."""

    policy: SessionPolicy

    def begin(self, user: str, source: str, *, account: Account | None) -> WebSession:
        """Sign somebody in with a new token."""

    def find(self, token: str, source: str, *, touch: bool = True) -> WebSession | None:
        """Return the session of a token, None if there is none or it has ended."""

    def end(self, token: str) -> None:
        """End a session."""

    def end_all(self, user: str) -> int:
        """End every session of a person at this node; return how many there were."""


class WebSessions:
    """The sessions of one node.

    Args:
        cluster: Its cluster, as administrators change it.
        node: Its name.
        accounts: Its accounts.
        policy: How long sessions last.
        kept: Remembers them for when the database is away; None where pages end with it.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        accounts: AccountStore,
        policy: SessionPolicy = SessionPolicy(),
        kept: KeptSessions | None = None,
    ) -> None:
        self.policy = policy
        self._kept = kept
        self._database, self._now = cluster.database, cluster.now
        self._node = node
        self._accounts = accounts

    def begin(self, user: str, source: str, *, account: Account | None) -> WebSession:
        """Sign somebody in with a new token.

        Args:
            user: Who.
            source: From where.
            account: His account; None is a user of this machine, whom the console vouches for.

        Raises:
            DatabaseError: The database does not answer.
        """
        token, now = secrets.token_urlsafe(32), self._now()
        stamp = stamp_of(account)
        with self._database.write() as session:
            mine = select(WebSessionRow.token).where(WebSessionRow.node == self._node, WebSessionRow.username == user)
            oldest = mine.order_by(WebSessionRow.started.desc()).offset(self.policy.of_one - 1)
            session.execute(delete(WebSessionRow).where(WebSessionRow.token.in_(list(session.scalars(oldest)))))
            over = (WebSessionRow.seen < now - self.policy.idle) | (WebSessionRow.started < now - self.policy.longest)
            session.execute(delete(WebSessionRow).where(over))
            session.add(self._row(digest_of(token), user, stamp, source, now, now))
        if self._kept is not None:
            self._kept.keep(digest_of(token), KeptSession(user, stamp, source, now, now))
        return WebSession(token, principal_of(user, source, account, self._node), now, now)

    def _row(self, digest: str, user: str, stamp: str, source: str, started: datetime, seen: datetime) -> WebSessionRow:
        return WebSessionRow(
            token=digest, node=self._node, username=user, stamp=stamp, source=source, started=started, seen=seen
        )

    def find(self, token: str, source: str, *, touch: bool = True) -> WebSession | None:
        """Return the session of a token, None if there is none or it has ended (rule 2).

        Args:
            token: As the browser shows it.
            source: Where the request comes from; the audit log has it.
            touch: Whether this is a request of the person, and not of a page that keeps itself up to date.

        Raises:
            DatabaseError: The database does not answer.
            MalformedError: The file of accounts is damaged.
        """
        now, digest = self._now(), digest_of(token)
        with self._database.read() as session:
            row = session.get(WebSessionRow, digest)
        if row is None:
            row = self._begun_away(digest)
        if row is None or row.node != self._node:
            return None
        account = self._accounts.find(row.username)
        if not is_valid(row, account, now, self.policy) or self._ended_away(row):
            self.end(token)
            return None
        if touch and now - row.seen > _SEEN_AGAIN:
            with self._database.write() as session:
                here = update(WebSessionRow).where(WebSessionRow.token == digest)
                session.execute(here.values(seen=now))
        if self._kept is not None:
            self._kept.keep(digest, KeptSession(row.username, row.stamp, row.source, row.started, now))
        return WebSession(token, principal_of(row.username, source, account, self._node), row.started, row.seen)

    def _begun_away(self, digest: str) -> WebSessionRow | None:
        """Write down a session that began while the database was away."""
        found = None if self._kept is None else self._kept.get(digest)
        if found is None or not found.begun_away:
            return None
        row = self._row(digest, found.username, found.stamp, found.source, found.started, found.seen)
        with self._database.write() as session:
            session.merge(row)
        return row

    def _ended_away(self, row: WebSessionRow) -> bool:
        return self._kept is not None and self._kept.has_ended(row.token, row.username, row.started)

    def end(self, token: str) -> None:
        """End a session. Ending one that is over does no harm."""
        digest = digest_of(token)
        with self._database.write() as session:
            session.execute(delete(WebSessionRow).where(WebSessionRow.token == digest))
        if self._kept is not None:
            self._kept.forget(digest)

    def end_all(self, user: str) -> int:
        """End every session of a person at this node; return how many there were."""
        mine = (WebSessionRow.node == self._node) & (WebSessionRow.username == user)
        with self._database.write() as session:
            number = session.scalar(select(func.count()).select_from(WebSessionRow).where(mine)) or 0
            session.execute(delete(WebSessionRow).where(mine))
        if self._kept is not None:
            self._kept.forget_all(user)
        return number


def principal_of(user: str, source: str, account: Account | None, node: str) -> Principal:
    """Return who somebody is (rules 3 and 4)."""
    return Principal(user, max(LEVELS), source, node) if account is None else of_account(account, source, node)


def is_valid(found: WebSessionRow | KeptSession, account: Account | None, now: datetime, policy: SessionPolicy) -> bool:
    """Return whether a session has not ended (rule 2)."""
    if now - found.seen > policy.idle or now - found.started > policy.longest:
        return False
    return found.stamp == _CONSOLE or (account is not None and hmac.compare_digest(found.stamp, stamp_of(account)))


def digest_of(token: str) -> str:
    """Return what is kept of a token (rule 1)."""
    return hashlib.sha256(token.encode()).hexdigest()


def stamp_of(account: Account | None) -> str:
    """Return what is another one once the password is; of whom the console signed in, a word."""
    return _CONSOLE if account is None else hashlib.sha256(account.password.encode()).hexdigest()
