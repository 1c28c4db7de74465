"""What waited for a restart of a node's services is done when they start with their node.

Rules:

1. The node looks at what waits before its services start: a change that comes later keeps its mark.
2. It is entered once, as the program's own operation, before the services start; TFTP makes its node's ITL with it.
3. A database that is away, or an operation that is under way, keeps no service from starting: it is entered later.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from mixedmode.cluster.engine.principal import SYSTEM
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import ClusterBusyError, DatabaseError, LockLostError
from mixedmode.cluster.operations.services import StartWithNode, Waiting
from mixedmode.errors import MixedModeError
from mixedmode.node.host.logs import node_log

SECONDS: Final = 10.0
"""How long services wait for it."""
PAUSE: Final = 5.0
"""Seconds between two tries."""


class WaitedChanges:
    """What waited when a node started.

    Args:
        cluster: The cluster, as this node sees it.
        administered: The publisher's database; None if nothing can be changed from here.
        node: The node.
        pause: Seconds between two tries.
    """

    def __init__(self, cluster: Cluster, administered: Cluster | None, node: str, *, pause: float = PAUSE) -> None:
        self._cluster, self._administered, self._node, self._pause = cluster, administered, node, pause
        self._left: tuple[Waiting, ...] = ()
        self._work: asyncio.Task[None] | None = None
        self._tried = 0.0

    async def before_start(self, seconds: float = SECONDS) -> None:
        """Look at what waits, and enter it as done; never keeps a service from starting.

        Args:
            seconds: How long services wait for it.
        """
        await self._try(look=True, seconds=seconds)

    async def again(self) -> None:
        """Enter what could not be entered before, if it is time to try again."""
        if self._left and asyncio.get_running_loop().time() - self._tried >= self._pause:
            await self._try(look=False, seconds=SECONDS)

    async def _try(self, *, look: bool, seconds: float) -> None:
        if self._administered is None or (self._work is not None and not self._work.done()):
            return
        self._tried = asyncio.get_running_loop().time()
        self._work = asyncio.create_task(asyncio.to_thread(self._enter, self._administered, look=look))
        await asyncio.wait({self._work}, timeout=seconds)

    def _enter(self, administered: Cluster, *, look: bool) -> None:
        try:
            if look:
                self._left = self._waiting(administered)
            if not self._left or administered.operations.journal.holder() is not None:
                return
            administered.run(StartWithNode(self._node, self._left), replace(SYSTEM, node=self._node))
        except (DatabaseError, ClusterBusyError, LockLostError):
            return
        except MixedModeError as error:
            node_log().warning("services are still said to wait for their restart", node=self._node, problem=str(error))
        self._left = ()

    def _waiting(self, administered: Cluster) -> tuple[Waiting, ...]:
        try:
            states = administered.services(self._node)
        except DatabaseError:
            # This node's own copy may be behind: a mark that it does not have is left.
            states = self._cluster.services(self._node)
        return tuple(
            Waiting(each.service.value, each.restart_needed.isoformat())
            for each in states
            if each.shall_run and each.restart_needed is not None
        )
