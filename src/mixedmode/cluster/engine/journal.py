"""The journal of operations.

Rules:

1. Taking the lock, the operation's row with all its steps, and the audit record of its beginning are one
   transaction; so are its end, the audit record of that, and giving the lock back. None is ever there alone.
2. A step is written down before and after it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select, text, update
from sqlalchemy.orm import Session

from mixedmode.cluster.engine import lock
from mixedmode.cluster.engine.audit import REFUSED, AuditLog
from mixedmode.cluster.engine.documents import document_of
from mixedmode.cluster.engine.memory import Memory
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import DONE, RUNNING, UNDOING, Entry
from mixedmode.cluster.engine.steps import Step
from mixedmode.cluster.store.database import LARGEST_NUMBER
from mixedmode.cluster.store.schema import OperationFileRow, OperationLockRow, OperationRow, OperationStepRow

UNFINISHED = (RUNNING, UNDOING)
_WAITING = "waiting"
_KEPT_OPERATIONS = 20
"""Journal files of older operations are dropped; their rows and audit records stay."""
_STEP = update(OperationStepRow).where(
    OperationStepRow.fkoperation == bindparam("of"), OperationStepRow.position == bindparam("at")
)
_STEP_BEGUN = _STEP.values(state=bindparam("became"), started=bindparam("moment"))
_STEP_ENDED = _STEP.values(state=bindparam("became"), ended=bindparam("moment"))
_REMEMBERED = update(OperationRow).where(OperationRow.id == bindparam("of")).values(memory=bindparam("kept"))


class Journal(AuditLog):
    """Writes and reads operations, and the audit log that tells of them and of all else."""

    def begin(
        self,
        operation: Operation,
        principal: Principal,
        steps: Sequence[Step],
        warnings: Sequence[str],
        *,
        holding: lock.Holding,
        node: str,
    ) -> int:
        """Take the lock and write the operation down (rule 1); return its number.

        Args:
            operation: What is to be done.
            principal: Who asks.
            steps: What it will do.
            warnings: What was warned of.
            holding: The token to hold the lock by.
            node: Where it was asked for.

        Raises:
            ClusterBusyError: Another operation holds the lock.
        """
        now, name, arguments = self._state.now(), operation.title, document_of(operation)
        with self._database.write() as session:
            lock.take(session, holding, name, now)
            row = OperationRow(
                name=name,
                arguments=arguments,
                state=RUNNING,
                username=principal.user,
                source=principal.source,
                started=now,
                memory=Memory(node, principal.level, list(warnings)).document(),
                error="",
            )
            session.add(row)
            session.flush()
            session.add_all(
                OperationStepRow(fkoperation=row.id, position=position, name=step.name, state=_WAITING)
                for position, step in enumerate(steps)
            )
            plan = [step.name for step in steps]
            details = {"node": node, "arguments": arguments, "plan": plan, "warnings": list(warnings)}
            self._audit(session, principal, name, "started", row.id, details)
            return row.id

    def holder(self) -> lock.Holder | None:
        """Return who holds the lock, None if it is free."""
        if not self._is_held():
            return None
        with self._database.read() as session:
            return lock.holder_of(session, self._state.now())

    def _is_held(self) -> bool:
        """Return whether somebody has the lock, dead or alive; every page and every operation asks."""

        def read() -> bool:
            with self._database.read() as session:
                return session.scalar(select(OperationLockRow.id)) is not None

        return self._database.remembered.get("lock", read)

    def adopt(self, holding: lock.Holding) -> Entry | None:
        """Take over the operation that a dead holder left unfinished; None if there is none.

        Args:
            holding: The token to hold the lock by.

        Raises:
            ClusterBusyError: Its process still lives.
        """
        if self._database.is_sqlite and not self._is_held():
            return None
        now = self._state.now()
        with self._database.write() as session:
            if not self._database.is_sqlite:
                # A killed client's last transaction may still be under way in its server process: wait for it.
                session.execute(text("LOCK TABLE operationlock IN SHARE ROW EXCLUSIVE MODE"))
            holder = session.get(OperationLockRow, 1)
            if holder is None:
                return None
            if not lock.is_dead(holder, now):
                raise lock.busy(session, holder, now)
            taken = lock.take_over(session, holder, holding, now)
            row = session.scalars(
                select(OperationRow).where(OperationRow.state.in_(UNFINISHED)).order_by(OperationRow.id.desc())
            ).first()
            if not taken:
                return None
            if row is None:
                lock.release(session, holding)
                return None
            return _entry(session, row)

    def step(
        self,
        operation: int,
        position: int,
        state: str,
        holding: lock.Holding,
        memory: Memory | None = None,
    ) -> None:
        """Write a step down, with the memory after it (rule 2)."""
        now = self._state.now()
        noted = _STEP_BEGUN if state == RUNNING else _STEP_ENDED
        with self._database.write() as session:
            lock.hold(session, holding, now)
            connection = session.connection()
            connection.execute(noted, {"of": operation, "at": position, "became": state, "moment": now})
            if memory is not None:
                connection.execute(_REMEMBERED, {"of": operation, "kept": memory.document()})

    def has_committed(self, operation: int, position: int, holding: lock.Holding) -> bool:
        """Return whether a committing step's transaction was kept, when its answer got lost on the way.

        Holding the lock first waits for a transaction that the server may still be ending.
        """
        with self._database.write() as session:
            lock.hold(session, holding, self._state.now())
            state = select(OperationStepRow.state).where(
                OperationStepRow.fkoperation == operation, OperationStepRow.position == position
            )
            return session.scalar(state) == DONE

    def turn_back(self, operation: int, holding: lock.Holding, error: str) -> None:
        """Note that the operation is being undone from now on, so that a resume does not go forward again."""
        with self._database.write() as session:
            lock.hold(session, holding, self._state.now())
            values = {"state": UNDOING, "error": error}
            session.execute(update(OperationRow).where(OperationRow.id == operation).values(**values))

    def end(
        self, entry: Entry, outcome: str, holding: lock.Holding, memory: Memory, *, resumed_by: Principal | None
    ) -> None:
        """Write the end down and give the lock back (rule 1)."""
        now = self._state.now()
        details = {"arguments": entry.arguments, **memory.document()}
        if resumed_by is not None:
            details["resumed_by"] = resumed_by.user
        if entry.error:
            details["error"] = entry.error
        with self._database.write() as session:
            lock.hold(session, holding, now)
            values = {"state": outcome, "ended": now, "memory": memory.document()}
            session.execute(update(OperationRow).where(OperationRow.id == entry.number).values(**values))
            self._audit(session, entry.principal, entry.name, outcome, entry.number, details)
            old = entry.number - _KEPT_OPERATIONS
            for row in session.scalars(select(OperationFileRow).where(OperationFileRow.fkoperation <= old)):
                session.delete(row)
            lock.release(session, holding)

    def abandon(self, holding: lock.Holding) -> None:
        """Leave an unfinished operation to the next resume."""
        with self._database.write() as session:
            lock.abandon(session, holding)

    def refused(self, operation: Operation, principal: Principal, error: str) -> None:
        """Write down that an operation was asked for and refused."""
        details = {"arguments": document_of(operation), "error": error}
        with self._database.write() as session:
            self._audit(session, principal, operation.title, REFUSED, None, details)

    def history(self, limit: int = 100) -> list[Entry]:
        """Return the latest operations, oldest first."""
        with self._database.read() as session:
            rows = session.scalars(select(OperationRow).order_by(OperationRow.id.desc()).limit(limit)).all()
            return [_entry(session, row) for row in reversed(rows)]

    def entry(self, operation: int) -> Entry:
        """Return an operation by its number."""
        with self._database.read() as session:
            return _entry(session, session.get_one(OperationRow, operation))

    def find(self, operation: int) -> Entry | None:
        """Return an operation by its number, None if there is none."""
        with self._database.read() as session:
            row = session.get(OperationRow, operation) if operation <= LARGEST_NUMBER else None
            return None if row is None else _entry(session, row)


def _entry(session: Session, row: OperationRow) -> Entry:
    memory = Memory.of(row.memory, row.id)
    steps = session.scalars(
        select(OperationStepRow).where(OperationStepRow.fkoperation == row.id).order_by(OperationStepRow.position)
    )
    return Entry(
        row.id,
        row.name,
        dict(row.arguments) if isinstance(row.arguments, Mapping) else {},
        row.state,
        Principal(row.username, memory.level or 0, row.source, memory.node),
        row.started,
        row.ended,
        memory,
        tuple((step.name, step.state) for step in steps),
        row.error,
    )
