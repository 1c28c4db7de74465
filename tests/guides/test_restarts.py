"""A step that restarts services waits for the nodes that do it by themselves, and names those that are down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.control.audit_log import Wanted
from mixedmode.control.following import follow
from mixedmode.control.services import Follower, OperationServices, ServiceStatus
from mixedmode.errors import RemoteError
from mixedmode.guides.hands import Hands
from mixedmode.guides.restarts import NotDoneError
from mixedmode.procedures.steps import RestartServices
from tests.cluster.building import PUB, SUB

ANNA = Principal("anna", 1, "10.0.0.1", PUB)
ACT = RestartServices()
Restart = Callable[[], Coroutine[Any, Any, None]]


async def works() -> None:
    pass


async def fails() -> None:
    raise RemoteError("port 69 is taken")


class Site(OperationServices):
    """The publisher is in this process; the other node does what is noted for it, in its own time.

    Args:
        restart: Of the other node's services; None: it sees nothing.
    """

    def __init__(self, cluster: Cluster, restart: Restart | None) -> None:
        super().__init__(cluster)
        self.cluster, self._other = cluster, restart
        self.works: set[asyncio.Task[None]] = set()

    async def follower(self, node: str) -> Follower:
        return Follower(at_once=True) if node == PUB else await super().follower(node)

    async def restart(self, node: str, service: Service, principal: Principal) -> AsyncIterator[ServiceStatus]:
        async for status in super().restart(node, service, principal):
            yield status
        if node == SUB and self._other is not None:
            state = next(each for each in self.cluster.services(node) if each.service is service)
            self.works.add(asyncio.ensure_future(self._later(self._other(), state)))

    async def _later(self, work: Coroutine[Any, Any, None], state: Any) -> None:
        await asyncio.sleep(0.1)
        await follow(work, self.cluster, state)


def restarted(cluster: Cluster, restart: Restart | None, patience: float) -> tuple[str, ...]:
    async def step() -> tuple[str, ...]:
        return await Hands(cluster, ANNA, Site(cluster, restart), patience=patience).do(ACT, {})

    return asyncio.run(step())


def test_it_waits_until_the_other_node_has_told_and_the_log_has_it(cluster: Cluster) -> None:
    lines = restarted(cluster, works, 60.0)
    assert lines == (
        f"{PUB}: Cisco CallManager [STARTED]",
        f"{PUB}: Cisco Tftp [STARTED]",
        f"{SUB}: Cisco CallManager [STARTED]",
        f"{SUB}: Cisco Tftp [STARTED]",
    )
    entries = Wanted(action="utils service", last=100).of(cluster.operations.journal)
    told = [(each.user, each.outcome, each.node) for each in entries if each.action == "utils service"]
    assert told == [("system", "done", SUB)] * 2
    # What was told of an earlier restart is no answer for this one.
    with pytest.raises(NotDoneError, match="has not told within"):
        restarted(cluster, None, 0.0)


def test_a_node_that_cannot_do_it_makes_the_step_fail(cluster: Cluster) -> None:
    with pytest.raises(NotDoneError, match=f"{SUB} could not restart Cisco Tftp: port 69 is taken") as failed:
        restarted(cluster, fails, 60.0)
    assert f"{PUB}: Cisco Tftp [STARTED]" in failed.value.said
    assert f"{SUB}: Cisco Tftp [failed: port 69 is taken]" in failed.value.said


def test_a_node_that_is_up_and_silent_makes_the_step_fail(cluster: Cluster) -> None:
    with pytest.raises(NotDoneError, match=f"{SUB} has not told within 0.2 s that it restarted Cisco CallManager"):
        restarted(cluster, None, 0.2)


def test_a_node_that_is_down_is_named_and_nobody_waits_for_it(cluster: Cluster) -> None:
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    lines = restarted(cluster, None, 600.0)
    assert f"{PUB}: Cisco Tftp [STARTED]" in lines
    assert f"{SUB}: Cisco Tftp ordered, node {SUB} is down (the node is down): it starts with the change" in lines
