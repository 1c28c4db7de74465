"""Who is signed in while the publisher's database is away: in the memory of a subscriber, whose pages go on to be read.

Rules:

1. Who was seen here before goes on; who signs in meanwhile has a session that is written when the database is back.
2. Time-outs, passwords and accounts count as they do otherwise (:mod:`.web_sessions`, rule 2).
3. A session that ends meanwhile, here or everywhere, has ended when the database is back too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from mixedmode.control.accounts import Account, AccountStore
from mixedmode.control.signed_in.kept_sessions import KeptSession, KeptSessions
from mixedmode.control.signed_in.web_sessions import (
    SessionPolicy,
    WebSession,
    digest_of,
    is_valid,
    principal_of,
    stamp_of,
)


class AwaySessions:
    """The sessions of a node whose database is away.

    Args:
        kept: What the node remembers.
        node: Its name.
        accounts: Its accounts.
        now: The time.
        policy: How long sessions last.
    """

    def __init__(
        self,
        kept: KeptSessions,
        node: str,
        accounts: AccountStore,
        now: Callable[[], datetime],
        policy: SessionPolicy,
    ) -> None:
        self.policy = policy
        self._kept, self._node, self._accounts, self._now = kept, node, accounts, now

    def begin(self, user: str, source: str, *, account: Account | None) -> WebSession:
        """Sign somebody in with a new token."""
        token, now = secrets.token_urlsafe(32), self._now()
        self._kept.keep(digest_of(token), KeptSession(user, stamp_of(account), source, now, now, begun_away=True))
        return WebSession(token, principal_of(user, source, account, self._node), now, now)

    def find(self, token: str, source: str, *, touch: bool = True) -> WebSession | None:
        """Return the session of a token, None if none is remembered or it has ended."""
        digest, now = digest_of(token), self._now()
        found = self._kept.get(digest)
        if found is None:
            return None
        account = self._accounts.find(found.username)
        if not is_valid(found, account, now, self.policy):
            self._kept.end(digest)
            return None
        if touch:
            self._kept.keep(digest, replace(found, seen=now))
        return WebSession(token, principal_of(found.username, source, account, self._node), found.started, found.seen)

    def end(self, token: str) -> None:
        """End a session."""
        self._kept.end(digest_of(token))

    def end_all(self, user: str) -> int:
        """End every session of a person at this node; return how many were known."""
        return self._kept.end_all(user, self._now())
