"""Tokens of the REST API: made by a person for his programs, shown once, with a level at most his own and an end.

Rules:

1. A token is ``mm_ID_SECRET``. The database has the SHA-256 of the secret, which has 256 random bits and needs no slow
   hash; it is compared in constant time, also where there is no such token.
2. It is worth what both it and its account are worth now: an account that was removed has no token that works, one
   whose level was lowered has none above that. Another account that is given a name again has none of the tokens of
   the one before it: the hash is of the secret and of the account's own id.
3. It works at the node whose account made it; accounts are a node's own.
4. Making and revoking are in the audit log, written in the transaction that does it. A token makes no other tokens, so
   that one that got out cannot outlive its end.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select, update

from mixedmode.cluster.engine.principal import LEVELS, Principal
from mixedmode.cluster.engine.results import DONE
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.store.schema_api import ApiTokenRow
from mixedmode.control.accounts import Account, AccountStore
from mixedmode.control.acts import MAKE_TOKEN, REVOKE_TOKEN
from mixedmode.errors import UsageError

LONGEST_DAYS: Final = 366
LABEL_LENGTH: Final = 64
OF_ONE: Final = 100
"""Tokens of one account."""
_EVERY: Final = 4
"""The level that sees and revokes the tokens of others."""
_SEEN_AGAIN: Final = timedelta(minutes=1)
_TOKEN: Final = re.compile(r"mm_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NO_SECRET: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token, without its secret.

    Attributes:
        id: Names it; no secret.
        user: Whose account it stands for.
        label: What it is for, in its maker's words.
        level: That it has at most.
        created: When it was made.
        expires: When it ends.
        last_used: When it was used last, give or take a minute; None if never.
    """

    id: str
    user: str
    label: str
    level: int
    created: datetime
    expires: datetime
    last_used: datetime | None


class ApiTokens:
    """The tokens of one node.

    Args:
        cluster: Its cluster, as administrators change it.
        node: Its name.
        accounts: Its accounts.
    """

    def __init__(self, cluster: Cluster, node: str, accounts: AccountStore) -> None:
        self._database, self._now = cluster.database, cluster.now
        self._operations = cluster.operations
        self._node, self._accounts = node, accounts

    def make(self, principal: Principal, *, label: str, level: int, days: int) -> tuple[ApiToken, str]:
        """Make a token; return it and what its program shows, which cannot be had again.

        Args:
            principal: Whose it is.
            label: What it is for.
            level: That it shall have.
            days: How long it works.

        Raises:
            PrivilegeError: The level is above the person's own.
            UsageError: Level, days or label are out of their limits, or he has too many.
        """
        if level not in LEVELS:
            raise UsageError(f"{level} is no privilege level", where="level", next_step="one of: 0, 1, 4")
        self._operations.authorize(principal, MAKE_TOKEN.name, level, {"token_level": level})
        if not 1 <= days <= LONGEST_DAYS:
            raise UsageError(f"a token lasts 1 to {LONGEST_DAYS} days", where="days")
        if len(label) > LABEL_LENGTH or not label.isprintable():
            raise UsageError(f"a label has at most {LABEL_LENGTH} printable characters", where="label")
        now, secret, account = self._now(), secrets.token_urlsafe(32), self._accounts.find(principal.user)
        row = ApiTokenRow(
            id=secrets.token_hex(6),
            secret=_digest(secret, account),
            node=self._node,
            username=principal.user,
            label=label,
            level=level,
            isconsole=account is None,
            created=now,
            expires=now + timedelta(days=days),
            lastused=None,
        )
        with self._database.write() as session:
            session.execute(delete(ApiTokenRow).where(ApiTokenRow.expires < now))
            mine = (ApiTokenRow.node == self._node) & (ApiTokenRow.username == principal.user)
            if (session.scalar(select(func.count()).select_from(ApiTokenRow).where(mine)) or 0) >= OF_ONE:
                raise UsageError(f"an account has at most {OF_ONE} tokens", next_step="revoke those that nobody uses")
            session.add(row)
            details = {"token": row.id, "label": label, "token_level": level, "expires": row.expires.isoformat()}
            self._operations.journal.record(session, principal, MAKE_TOKEN.name, DONE, details)
        return _told(row), f"mm_{row.id}_{secret}"

    def all(self, principal: Principal) -> list[ApiToken]:
        """Return a person's tokens, or everybody's for who has level 4; the newest first."""
        query = select(ApiTokenRow).where(ApiTokenRow.node == self._node, ApiTokenRow.expires >= self._now())
        if principal.level < _EVERY:
            query = query.where(ApiTokenRow.username == principal.user)
        with self._database.read() as session:
            return [_told(row) for row in session.scalars(query.order_by(ApiTokenRow.created.desc(), ApiTokenRow.id))]

    def revoke(self, principal: Principal, token: str) -> ApiToken:
        """End a token of one's own, or anybody's with level 4.

        Raises:
            NotFoundError: There is none of that name, or it is somebody else's.
        """
        with self._database.write() as session:
            row = session.get(ApiTokenRow, token)
            if row is None or row.node != self._node or not self._sees(principal, row):
                raise NotFoundError(f"there is no token {token!r}", next_step="list them and take its id")
            session.delete(row)
            details = {"token": row.id, "label": row.label, "of": row.username}
            self._operations.journal.record(session, principal, REVOKE_TOKEN.name, DONE, details)
            return _told(row)

    def find(self, shown: str, source: str) -> Principal | None:
        """Return who a token stands for, None if it is none, or works no more (rules 1 and 2).

        Args:
            shown: As the program shows it.
            source: Where the request comes from; the audit log has it.

        Raises:
            DatabaseError: The database does not answer.
            MalformedError: The file of accounts is damaged.
        """
        parts = _TOKEN.fullmatch(shown)
        if parts is None:
            return None
        now = self._now()
        with self._database.read() as session:
            row = session.get(ApiTokenRow, parts[1])
        account = None if row is None else self._accounts.find(row.username)
        digest = _digest(parts[2], None if row is None or row.isconsole else account)
        right = hmac.compare_digest(digest, _NO_SECRET if row is None else row.secret)
        if row is None or not right or row.node != self._node or row.expires < now:
            return None
        if account is None and not row.isconsole:
            return None
        if row.lastused is None or now - row.lastused > _SEEN_AGAIN:
            with self._database.write() as session:
                session.execute(update(ApiTokenRow).where(ApiTokenRow.id == row.id).values(lastused=now))
        level = row.level if account is None else min(row.level, account.privilege)
        return Principal(row.username, level, source, self._node)

    def _sees(self, principal: Principal, row: ApiTokenRow) -> bool:
        return principal.level >= _EVERY or row.username == principal.user


def _digest(secret: str, account: Account | None) -> str:
    return hashlib.sha256((secret + ("" if account is None else account.id)).encode()).hexdigest()


def _told(row: ApiTokenRow) -> ApiToken:
    return ApiToken(row.id, row.username, row.label, row.level, row.created, row.expires, row.lastused)
