"""A node follows the orders of phones that are in the database: it tells its registered phones, in waves.

Rules:

1. An order is noted as taken before the first phone is told: a node that ends meanwhile does not tell them twice.
2. A wave is told at a time, so that not all phones of a node ask for their files in the same moment.
3. An order holds for a while: phones that come back after a restart of the CallManager are told too, each once.
4. Services that were to be started anew before phones were to reset are anew before the first phone is told: phones
   would fetch old files from a TFTP that has not read the new ones. Other nodes have one look more for theirs.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.phone_orders import GOOD_FOR, PhoneOrder, PhoneOrders
from mixedmode.errors import MixedModeError
from mixedmode.node.phone_control import KINDS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mixedmode.services.callmanager.service import CallManagerService

WAVE: Final = 500
"""Phones that are told at once (rule 2)."""
_LOOK_SECONDS: Final = 1.0


class OrderFollower:
    """Follows the orders for one node.

    Args:
        cluster: The cluster, as administrators change it.
        node: The node's name.
        callmanager: Returns its CallManager while it runs.
        services_follow: Has the node's services follow the database at once (rule 4).
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        callmanager: Callable[[], CallManagerService | None],
        services_follow: Callable[[], Awaitable[None]],
    ) -> None:
        self._orders = PhoneOrders(cluster.database)
        self._cluster, self._node = cluster, node
        self._callmanager, self._services_follow = callmanager, services_follow
        self._taken: list[_Taken] = []

    async def run(self) -> None:
        """Follow until cancelled; a database that is down has no orders."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                for taken in list(self._taken):
                    await self._follow(taken)
                waiting = await asyncio.to_thread(self._orders.waiting, self._node, self._cluster.now())
                if waiting:
                    await self._services_follow()
                alone = bool(waiting) and len(self._cluster.nodes()) == 1
                for order in waiting:
                    await asyncio.to_thread(self._orders.note, order.number, self._node, 0, 0, None)
                    self._taken.append(_Taken(order))
                    if alone:
                        await self._follow(self._taken[-1])
            except MixedModeError:
                continue

    async def _follow(self, taken: _Taken) -> None:
        """Tell the next wave of an order (rules 2 and 3)."""
        order, manager = taken.order, self._callmanager()
        here = [] if manager is None else [phone.name for phone in manager.phones()]
        wanted = [each for each in here if order.devices is None or each.upper() in order.devices]
        waiting = [name for name in wanted if name.upper() not in taken.told]
        told = {
            name.upper()
            for name in waiting[:WAVE]
            if manager is not None and manager.reset_device(name, KINDS[order.kind])
        }
        taken.told |= told
        every = order.devices is not None and taken.told >= order.devices
        over = every or self._cluster.now() - order.moment > GOOD_FOR
        if told or over:
            total = max(len(taken.told) + len(waiting) - len(told), len(taken.told))
            ended = self._cluster.now() if over else None
            await asyncio.to_thread(self._orders.note, order.number, self._node, len(taken.told), total, ended)
        if over:
            self._taken.remove(taken)


@dataclass(eq=False)
class _Taken:
    """An order that is being followed."""

    order: PhoneOrder
    told: set[str] = field(default_factory=set)
