"""Do all nodes hold the publisher's data? The states are those of ``utils dbreplication runtimestate``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Protocol, runtime_checkable


class ReplicationState(IntEnum):
    """A node's state; 2 is good (cucm-admin.md 1.10)."""

    NOT_STARTED = 0
    INCORRECT_COUNT = 1
    GOOD = 2
    BAD = 3
    SETUP_FAILED = 4

    @property
    def text(self) -> str:
        """As the CLI prints it."""
        return {
            0: "(0) Not Started",
            1: "(1) Incorrect Count",
            2: "(2) Setup Completed",
            3: "(3) Out Of Sync",
            4: "(4) Setup Failed",
        }[self.value]


class ReplicationMonitor(Protocol):
    """Knows each node's state."""

    def states(self, nodes: Sequence[str]) -> Mapping[str, ReplicationState]:
        """Return the state of each node; one that is not known is left out."""


@runtime_checkable
class ReplicaKeeper(Protocol):
    """Keeps something on the publisher's server for each node's copy."""

    def forget(self, node: str) -> None:
        """Drop what is kept for a node that was removed from the cluster.

        Raises:
            DatabaseError: It cannot be dropped now.
        """


class SharedDatabase:
    """All nodes read one database, as in a lab: there is nothing to replicate."""

    def states(self, nodes: Sequence[str]) -> Mapping[str, ReplicationState]:
        """Return GOOD for every node."""
        return dict.fromkeys(nodes, ReplicationState.GOOD)
