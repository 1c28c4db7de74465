"""What a node's process looks after every few seconds beside its services.

Rules:

1. An operation that was cut off, by a database that went away or a process that was killed, is finished or undone as
   soon as the database answers. A subscriber does so with its own alone: what is the publisher's needs its folder.
2. The publisher's server keeps no slot for a node that is no more in the cluster.
3. A subscriber that was removed, even while it was down, drops its subscription. It goes on serving what it has, so
   that no phone is cut off by surprise, and says in its status that it is to be stopped.
4. A subscriber follows the tables that an upgrade of the publisher brings.
"""

from __future__ import annotations

import asyncio
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.replication.logical import leave_cluster, take_new_tables
from mixedmode.cluster.replication.replicas import LogicalReplication
from mixedmode.cluster.store.database import Database
from mixedmode.errors import MixedModeError
from mixedmode.node.host.logs import node_log

SECONDS: Final = 5.0
SLOT_ROUNDS: Final = 6
"""Slots, and a subscriber's tables, are looked at every so many rounds."""
REMOVED: Final = "this node was removed from the cluster"
JOIN_AGAIN: Final = "stop it; mixedmode node join, with an empty database, takes it in again"


class Upkeep:
    """Looks after a cluster from one process.

    Args:
        administered: The cluster as this process changes it.
        subscriber: The node's name, if this is a subscriber on a host of its own.
        copy: The subscriber's own cluster, which reads its copy of the database.
    """

    def __init__(self, administered: Cluster, *, subscriber: str | None = None, copy: Cluster | None = None) -> None:
        self._administered = administered
        self._subscriber = subscriber
        self._copy = copy
        self._problem = ""
        self.removed = False
        """Whether the node is no more in the cluster (rule 3)."""

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(SECONDS)
            await asyncio.to_thread(self.look, slots=rounds % SLOT_ROUNDS == 0)
            rounds += 1

    def look(self, *, slots: bool = True) -> None:
        """Look once; what fails is tried again at the next look."""
        try:
            self._settle()
            if self._subscriber is not None and self._copy is not None:
                self._see_removal(self._subscriber, self._copy)
                if slots and not self.removed:
                    self._take_new_tables(self._subscriber, self._copy)
            elif slots:
                self._drop_slots()
        except MixedModeError as error:
            if str(error) != self._problem:
                node_log().warning("upkeep waits", problem=str(error))
            self._problem = str(error)
        else:
            self._problem = ""

    def _settle(self) -> None:
        result = self._administered.operations.settle(only_ours=self._subscriber is not None)
        if result is not None:
            node_log().info("an operation that was cut off has ended", operation=result.name, outcome=result.outcome)

    def _drop_slots(self) -> None:
        replication = self._administered.replication
        if isinstance(replication, LogicalReplication):
            for slot in replication.drop_left_slots([node.name for node in self._administered.nodes()]):
                node_log().info("dropped the slot of a node that left", slot=slot)

    def _take_new_tables(self, name: str, copy: Cluster) -> None:
        if not copy.database.is_sqlite and take_new_tables(copy.database, name):
            node_log().info("follows tables that the publisher's new release has", node=name)

    def _see_removal(self, name: str, copy: Cluster) -> None:
        if not self.removed and was_removed(name, copy, self._administered):
            leave_cluster(copy.database, name)
            self.removed = True
            node_log().warning(REMOVED, node=name, next_step=JOIN_AGAIN)


def was_removed(name: str, copy: Cluster, publisher: Cluster) -> bool:
    """Return whether a subscriber is no more in its cluster: the publisher's word if it answers, else the copy's."""
    if publisher is not copy:
        try:
            return not _has(publisher, name)
        except MixedModeError:
            pass
    return not _has(copy, name)


def _has(cluster: Cluster, name: str) -> bool:
    names = {node.name.lower() for node in cluster.nodes()}
    # A database without any node is one that is being made or copied.
    return not names or name.lower() in names


def forget_subscription(database: Database, name: str) -> None:
    """Drop a subscription of a node that was removed; one that cannot be dropped now is tried at the next start."""
    try:
        leave_cluster(database, name)
    except MixedModeError as error:
        node_log().warning("the subscription waits", problem=str(error))
