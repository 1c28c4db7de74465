"""A node's trust lists before they are served: compared with what was published, and put right."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.wholeness import ListState, look_at_lists, put_right
from mixedmode.errors import MixedModeError
from mixedmode.node.host.logs import node_log

SECONDS: Final = 10.0
"""A database that does not answer keeps nobody from his files any longer."""
AWAY_SECONDS: Final = 0.5
"""Nor does one that is known to be away."""

NONE, OTHER = ListState.NONE, ListState.OTHER


class NodeLists:
    """The lists of one node.

    Args:
        cluster: The cluster, as this node sees it.
        administered: The publisher's database, with this host's folders.
        node: The node.

    Attributes:
        seconds: How long files wait for the database.
    """

    def __init__(self, cluster: Cluster, administered: Cluster, node: str) -> None:
        self._cluster, self._administered, self._node = cluster, administered, node
        self.seconds = SECONDS

    async def put_right(self) -> None:
        """Put right what is not as it was published, and say so in the log; never keeps a service from starting."""
        try:
            async with asyncio.timeout(self.seconds):
                found = await asyncio.to_thread(put_right, self._administered, self._node)
        except MixedModeError as error:
            node_log().warning(
                "trust lists are not compared with what was published", node=self._node, problem=str(error)
            )
            return
        except TimeoutError:
            problem = "the database does not answer"
            node_log().warning("trust lists are not compared with what was published", node=self._node, problem=problem)
            return
        for each in found:
            if each.done:
                node_log().warning("trust list put right", list=each.report.text, how=each.done)
            else:
                node_log().error("trust list is wrong", list=each.report.text, problem=each.problem)

    def describe(self) -> list[dict[str, Any]]:
        """Return what became of each list, for the node's status; asks the database."""
        # A subscriber's copy of the database does not have what waits to be delivered: an older list may be on its way.
        waits = self._administered is not self._cluster
        return [
            {
                "file": report.name,
                "state": report.state.value,
                "length": report.length,
                "problem": report.text if report.state.is_wrong and not (waits and report.state is OTHER) else None,
            }
            for report in look_at_lists(self._cluster, self._node)
            if report.state is not NONE
        ]
