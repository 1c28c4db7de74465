"""Files from the publisher to every node, and the queue of what a node could not take yet.

Rules:

1. A file is queued in the database in the transaction that decides on it, and leaves the queue only when the
   node has it: a killed process or a node that is down loses nothing.
2. Nodes are served in parallel; each has its own result.
3. The newest file of a name replaces an older one that still waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.model.errors import NodeDownError
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import DeliveryRow
from mixedmode.errors import MixedModeError

PARALLEL = 8
Noted = Callable[[Session, str, Sequence[str]], None]
"""Told of a node and the names of files that it has now."""


class Distributor(Protocol):
    """A way to put files on nodes."""

    def reachable(self, node: NodeInfo) -> str | None:
        """Return None if the node takes files now, else why not."""

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        """Write files whole on a node; None deletes one.

        Raises:
            NodeDownError: The node did not take them; it holds the old file or the new, whole.
        """


class LocalDistributor:
    """Nodes whose folders lie in one directory, as in a lab.

    Args:
        directory: Holds a folder for each node.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.down: set[str] = set()
        """Names of nodes that shall count as down."""

    def reachable(self, node: NodeInfo) -> str | None:
        """Return None if the node is up and has its folder."""
        if node.name in self.down:
            return "the node is down"
        return None if (self._directory / node.name / "active").is_dir() else "it has no folder"

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        """Write files into the node's folder."""
        reason = self.reachable(node)
        if reason is not None:
            raise NodeDownError(
                f"node {node.name} takes no files: {reason}",
                where=node.name,
                next_step="start the node; what waits for it is delivered then",
            )
        folder = NodeFolder(self._directory / node.name)
        for name, data in files.items():
            folder.write(name, data)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that waits for a node.

    Attributes:
        node: Its name.
        name: Of the file.
        attempts: Made so far.
        error: What the last one said; empty before the first.
    """

    node: str
    name: str
    queued: datetime
    attempts: int
    error: str


class DeliveryQueue:
    """The queue and its delivery."""

    def __init__(self, database: Database, distributor: Distributor) -> None:
        self._database = database
        self.distributor = distributor

    def pending(self) -> list[Delivery]:
        """Return what waits, oldest first."""
        with self._database.read() as session:
            rows = session.scalars(select(DeliveryRow).order_by(DeliveryRow.id))
            return [Delivery(r.node, r.name, r.queued, r.attempts, r.lasterror) for r in rows]

    def deliver(self, nodes: Iterable[NodeInfo], *, noted: Noted = lambda *_: None) -> dict[str, str]:
        """Deliver what waits for these nodes; return by node why it still waits, empty if all have everything.

        Args:
            nodes: Whom to deliver to.
            noted: Told, in the transaction that takes them off the queue, of a node's files that arrived.
        """
        by_name = {node.name: node for node in nodes}
        with self._database.read() as session:
            waiting: dict[str, list[DeliveryRow]] = {}
            for row in session.scalars(select(DeliveryRow).order_by(DeliveryRow.id)):
                if row.node in by_name:
                    waiting.setdefault(row.node, []).append(row)
        if not waiting:
            return {}
        with ThreadPoolExecutor(min(PARALLEL, len(waiting)), thread_name_prefix="delivery") as pool:
            outcomes = pool.map(lambda name: self._deliver_one(by_name[name], waiting[name]), waiting)
            results = dict(zip(waiting, outcomes, strict=True))
        self._note(waiting, results, noted)
        return {name: error for name, error in results.items() if error is not None}

    def _deliver_one(self, node: NodeInfo, rows: Sequence[DeliveryRow]) -> str | None:
        try:
            self.distributor.deliver(node, {row.name: row.data for row in rows})
        except MixedModeError as error:
            return str(error)
        return None

    def _note(
        self, waiting: Mapping[str, Sequence[DeliveryRow]], results: Mapping[str, str | None], noted: Noted
    ) -> None:
        with self._database.write() as session:
            for name, error in results.items():
                # A newer file may have been queued meanwhile: its row has another id and stays.
                ids = [row.id for row in waiting[name]]
                if error is None:
                    session.execute(delete(DeliveryRow).where(DeliveryRow.id.in_(ids)))
                    noted(session, name, [row.name for row in waiting[name]])
                else:
                    session.execute(
                        update(DeliveryRow)
                        .where(DeliveryRow.id.in_(ids))
                        .values(attempts=DeliveryRow.attempts + 1, lasterror=error)
                    )


def queue(session: Session, node: str, name: str, data: bytes | None, now: datetime) -> None:
    """Queue a file for a node (rules 1 and 3)."""
    session.execute(delete(DeliveryRow).where(DeliveryRow.node == node, DeliveryRow.name == name))
    session.add(DeliveryRow(node=node, name=name, data=data, queued=now, attempts=0, lasterror=""))
