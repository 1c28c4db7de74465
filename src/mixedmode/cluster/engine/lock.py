"""One operation at a time: the cluster's lock, in the database.

Rules:

1. The lock is one row; taking it is one conditional write, so two processes cannot both have it.
2. Who holds it is named by host, boot and process; a holder on this host that no longer lives is dead at once,
   one on another host after :data:`SILENCE` without a sign of life.
3. A process that lives may have lost its operation all the same: the database went away under it, so that it could not
   even give the lock back. It knows which locks its threads still work under; one that is not among them is dead.
4. A lock of a dead holder is taken over by replacing exactly its token. The old holder, should it wake up,
   finds its token gone at its next journal entry and stops (:class:`LockLostError`).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mixedmode.cluster.engine.memory import Memory
from mixedmode.cluster.model.errors import ClusterBusyError, LockLostError
from mixedmode.cluster.store.schema import OperationLockRow, OperationRow

Clock = Callable[[], datetime]
SILENCE = timedelta(seconds=120)
"""A holder on another host that gave no sign of life for so long counts as dead."""
_LOCK = 1
_ENDED = "ended "
"""Before the process in the lock of one that lives and gave its operation up."""
_BEAT = (
    update(OperationLockRow)
    .where(OperationLockRow.id == _LOCK, OperationLockRow.token == bindparam("held"))
    .values(beat=bindparam("moment"))
)
"""Every journal entry does it: written out once, and not as a change of objects."""
_working: set[str] = set()
"""Tokens under which a thread of this process works now (rule 3)."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Proof of holding the lock."""

    token: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock.

    Attributes:
        operation: Its name.
        number: In the journal; None if it has no entry.
        user: The account that asked for it.
        source: The address that it came from, or ``console``.
        node: The node where it was asked for.
        host: The host whose process works on it.
        since: When it began (UTC).
        is_dead: Whether it ended without an end: nobody works on it, it waits to be finished or undone.
        is_ours: Whether this process held it.
    """

    operation: str
    number: int | None
    user: str
    source: str
    node: str
    host: str
    since: datetime
    is_dead: bool
    is_ours: bool

    def document(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "operation": self.operation,
            "number": self.number,
            "user": self.user,
            "source": self.source,
            "node": self.node,
            "host": self.host,
            "since": self.since.isoformat(timespec="seconds"),
            "state": "cut off" if self.is_dead else "running",
        }


@contextmanager
def work() -> Iterator[Holding]:
    """Give a new token; when the work under it has ended, this process knows so, whatever the database says."""
    holding = Holding(uuid4().hex)
    _working.add(holding.token)
    try:
        yield holding
    finally:
        _working.discard(holding.token)


@cache
def host_name() -> str:
    """Return this host's name."""
    return socket.gethostname()


def process_identity(pid: int | None = None) -> str:
    """Return what names a process once and for all: boot, number and start time; empty if it does not live."""
    number = os.getpid() if pid is None else pid
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in {"Z", "X"} else f"{boot}:{number}:{fields[19]}"


def take(session: Session, holding: Holding, operation: str, now: datetime) -> None:
    """Take the free lock.

    Raises:
        ClusterBusyError: It is held, by the living or the dead; see :func:`is_dead`.
    """
    holder = session.get(OperationLockRow, _LOCK)
    if holder is not None:
        raise busy(session, holder, now)
    session.add(
        OperationLockRow(
            id=_LOCK,
            token=holding.token,
            host=host_name(),
            process=process_identity(),
            operation=operation,
            taken=now,
            beat=now,
        )
    )
    try:
        session.flush()
    except IntegrityError as error:  # PostgreSQL: another took it between the look and the write
        raise ClusterBusyError("another operation has just begun", next_step="try again") from error


def holder_of(session: Session, now: datetime) -> Holder | None:
    """Return who holds the lock, None if it is free."""
    row = session.get(OperationLockRow, _LOCK)
    return None if row is None else _described(session, row, now)


def _described(session: Session, row: OperationLockRow, now: datetime) -> Holder:
    unfinished = select(OperationRow).where(OperationRow.ended.is_(None)).order_by(OperationRow.id.desc())
    entry = session.scalars(unfinished).first()
    return Holder(
        row.operation,
        entry.id if entry else None,
        entry.username if entry else "",
        entry.source if entry else "",
        Memory.of(entry.memory, entry.id).node if entry else "",
        row.host,
        row.taken,
        is_dead(row, now),
        row.process.removeprefix(_ENDED) == process_identity(),
    )


def busy(session: Session, row: OperationLockRow, now: datetime) -> ClusterBusyError:
    """Return the error that names the holder."""
    holder = _described(session, row, now)
    by = f", started by {holder.user}" if holder.user else ""
    on = f" on {holder.node}" if by and holder.node else ""
    return ClusterBusyError(
        f"{holder.operation} is running since {holder.since:%Y-%m-%d %H:%M:%S} UTC{by}{on}",
        where=holder.host,
        next_step="wait until it has ended; mixedmode node status shows what runs",
    )


def is_dead(holder: OperationLockRow, now: datetime) -> bool:
    """Return whether a holder can no longer work (rules 2 and 3)."""
    if not holder.process or holder.process.startswith(_ENDED):
        return True
    if holder.host != host_name():
        return now - holder.beat > SILENCE
    if holder.process == process_identity():
        return holder.token not in _working
    pid = int(holder.process.split(":")[1])
    return process_identity(pid) != holder.process


def take_over(session: Session, holder: OperationLockRow, holding: Holding, now: datetime) -> bool:
    """Take over a dead holder's lock; return whether nobody else was faster (rule 4)."""
    done = session.execute(
        update(OperationLockRow)
        .where(OperationLockRow.id == _LOCK, OperationLockRow.token == holder.token)
        .values(token=holding.token, host=host_name(), process=process_identity(), taken=now, beat=now)
        .execution_options(synchronize_session=False)
    )
    return _count(done) == 1


def hold(session: Session, holding: Holding, now: datetime) -> None:
    """Show that the lock is still ours, and give a sign of life; every journal entry does.

    Raises:
        LockLostError: It was taken over.
    """
    if not beat(session, holding, now):
        raise LockLostError(
            "the cluster's lock was taken over while this operation ran",
            next_step="look at the audit log; the operation was resumed or undone elsewhere",
        )


def beat(session: Session, holding: Holding, now: datetime) -> bool:
    """Give a sign of life; return whether the lock is still ours."""
    return session.connection().execute(_BEAT, {"held": holding.token, "moment": now}).rowcount == 1


def abandon(session: Session, holding: Holding) -> None:
    """Leave the lock to whoever comes next: the operation is unfinished and its thread is ending."""
    session.execute(
        update(OperationLockRow)
        .where(OperationLockRow.id == _LOCK, OperationLockRow.token == holding.token)
        .values(process=_ENDED + process_identity())
        .execution_options(synchronize_session=False)
    )


def release(session: Session, holding: Holding) -> None:
    """Give the lock back."""
    session.execute(
        delete(OperationLockRow)
        .where(OperationLockRow.id == _LOCK, OperationLockRow.token == holding.token)
        .execution_options(synchronize_session=False)
    )


def _count(result: object) -> int:
    return int(getattr(result, "rowcount", 0))
