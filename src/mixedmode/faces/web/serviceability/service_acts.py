"""Start, stop and restart of services from pages: what would happen, whether one may, and the doing, node after node.

Rules:

1. It is the operation of the ``admin:`` prompt, ``utils service``: asked, refused and audited by the door.
2. Nodes are done one after the other, so that phones find another one; the first that fails ends it.
3. It runs where the services are and goes on whatever becomes of these pages: a restart of Cisco Tomcat ends them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.errors import ClusterBusyError
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.services import RestartService, StartService, StopService, service_named
from mixedmode.control.acts import Act
from mixedmode.control.services import ServiceControl, ServiceStatus
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.serviceability.dock import LongAct

if TYPE_CHECKING:
    from mixedmode.faces.web.kit.desk import Desk

TIME_LIMIT: Final = 300.0
"""Seconds that a service of one node may take, as at the prompt."""
_OWN_TOMCAT_SECONDS: Final = 1.5
"""Until the pages' own server goes away: the answer to who asked has to reach him first."""
VERBS: Final[dict[str, type[StartService | StopService | RestartService]]] = {
    "start": StartService,
    "stop": StopService,
    "restart": RestartService,
}
_PAST: Final = {"start": "started", "stop": "stopped", "restart": "restarted"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be done.

    Attributes:
        verb: ``start``, ``stop`` or ``restart``.
        service: To which service.
        nodes: On which nodes, in order.
    """

    verb: str
    service: Service
    nodes: tuple[str, ...]

    @classmethod
    def of(cls, desk: Desk, verb: str, service: str, node: str) -> Wish:
        """Return the wish that an address or a form names; no node stands for every node where it is activated.

        Raises:
            NotFoundError: There is no such service or node, or it is not activated there.
            UsageError: There is no such verb.
        """
        if verb not in VERBS:
            raise UsageError(f"{verb[:40]!r} is nothing that is done to a service", next_step="start, stop or restart")
        wanted = service_named(service[:80])
        if node:
            return cls(verb, wanted, (desk.cluster.node(node).name,))
        nodes = tuple(each.name for each in desk.cluster.nodes() if wanted in each.services)
        if not nodes:
            raise UsageError(f"{wanted.value} is activated on no node", next_step="choose another service")
        return cls(verb, wanted, nodes)

    @property
    def changes(self) -> list[Operation]:
        """One for each node."""
        return [VERBS[self.verb](node, self.service.value) for node in self.nodes]

    @property
    def title(self) -> str:
        """As people say it."""
        where = self.nodes[0] if len(self.nodes) == 1 else f"{len(self.nodes)} nodes"
        return f"{self.verb.capitalize()} {self.service.value} on {where}"

    @property
    def about(self) -> frozenset[tuple[str, str]]:
        """Node and service of each part."""
        return frozenset((node, self.service.value) for node in self.nodes)

    @property
    def path(self) -> str:
        """The page that shows it."""
        node = f"?node={quote(self.nodes[0])}" if len(self.nodes) == 1 else ""
        return f"/ccmservice/services{node}"

    def ends_pages_of(self, node: str) -> bool:
        """Return whether the pages of a node are away, for a time or for good."""
        return self.service is Service.TOMCAT and node in self.nodes and self.verb != "start"


def begin(desk: Desk, principal: Principal, wish: Wish) -> LongAct:
    """Begin what somebody wants; return it at once.

    Raises:
        PrivilegeError: He has not the level for it.
        MixedModeError: It would be refused.
        ClusterBusyError: The same is being done to one of these services.
        UsageError: Nobody has the services of this cluster in hand here.
    """
    operations = wish.changes
    desk.control.allow(principal, Act(operations[0].title, operations[0].privilege), service=wish.service.value)
    for operation in operations:
        refusal = desk.control.plan(principal, operation).refusal
        if refusal is not None:
            raise refusal
    if desk.services is None:
        raise UsageError("services cannot be handled from these pages", next_step="use utils service at the prompt")
    other = desk.dock.running_about(wish.about)
    if other is not None:
        raise ClusterBusyError(
            f"{other.title} runs, begun by {other.who}", next_step="wait for its end; the page shows how far it is"
        )
    act = desk.dock.begin(wish.title, principal.user, wish.path, len(wish.nodes), wish.about)
    desk.services.begin(lambda services: _do(desk, services, principal, wish, act.number))
    return act


async def _do(desk: Desk, services: ServiceControl, principal: Principal, wish: Wish, number: int) -> None:
    if wish.ends_pages_of(desk.node):
        desk.dock.tell(number, "These pages are away in a moment.")
        await asyncio.sleep(_OWN_TOMCAT_SECONDS)
    for done, node in enumerate(wish.nodes):
        try:
            async with asyncio.timeout(TIME_LIMIT):
                await _do_one(desk, services, principal, wish, node, number)
        except TimeoutError:
            why = f"it did not {wish.verb} within {TIME_LIMIT:.0f} seconds"
            desk.dock.end(number, _failed(wish, node, done, why), failed=True)
            return
        except (MixedModeError, OSError) as error:
            desk.dock.end(number, _failed(wish, node, done, str(error)), failed=True)
            return
        except BaseException:
            desk.dock.end(number, _failed(wish, node, done, "it was broken off"), failed=True)
            raise
        desk.dock.tell(number, f"{node} is {_PAST[wish.verb]}.", done + 1)
    desk.dock.end(number, f"{wish.service.value} is {_PAST[wish.verb]} on {_nodes(wish.nodes)}.")
    desk.frame.forget()


async def _do_one(
    desk: Desk, services: ServiceControl, principal: Principal, wish: Wish, node: str, number: int
) -> None:
    acts = {"start": services.start, "stop": services.stop, "restart": services.restart}
    async for status in acts[wish.verb](node, wish.service, principal):
        if status in {ServiceStatus.STARTING, ServiceStatus.STOPPING}:
            desk.dock.tell(number, f"{node} is {status.value.lower()}.")


def _failed(wish: Wish, node: str, done: int, why: str) -> str:
    left = len(wish.nodes) - done - 1
    more = f" {left} more {'was' if left == 1 else 'were'} not tried." if left else ""
    return f"{node}: {why.rstrip('.')}.{more}"


def _nodes(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} nodes"
