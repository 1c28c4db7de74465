"""The small port through which the command line handles services; whoever runs them wires it.

:class:`OperationServices` is the port for a cluster whose services follow the database: it notes what they shall do
(an audited operation) and leaves the doing to each node's supervisor.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.services import RestartService, StartService, StopService
from mixedmode.control.door import Control


class ServiceStatus(StrEnum):
    """As ``utils service`` prints it."""

    STARTED = "STARTED"
    STOPPED = "STOPPED"
    STARTING = "STARTING"
    STOPPING = "STOPPING"


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service of a node.

    Attributes:
        service: Which.
        status: What it does now.
        activated: Whether it may run at all.
    """

    service: Service
    status: ServiceStatus
    activated: bool


@dataclass(frozen=True, slots=True)
class Follower:
    """How a node does what is noted for its services.

    Attributes:
        at_once: Whether it is done when the iterator of a :class:`ServiceControl` ends; else the node does it when it
            has seen it, and enters it in the audit log (:mod:`.following`).
        down: Why it does nothing now; empty if it is up, as far as can be told from here.
    """

    at_once: bool = False
    down: str = ""


class ServiceControl(Protocol):
    """Handles the services of every node. The iterators give each state as it is reached and end with the last."""

    async def states(self, node: str) -> Sequence[ServiceEntry]:
        """Return a node's services."""

    def start(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Start a service."""

    def stop(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Stop a service."""

    def restart(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Restart a service; a TFTP service serves changed files only after that."""

    async def follower(self, node: str) -> Follower:
        """Return how a node does what is noted for its services."""

    async def reload_files(self, node: str) -> None:
        """Have a node's TFTP service read its files at once, as ``utils itl reset`` needs it."""

    async def registered(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the phones that are registered with the CallManager of each node that can be asked, as JSON values.

        A node of which nothing is known now is left out.
        """


class OperationServices:
    """Services that follow the database.

    Args:
        cluster: The cluster.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._control = Control(cluster)

    async def states(self, node: str) -> Sequence[ServiceEntry]:
        """Return a node's services as the database knows them."""
        found = await asyncio.to_thread(self._cluster.services, node)
        return [
            ServiceEntry(s.service, ServiceStatus.STARTED if s.started else ServiceStatus.STOPPED, s.activated)
            for s in found
        ]

    async def start(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Note that a service shall run."""
        yield ServiceStatus.STARTING
        await self._run(StartService(node, service.value), principal)
        yield ServiceStatus.STARTED

    async def stop(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Note that a service shall not run."""
        yield ServiceStatus.STOPPING
        await self._run(StopService(node, service.value), principal)
        yield ServiceStatus.STOPPED

    async def restart(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Note that a service shall be started anew."""
        yield ServiceStatus.STOPPING
        await self._run(RestartService(node, service.value), principal)
        yield ServiceStatus.STARTING
        yield ServiceStatus.STARTED

    async def follower(self, node: str) -> Follower:
        """Return how a node does what is noted: when it sees it, if it takes files now."""
        return Follower(down=await asyncio.to_thread(self._down, node))

    def _down(self, node: str) -> str:
        cluster = self._cluster
        if not cluster.folder(cluster.publisher.name).is_here:
            return ""  # only the publisher's host goes to the others
        return cluster.deliveries.distributor.reachable(cluster.node(node)) or ""

    async def reload_files(self, node: str) -> None:
        """Do nothing: a supervisor that follows the database reads the folder itself."""

    async def registered(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return nothing: the database does not know who is registered now."""
        return {}

    async def _run(self, operation: Operation, principal: Principal) -> None:
        await asyncio.to_thread(self._control.run, principal, operation)
