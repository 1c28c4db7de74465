"""The audit log: who did what, when, from where, and what became of it.

Rules:

1. Rows are only added, but for what strangers write: of refusals and logins a bounded number is kept
   (:mod:`.refusals`).
2. A row says with which level somebody acted, and at which node, beside what was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from mixedmode.cluster.engine import refusals
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import DONE, AuditRecord
from mixedmode.cluster.store.schema import AuditRow
from mixedmode.cluster.store.state import ClusterState

REFUSED = "refused"
LOGIN = "login"


class AuditLog:
    """Writes and reads the audit log of a cluster.

    Attributes:
        is_copy: Whether it is a subscriber's own, which nobody but the publisher's database writes.
    """

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._database = state.database
        self._strangers, self._accounts = refusals.RefusalBudget(), refusals.RefusalBudget()
        self._refused: set[str] = set()
        self._until_pruned = 0
        self.is_copy = False

    def audit(
        self,
        limit: int = 1000,
        *,
        since: datetime | None = None,
        user: str | None = None,
        action: str | None = None,
        outcome: str | None = None,
    ) -> list[AuditRecord]:
        """Return the latest audit records, oldest first.

        Args:
            limit: So many at most.
            since: Not older than this.
            user: Of this account, in any case.
            action: Whose action begins with this, in any case.
            outcome: With this outcome, in any case.
        """
        query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
        if since is not None:
            query = query.where(AuditRow.moment >= since)
        if user is not None:
            query = query.where(func.lower(AuditRow.username) == user.lower())
        if action is not None:
            query = query.where(func.lower(AuditRow.action).startswith(action.lower(), autoescape=True))
        if outcome is not None:
            query = query.where(func.lower(AuditRow.outcome) == outcome.lower())
        with self._database.read() as session:
            rows = session.scalars(query).all()
            return [_told(row) for row in reversed(rows)]

    def record(
        self, session: Session, principal: Principal, action: str, outcome: str, details: Mapping[str, object]
    ) -> None:
        """Write an audit record within a transaction, for something that changes the cluster and is no operation."""
        self._audit(session, principal, action, outcome, None, details)

    @contextmanager
    def along(self, principal: Principal, action: str, details: Mapping[str, object]) -> Iterator[None]:
        """Write an audit record of what is done meanwhile outside of the database; what fails leaves none.

        Raises:
            DatabaseError: It cannot be written, and nothing was done yet; or what was done cannot be kept in the log,
                since the database went away meanwhile.
        """
        with self._database.write() as session:
            self._audit(session, principal, action, DONE, None, details)
            session.flush()
            yield

    def note(self, principal: Principal, action: str, outcome: str, details: Mapping[str, object]) -> None:
        """Write an audit record for something that is no operation, such as a login or a deleted file.

        Refusals beyond what one source may write have none (:mod:`.refusals`).
        """
        record = dict(details)
        if outcome == REFUSED:
            more = self._strangers.take(principal.source, self._state.now())
            if more is None:
                return
            record |= more
            self._refused.add(action)
        with self._database.write() as session:
            self._audit(session, principal, action, outcome, None, record)
            self._prune(session)

    def not_allowed(self, name: str, details: Mapping[str, object], principal: Principal) -> None:
        """Write down that somebody asked for what he has not the level for.

        How often is bounded too (:mod:`.refusals`), but by a budget of its own: he has logged in, and strangers who
        fail to must not be able to hide him.
        """
        more = self._accounts.take(principal.source, self._state.now())
        if more is not None and not self.is_copy:
            with self._database.write() as session:
                self._audit(session, principal, name, REFUSED, None, {**details, **more})

    def last_change(self, *actions: str) -> int:
        """Return a number that grows when the cluster is changed.

        Args:
            actions: What else changes it, beside operations, of those that :meth:`record` notes.
        """
        changes = or_(AuditRow.operation.is_not(None), AuditRow.action.in_(actions))
        with self._database.read() as session:
            return session.scalar(select(AuditRow.id).where(changes).order_by(AuditRow.id.desc()).limit(1)) or 0

    def _prune(self, session: Session) -> None:
        """Now and then drop the refusals and logins that are too many."""
        self._until_pruned -= 1
        if self._until_pruned > 0:
            return
        self._until_pruned = refusals.PRUNED_EVERY
        # What administrators were refused stays: only they can be, and it is no flood.
        refused = and_(
            AuditRow.operation.is_(None), AuditRow.outcome == REFUSED, AuditRow.action.in_(sorted(self._refused))
        )
        logins = and_(AuditRow.operation.is_(None), AuditRow.outcome != REFUSED, AuditRow.action == LOGIN)
        kinds: dict[str, ColumnElement[bool]] = {REFUSED: refused, LOGIN: logins}
        for kind, of_kind in kinds.items():
            newest = select(AuditRow.id).where(of_kind).order_by(AuditRow.id.desc())
            oldest_kept = session.scalar(newest.offset(refusals.KEPT[kind]).limit(1))
            if oldest_kept is not None:
                session.execute(delete(AuditRow).where(of_kind, AuditRow.id <= oldest_kept))

    def _audit(
        self,
        session: Session,
        principal: Principal,
        action: str,
        outcome: str,
        operation: int | None,
        details: Mapping[str, object],
    ) -> None:
        record = {"level": principal.level, **details}
        if principal.node:
            record.setdefault("node", principal.node)
        session.add(
            AuditRow(
                moment=self._state.now(),
                username=principal.user,
                source=principal.source,
                action=action,
                outcome=outcome,
                operation=operation,
                details=record,
            )
        )


def _told(row: AuditRow) -> AuditRecord:
    """Return what a row tells; whoever wrote it, the log can be read."""
    details = row.details if isinstance(row.details, dict) else {"details": row.details}
    level, node = details.get("level"), details.get("node")
    return AuditRecord(
        row.id,
        row.moment,
        row.username,
        row.source,
        level if isinstance(level, int) else None,
        None if node is None else str(node),
        row.action,
        row.outcome,
        row.operation,
        details,
    )
