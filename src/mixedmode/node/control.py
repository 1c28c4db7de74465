"""The services of nodes under the hands of the command line.

``utils service restart`` first notes and audits the operation in the cluster's database; then it is done to the
service that really runs, if its node is in this process. Another host's node follows the database by itself.
A service that this program does not offer is listed as not activated. One that cannot be restarted does not go on with
what it had, as in CUCM: it is stopped, and listed so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from mixedmode.cluster.engine.principal import SYSTEM, Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError, OperationFailedError
from mixedmode.cluster.model.topology import Service
from mixedmode.control.acts import SERVICE
from mixedmode.control.services import Follower, OperationServices, ServiceEntry, ServiceStatus
from mixedmode.errors import MixedModeError
from mixedmode.node.services import NodeServices
from mixedmode.node.units.options import UNITS

_Doing = Callable[[NodeServices, Service], Awaitable[None]]
_Does = Mapping[ServiceStatus, _Doing]
"""What is done to a service of this process before a state is told."""


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

    def start(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Start a service."""
        does: _Does = {ServiceStatus.STARTED: NodeServices.start_service}
        return self._starting(
            node, service, self._do(node, service, principal, super().start(node, service, principal), does)
        )

    def stop(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Stop a service."""
        does: _Does = {ServiceStatus.STOPPED: NodeServices.stop_service}
        return self._do(node, service, principal, super().stop(node, service, principal), does)

    def restart(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Restart a service."""
        does: _Does = {
            ServiceStatus.STARTING: NodeServices.stop_service,
            ServiceStatus.STARTED: NodeServices.start_service,
        }
        done = self._do(node, service, principal, super().restart(node, service, principal), does)
        return self._starting(node, service, done)

    async def follower(self, node: str) -> Follower:
        """Return how a node does what is noted: at once, if it is in this process."""
        return Follower(at_once=True) if node in self._nodes else await super().follower(node)

    async def registered(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the phones that are registered with each node of this process; none, where CallManager is down."""
        return {
            name: [] if node.callmanager is None else [phone.document() for phone in node.callmanager.phones()]
            for name, node in self._nodes.items()
        }

    async def reload_files(self, node: str) -> None:
        """Have a node's TFTP service read its files at once."""
        here = self._nodes.get(node)
        if here is not None and here.runs(Service.TFTP):
            await here.restart_service(Service.TFTP)

    async def _do(
        self, node: str, service: Service, principal: Principal, noted: AsyncIterator[ServiceStatus], does: _Does
    ) -> AsyncIterator[ServiceStatus]:
        """Note an operation and do it, if the node is here: before a state is told, what leads to it."""
        here = self._nodes.get(node) if service in UNITS else None
        if here is None:
            async for status in noted:
                yield status
            return
        async with here.hands:
            try:
                async for status in noted:
                    if (act := does.get(status)) is not None:
                        await self._act(act, here, service, principal)
                    yield status
            finally:
                with contextlib.suppress(MixedModeError):
                    await here.have_seen()

    async def _act(self, act: _Doing, here: NodeServices, service: Service, principal: Principal) -> None:
        """Do it; that the database knows it as done already is put right in the audit log if it fails."""
        try:
            await act(here, service)
        except MixedModeError as error:
            problem = str(error)
            with contextlib.suppress(MixedModeError):
                await asyncio.to_thread(
                    lambda: self._control.note(principal, SERVICE, "failed", service=service.value, error=problem)
                )
            raise

    async def _starting(
        self, node: str, service: Service, states: AsyncIterator[ServiceStatus]
    ) -> AsyncIterator[ServiceStatus]:
        """Pass on what happens; stop a service whose start failed, but not for want of a database."""
        try:
            async for status in states:
                yield status
        except OperationFailedError as error:
            if isinstance(error.__cause__, DatabaseError):
                raise
            # Nobody asked for that: it is entered as the program's own doing.
            async for _ in self.stop(node, service, SYSTEM):
                pass
            raise OperationFailedError(
                f"{service.value} is stopped, since it cannot be started: {error.what}",
                where=error.where,
                why=error.why,
                next_step=error.next_step,
                code=error.code,
            ) from error
