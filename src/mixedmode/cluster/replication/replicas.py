"""Each node's copy, as the publisher's server sees it: how it fares, and the slot that keeps the log for it.

Rules:

1. How nodes fare is read from PostgreSQL's views, never guessed.
2. A slot goes with its node, whether the node runs, is dead or comes back later: a slot that nobody reads makes the
   server keep its log until the disk is full.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from mixedmode.cluster.replication.replication import ReplicationState
from mixedmode.cluster.replication.servers import connected
from mixedmode.cluster.store.database import Database

LAG_BYTES: Final = 16 << 20
"""A node that is further behind is not good."""
_SLOT_PREFIX: Final = "mixedmode_"
COPY_SECONDS: Final = 600.0
"""A slot of a table's first copy that rests for so long is nobody's."""
_COPY: Final = re.compile(r"pg_\d+_sync_\d+_\d+")
_POLL_SECONDS: Final = 0.1
_DROP_SECONDS: Final = 10.0
_HEAR_SECONDS: Final = 3.0
"""How long a node that is connected may take to hear that it was removed."""


def slot_name(node: str) -> str:
    """Return the name of a node's slot and subscription."""
    return _SLOT_PREFIX + re.sub(r"[^a-z0-9]", "_", node.lower())[:50]


def drop_slot(database: Database, node: str, *, seconds: float = _DROP_SECONDS) -> None:
    """Drop a node's slot on the publisher, so that it keeps no log for a node that left.

    A node that is still connected is cut off first; its server tries to come back every few seconds.

    Args:
        database: The publisher's.
        node: The node's name.
        seconds: To go on trying while the node's server is faster.

    Raises:
        DatabaseError: The database cannot be used, or its account may not end the node's connection.
    """
    with connected(database, autocommit=True) as connection:
        _drop_slot(connection, slot_name(node), seconds)


def _drop_slot(connection: Connection, name: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    active = text(
        "SELECT pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots "
        "WHERE slot_name = :name AND active_pid IS NOT NULL"
    )
    drop = text("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :name")
    while True:
        connection.execute(active, {"name": name})
        try:
            connection.execute(drop, {"name": name})
        except OperationalError:  # it is in use again
            if time.monotonic() >= end:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


@dataclass(frozen=True, slots=True)
class NodeReplication:
    """How a node's copy fares, as the publisher's server sees it.

    Attributes:
        state: As ``utils dbreplication runtimestate`` prints it.
        lag_bytes: How far it is behind; None if that is not known.
        reply_seconds: Since its last word; None if it is not connected.
        reason: Why it is not good; empty if it is.
    """

    state: ReplicationState
    lag_bytes: int | None = None
    reply_seconds: float | None = None
    reason: str = ""


class LogicalReplication:
    """Knows how each node's copy fares (rule 1).

    Args:
        database: The publisher's.
        publisher: Its node's name.
    """

    def __init__(self, database: Database, publisher: str) -> None:
        self._database = database
        self._publisher = publisher
        self._resting: dict[str, tuple[str, float]] = {}

    def states(self, nodes: Sequence[str]) -> Mapping[str, ReplicationState]:
        """Return the state of each node."""
        return {node: each.state for node, each in self.details(nodes).items()}

    def details(self, nodes: Sequence[str]) -> dict[str, NodeReplication]:
        """Return how each node fares.

        Raises:
            DatabaseError: The publisher's database cannot be used.
        """
        query = text(
            "SELECT s.slot_name, s.active, s.wal_status, r.state, "
            "pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint, "
            "extract(epoch FROM clock_timestamp() - r.reply_time)::float "
            "FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid "
            "WHERE s.slot_type = 'logical'"
        )
        with connected(self._database) as connection:
            rows = {row[0]: row[1:] for row in connection.execute(query)}
        return {node: self._of(node, rows.get(slot_name(node))) for node in nodes}

    def forget(self, node: str) -> None:
        """Drop the slot of a node that was removed; while the node is connected, let it hear of that first.

        Raises:
            DatabaseError: The slot cannot be dropped now; :meth:`drop_left_slots` tries again.
        """
        name = slot_name(node)
        behind = text(
            "SELECT 1 FROM pg_replication_slots WHERE slot_name = :name AND active AND confirmed_flush_lsn < :lsn"
        )
        with connected(self._database, autocommit=True) as connection:
            last = connection.execute(text("SELECT pg_current_wal_lsn()::text")).scalar_one()
            end = time.monotonic() + _HEAR_SECONDS
            while connection.execute(behind, {"name": name, "lsn": last}).first() and time.monotonic() < end:
                time.sleep(_POLL_SECONDS)
            _drop_slot(connection, name, _DROP_SECONDS)

    def drop_left_slots(self, nodes: Sequence[str]) -> list[str]:
        """Drop the slots of nodes that are no more in the cluster; return their names.

        Args:
            nodes: The cluster's.

        Raises:
            DatabaseError: One cannot be dropped now.
        """
        known = {slot_name(node) for node in nodes if node != self._publisher}
        query = text(
            "SELECT slot_name, active, restart_lsn::text FROM pg_replication_slots "
            "WHERE slot_type = 'logical' AND database = current_database()"
        )
        with connected(self._database, autocommit=True) as connection:
            held = {str(name): (bool(active), str(at)) for name, active, at in connection.execute(query)}
            left = [name for name in held if name.startswith(_SLOT_PREFIX) and name not in known]
            left += self._left_copies(held, known)
            for name in left:
                _drop_slot(connection, name, 0)
        return left

    def _left_copies(self, held: Mapping[str, tuple[bool, str]], known: Iterable[str]) -> list[str]:
        """Return PostgreSQL's own slots of first copies that nobody goes on with.

        They do not say whose they are: a node that is away may be the one, so all must be here. And a slot rests while
        its table is copied, so it must have rested for long.
        """
        now = time.monotonic()
        resting = {name: at for name, (active, at) in held.items() if _COPY.fullmatch(name) and not active}
        all_here = all(held.get(name, (False, ""))[0] for name in known)
        seen = self._resting if all_here else {}
        self._resting = {
            name: seen[name] if name in seen and seen[name][0] == at else (at, now) for name, at in resting.items()
        }
        return [name for name, (_, since) in self._resting.items() if now - since >= COPY_SECONDS]

    def _of(self, node: str, row: Sequence[Any] | None) -> NodeReplication:
        if node == self._publisher:
            return NodeReplication(ReplicationState.GOOD, 0, 0.0)
        if row is None:
            return NodeReplication(ReplicationState.NOT_STARTED, reason="the node has no subscription")
        active, wal_status, state, lag, reply = row
        if wal_status == "lost":
            return NodeReplication(ReplicationState.SETUP_FAILED, lag, reply, "it was away for too long: join it again")
        if not active:
            return NodeReplication(ReplicationState.BAD, lag, reply, "its database is not connected")
        if state != "streaming" or (lag is not None and lag > LAG_BYTES):
            return NodeReplication(ReplicationState.INCORRECT_COUNT, lag, reply, f"it is {lag or 0} bytes behind")
        return NodeReplication(ReplicationState.GOOD, lag, reply)
