"""The services of nodes under the hands of the command line.

``utils service restart`` first notes and audits the operation in the cluster's database; then it is done to the
service that really runs, if its node is in this process. Another host's node follows the database by itself.
A service that this program does not offer is listed as not activated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from mixedmode.admin.shell.services import OperationServices, ServiceEntry, ServiceStatus
from mixedmode.app.node_services import UNITS, NodeServices
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.steps import Actor
from mixedmode.cluster.topology import Service


class NodeControl(OperationServices):
    """Services of the nodes in this process.

    Args:
        cluster: The cluster.
        nodes: By name; may be filled later.
    """

    def __init__(self, cluster: Cluster, nodes: Mapping[str, NodeServices]) -> None:
        super().__init__(cluster)
        self._nodes = nodes

    async def states(self, node: str) -> Sequence[ServiceEntry]:
        """Return what really runs on a node."""
        here = self._nodes.get(node)
        if here is None:
            return await super().states(node)
        known = await asyncio.to_thread(here.cluster.services, node)
        return [
            ServiceEntry(
                state.service,
                ServiceStatus.STARTED if here.runs(state.service) else ServiceStatus.STOPPED,
                state.activated and state.service in UNITS,
            )
            for state in known
        ]

    async def start(self, node: str, service: Service, actor: Actor) -> AsyncIterator[ServiceStatus]:
        """Start a service."""
        here = self._here(node, service)
        if here is None:
            async for status in super().start(node, service, actor):
                yield status
            return
        async with here.hands:
            async for status in super().start(node, service, actor):
                if status is ServiceStatus.STARTED:
                    await here.start_service(service)
                yield status
            await here.have_seen()

    async def stop(self, node: str, service: Service, actor: Actor) -> AsyncIterator[ServiceStatus]:
        """Stop a service."""
        here = self._here(node, service)
        if here is None:
            async for status in super().stop(node, service, actor):
                yield status
            return
        async with here.hands:
            async for status in super().stop(node, service, actor):
                if status is ServiceStatus.STOPPED:
                    await here.stop_service(service)
                yield status
            await here.have_seen()

    async def restart(self, node: str, service: Service, actor: Actor) -> AsyncIterator[ServiceStatus]:
        """Restart a service."""
        here = self._here(node, service)
        if here is None:
            async for status in super().restart(node, service, actor):
                yield status
            return
        async with here.hands:
            async for status in super().restart(node, service, actor):
                if status is ServiceStatus.STARTING:
                    await here.stop_service(service)
                elif status is ServiceStatus.STARTED:
                    await here.start_service(service)
                yield status
            await here.have_seen()

    async def reload_files(self, node: str) -> None:
        """Have a node's TFTP service read its files at once."""
        here = self._nodes.get(node)
        if here is not None and here.runs(Service.TFTP):
            await here.restart_service(Service.TFTP)

    def _here(self, node: str, service: Service) -> NodeServices | None:
        return self._nodes.get(node) if service in UNITS else None
