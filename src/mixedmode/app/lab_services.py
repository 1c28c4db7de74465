"""The lab's services under the hands of the command line.

``utils service restart`` first notes and audits the operation in the cluster's database; then the lab does it to the
service that it really runs. A service that the lab does not run is listed as not activated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from mixedmode.admin.shell.services import OperationServices, ServiceEntry, ServiceStatus
from mixedmode.cluster.steps import Actor
from mixedmode.cluster.topology import Service

if TYPE_CHECKING:
    from mixedmode.app.lab import Lab


class LabServices(OperationServices):
    """Services of a lab, in this process.

    Args:
        lab: The lab.
    """

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.cluster)
        self._lab = lab

    async def states(self, node: str) -> Sequence[ServiceEntry]:
        """Return what really runs on a node."""
        known = await asyncio.to_thread(self._lab.cluster.services, node)
        return [
            ServiceEntry(
                state.service,
                ServiceStatus.STARTED if self._lab.runs(node, state.service) else ServiceStatus.STOPPED,
                state.activated and state.service in self._lab.services,
            )
            for state in known
        ]

    async def start(self, node: str, service: Service, actor: Actor) -> AsyncIterator[ServiceStatus]:
        """Start a service."""
        async for status in super().start(node, service, actor):
            if status is ServiceStatus.STARTED and service in self._lab.services:
                await self._lab.start_service(node, service)
            yield status

    async def stop(self, node: str, service: Service, actor: Actor) -> AsyncIterator[ServiceStatus]:
        """Stop a service."""
        async for status in super().stop(node, service, actor):
            if status is ServiceStatus.STOPPED and service in self._lab.services:
                await self._lab.stop_service(node, service)
            yield status

    async def restart(self, node: str, service: Service, actor: Actor) -> AsyncIterator[ServiceStatus]:
        """Restart a service."""
        async for status in super().restart(node, service, actor):
            if service in self._lab.services:
                if status is ServiceStatus.STARTING:
                    await self._lab.stop_service(node, service)
                elif status is ServiceStatus.STARTED:
                    await self._lab.start_service(node, service)
            yield status

    async def reload_files(self, node: str) -> None:
        """Have a node's TFTP service read its files at once."""
        await self._lab.restart_service(node, Service.TFTP)
