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
from typing import Final

from sqlalchemy import delete, func, select, update

from mixedmode.cluster.engine.principal import LEVELS, Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.schema import WebSessionRow
from mixedmode.control.accounts import Account, AccountStore
from mixedmode.control.people import of_account

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


class WebSessions:
    """The sessions of one node.

    Args:
        cluster: Its cluster, as administrators change it.
        node: Its name.
        accounts: Its accounts.
        policy: How long sessions last.
    """

    def __init__(
        self, cluster: Cluster, node: str, accounts: AccountStore, policy: SessionPolicy = SessionPolicy()
    ) -> None:
        self.policy = policy
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
        stamp = _CONSOLE if account is None else _stamp(account)
        with self._database.write() as session:
            mine = select(WebSessionRow.token).where(WebSessionRow.node == self._node, WebSessionRow.username == user)
            oldest = mine.order_by(WebSessionRow.started.desc()).offset(self.policy.of_one - 1)
            session.execute(delete(WebSessionRow).where(WebSessionRow.token.in_(list(session.scalars(oldest)))))
            over = (WebSessionRow.seen < now - self.policy.idle) | (WebSessionRow.started < now - self.policy.longest)
            session.execute(delete(WebSessionRow).where(over))
            row = WebSessionRow(
                token=_digest(token),
                node=self._node,
                username=user,
                stamp=stamp,
                source=source,
                started=now,
                seen=now,
            )
            session.add(row)
        return WebSession(token, self._principal(user, source, account), now, now)

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
        now = self._now()
        with self._database.read() as session:
            row = session.get(WebSessionRow, _digest(token))
        if row is None or row.node != self._node:
            return None
        if now - row.seen > self.policy.idle or now - row.started > self.policy.longest:
            self.end(token)
            return None
        account = self._accounts.find(row.username)
        if row.stamp != _CONSOLE and (account is None or not hmac.compare_digest(row.stamp, _stamp(account))):
            self.end(token)
            return None
        if touch and now - row.seen > _SEEN_AGAIN:
            with self._database.write() as session:
                here = update(WebSessionRow).where(WebSessionRow.token == _digest(token))
                session.execute(here.values(seen=now))
        return WebSession(token, self._principal(row.username, source, account), row.started, row.seen)

    def end(self, token: str) -> None:
        """End a session. Ending one that is over does no harm."""
        with self._database.write() as session:
            session.execute(delete(WebSessionRow).where(WebSessionRow.token == _digest(token)))

    def end_all(self, user: str) -> int:
        """End every session of a person at this node; return how many there were."""
        mine = (WebSessionRow.node == self._node) & (WebSessionRow.username == user)
        with self._database.write() as session:
            number = session.scalar(select(func.count()).select_from(WebSessionRow).where(mine)) or 0
            session.execute(delete(WebSessionRow).where(mine))
        return number

    def _principal(self, user: str, source: str, account: Account | None) -> Principal:
        if account is None:
            return Principal(user, max(LEVELS), source, self._node)
        return of_account(account, source, self._node)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _stamp(account: Account) -> str:
    """Return what is another one once the password is."""
    return hashlib.sha256(account.password.encode()).hexdigest()
