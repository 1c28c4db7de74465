"""The services of nodes under the hands of a command that is not their process."""

from __future__ import annotations

import asyncio

from mixedmode.cluster.facade import Cluster
from mixedmode.control.services import Follower, OperationServices
from mixedmode.node.status import SOCKET_NAME, answers


class HostServices(OperationServices):
    """Services that follow the database, as a command of this host knows their nodes."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        self._here = cluster

    async def follower(self, node: str) -> Follower:
        """Return how a node does what is noted: one of this host answers at its socket while it runs."""
        if not self._here.folder(node).is_here:
            return await super().follower(node)
        runs = await asyncio.to_thread(answers, self._here.directory / SOCKET_NAME)
        return Follower(down="" if runs else "its program does not run")
