"""Every list that was ever published: its bytes by hash, and when, for which node and by what it was published.

Rules:

1. A list is kept in the transaction that decides on it, as long as the database lasts: nothing here removes one.
2. The bytes stand once, however often they are published; each time has its entry.
3. A phone shows the MD5 or the SHA-1 of what it holds, other places the SHA-256: any of them finds the list, also
   its first digits if they fit one list only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.schema import OperationRow, TrustFileArchiveRow, TrustFileHistoryRow, TrustFileRow
from mixedmode.errors import UsageError

LEAST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Publication:
    """A list was published.

    Attributes:
        number: Grows with each publication.
        name: Of the file.
        node: Whose it was; empty for the CTL, which all nodes share.
        published: When.
        action: What published it, such as ``utils ctl update CTLFile``; empty if an earlier release did not note it.
        operation: The operation's number in the journal and in the audit log; None if it was none.
        current: Whether nothing has replaced it.
        sha256: The list's, lower hex; so are the other two.
        length: Of the list, in bytes.
    """

    number: int
    name: str
    node: str
    published: datetime
    action: str
    operation: int | None
    current: bool
    sha256: str
    sha1: str
    md5: str
    length: int


@dataclass(frozen=True, slots=True)
class ArchivedList:
    """A list of the archive.

    Attributes:
        data: As it was published.
        sha256: Lower hex; so are the other two.
        publications: The times when it was published, oldest first.
    """

    data: bytes
    sha256: str
    sha1: str
    md5: str
    publications: tuple[Publication, ...]


def keep(session: Session, data: bytes) -> TrustFileArchiveRow:
    """Keep a list's bytes; repeating it changes nothing (rules 1 and 2)."""
    sha256 = hashlib.sha256(data).hexdigest()
    row = session.get(TrustFileArchiveRow, sha256)
    if row is None:
        row = TrustFileArchiveRow(
            sha256=sha256,
            sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest(),
            md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
            length=len(data),
            data=data,
        )
        session.add(row)
        session.flush()
    return row


def note(
    session: Session,
    sha256: str,
    name: str,
    node: str,
    published: datetime,
    *,
    operation: int | None = None,
    action: str = "",
) -> None:
    """Note that a kept list was published; an operation gives its own name to the entry."""
    if operation is not None:
        action = session.get_one(OperationRow, operation).name
    session.add(
        TrustFileHistoryRow(
            sha256=sha256, name=name, node=node, published=published, action=action, operation=operation
        )
    )


def has(session: Session, sha256: str) -> bool:
    """Return whether a list is kept."""
    return session.get(TrustFileArchiveRow, sha256) is not None


def content(database: Database, sha256: str) -> bytes | None:
    """Return a kept list by its SHA-256 (lower hex), None if it is not kept."""
    with database.read() as session:
        return session.scalar(select(TrustFileArchiveRow.data).where(TrustFileArchiveRow.sha256 == sha256))


def contents(database: Database) -> Iterator[bytes]:
    """Yield every list that was published, each once."""
    for sha256 in sorted({each.sha256 for each in history(database)}):
        data = content(database, sha256)
        if data is not None:
            yield data


def history(database: Database, *, node: str | None = None) -> list[Publication]:
    """Return every publication, oldest first.

    Args:
        database: Of the cluster.
        node: Only of this one's ITL; everything if left out.
    """
    with database.read() as session:
        return _publications(session, *(() if node is None else (TrustFileHistoryRow.node == node,)))


def find(database: Database, digest: str) -> ArchivedList:
    """Return the list of a hash (rule 3).

    Args:
        database: Of the cluster.
        digest: Hex digits in any case, also with colons or blanks between them.

    Raises:
        UsageError: It is no hash, or its digits fit several lists.
        NotFoundError: No such list was published.
    """
    wanted = re.sub(r"[\s:.-]", "", digest).lower()
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST_DIGITS},64}}", wanted):
        raise UsageError(
            f"{digest!r} is no hash of a list",
            next_step=f"give the MD5, SHA-1 or SHA-256 in hex, or at least its first {LEAST_DIGITS} digits",
        )
    columns = (TrustFileArchiveRow.sha256, TrustFileArchiveRow.sha1, TrustFileArchiveRow.md5)
    with database.read() as session:
        query = select(TrustFileArchiveRow).where(or_(*(column.startswith(wanted) for column in columns))).limit(2)
        found = session.scalars(query).all()
        if len(found) > 1:
            raise UsageError(f"{wanted} fits several lists", next_step="give more digits")
        if not found:
            raise NotFoundError(
                f"this cluster never published a list with hash {wanted}",
                where=database.label,
                why="it is another cluster's, or older than this archive",
                next_step="mixedmode lists shows what was published",
            )
        row = found[0]
        times = _publications(session, TrustFileHistoryRow.sha256 == row.sha256)
        return ArchivedList(row.data, row.sha256, row.sha1, row.md5, tuple(times))


def _publications(session: Session, *conditions: ColumnElement[bool]) -> list[Publication]:
    entry, kept = TrustFileHistoryRow, TrustFileArchiveRow
    newest = set(session.scalars(select(func.max(entry.id)).group_by(entry.name, entry.node)))
    present = {(row.name, row.node): row.sha256 for row in session.scalars(select(TrustFileRow))}
    query = select(entry, kept).join(kept, kept.sha256 == entry.sha256).where(*conditions).order_by(entry.id)
    return [
        Publication(
            number=each.id,
            name=each.name,
            node=each.node,
            published=each.published,
            action=each.action,
            operation=each.operation,
            current=each.id in newest and present.get((each.name, each.node)) == each.sha256,
            sha256=row.sha256,
            sha1=row.sha1,
            md5=row.md5,
            length=row.length,
        )
        for each, row in session.execute(query)
    ]
