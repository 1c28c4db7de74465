"""One operation at a time: the cluster's lock, in the database.

Rules:

1. The lock is one row; taking it is one conditional write, so two processes cannot both have it.
2. Who holds it is named by host, boot and process; a holder on this host that no longer lives is dead at once,
   one on another host after :data:`SILENCE` without a sign of life.
3. A lock of a dead holder is taken over by replacing exactly its token. The old holder, should it wake up,
   finds its token gone at its next journal entry and stops (:class:`LockLostError`).
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mixedmode.cluster.errors import ClusterBusyError, LockLostError
from mixedmode.cluster.schema import OperationLockRow

SILENCE = timedelta(seconds=120)
"""A holder on another host that gave no sign of life for so long counts as dead."""
_LOCK = 1


@dataclass(frozen=True, slots=True)
class Holding:
    """Proof of holding the lock."""

    token: str


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


def take(session: Session, operation: str, now: datetime) -> Holding:
    """Take the free lock.

    Raises:
        ClusterBusyError: It is held, by the living or the dead; see :func:`is_dead`.
    """
    holder = session.get(OperationLockRow, _LOCK)
    if holder is not None:
        raise busy(holder)
    holding = Holding(uuid4().hex)
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
    return holding


def busy(holder: OperationLockRow) -> ClusterBusyError:
    """Return the error that names the holder."""
    return ClusterBusyError(
        f"{holder.operation} is running since {holder.taken:%Y-%m-%d %H:%M:%S} UTC",
        where=holder.host,
        next_step="wait until it has ended",
    )


def is_dead(holder: OperationLockRow, now: datetime) -> bool:
    """Return whether a holder can no longer work (rule 2)."""
    if not holder.process:
        return True
    if holder.host != host_name():
        return now - holder.beat > SILENCE
    pid = int(holder.process.split(":")[1])
    return process_identity(pid) != holder.process


def take_over(session: Session, holder: OperationLockRow, now: datetime) -> Holding | None:
    """Take over a dead holder's lock; None if somebody else was faster (rule 3)."""
    holding = Holding(uuid4().hex)
    done = session.execute(
        update(OperationLockRow)
        .where(OperationLockRow.id == _LOCK, OperationLockRow.token == holder.token)
        .values(token=holding.token, host=host_name(), process=process_identity(), taken=now, beat=now)
        .execution_options(synchronize_session=False)
    )
    return holding if _count(done) == 1 else None


def hold(session: Session, holding: Holding, now: datetime) -> None:
    """Show that the lock is still ours, and give a sign of life; every journal entry does.

    Raises:
        LockLostError: It was taken over.
    """
    done = session.execute(
        update(OperationLockRow)
        .where(OperationLockRow.id == _LOCK, OperationLockRow.token == holding.token)
        .values(beat=now)
        .execution_options(synchronize_session=False)
    )
    if _count(done) != 1:
        raise LockLostError(
            "the cluster's lock was taken over while this operation ran",
            next_step="look at the audit log; the operation was resumed or undone elsewhere",
        )


def abandon(session: Session, holding: Holding) -> None:
    """Leave the lock to whoever comes next: the operation is unfinished and its thread is ending."""
    session.execute(
        update(OperationLockRow)
        .where(OperationLockRow.id == _LOCK, OperationLockRow.token == holding.token)
        .values(process="")
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
