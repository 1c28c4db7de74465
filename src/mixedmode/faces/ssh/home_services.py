"""The services of a node under the hands of a session that runs on another loop than they do.

What has begun comes to its end, also when the session ends or gives up waiting: a restart that stops half-way would
leave a service down.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.topology import Service
from mixedmode.control.services import Follower, ServiceControl, ServiceEntry, ServiceStatus
from mixedmode.faces.ssh.side_loop import SideLoop

_Act = Callable[[str, Service, Principal], AsyncIterator[ServiceStatus]]


class HomeServices:
    """Handles services where they are.

    Args:
        control: The hands there.
        side: The loop of the sessions.
    """

    def __init__(self, control: ServiceControl, side: SideLoop) -> None:
        self._control = control
        self._side = side

    async def states(self, node: str) -> Sequence[ServiceEntry]:
        """Return a node's services."""
        return await self._side.at_home(self._control.states(node))

    def start(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Start a service."""
        return self._relay(self._control.start, node, service, principal)

    def stop(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Stop a service."""
        return self._relay(self._control.stop, node, service, principal)

    def restart(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        """Restart a service."""
        return self._relay(self._control.restart, node, service, principal)

    def begin(self, work: Callable[[ServiceControl], Coroutine[Any, Any, None]]) -> Future[None]:
        """Begin something with the hands there, from any thread; it comes to its end, whoever leaves before."""
        return self._side.begin_at_home(work(self._control))

    async def follower(self, node: str) -> Follower:
        """Return how a node does what is noted for its services."""
        return await self._side.at_home(self._control.follower(node))

    async def reload_files(self, node: str) -> None:
        """Have a node's TFTP service read its files at once."""
        await asyncio.shield(self._side.at_home(self._control.reload_files(node)))

    async def registered(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the phones that are registered with each node that can be asked."""
        return await self._side.at_home(self._control.registered())

    async def _relay(
        self, act: _Act, node: str, service: Service, principal: Principal
    ) -> AsyncIterator[ServiceStatus]:
        here = asyncio.get_running_loop()
        told: asyncio.Queue[ServiceStatus | None] = asyncio.Queue()

        async def through() -> None:
            async for status in act(node, service, principal):
                with contextlib.suppress(RuntimeError):  # the session's loop is closed
                    here.call_soon_threadsafe(told.put_nowait, status)

        work = asyncio.ensure_future(self._side.at_home(through()))

        def ended(done: asyncio.Future[None]) -> None:
            told.put_nowait(None)
            if not done.cancelled():
                done.exception()  # taken note of, though nobody may wait for it any more

        work.add_done_callback(ended)
        while (status := await told.get()) is not None:
            yield status
        work.result()
