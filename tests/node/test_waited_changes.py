"""A service that starts with its node runs with what waited for its restart: that is entered once, and no more."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError, PreconditionError
from mixedmode.cluster.model.parameters import ROLLBACK
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.operations.services import StartWithNode, StopService, Waiting
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.node.units.waited import WaitedChanges
from tests.cluster.building import MIXED, NON_SECURE, PUB, SUB

TFTP, CALLMANAGER = Service.TFTP.value, Service.CALLMANAGER.value


def marks(cluster: Cluster, node: str) -> set[str]:
    return {each.service.value for each in cluster.services(node) if each.restart_needed is not None}


def entries(cluster: Cluster) -> list[tuple[str, str, str, str]]:
    audited = cluster.operations.journal.audit()
    return [
        (each.user, each.action, each.outcome, str(each.details.get("node", "")))
        for each in audited
        if each.action == StartWithNode.title
    ]


def test_what_runs_with_the_change_waits_no_more_and_is_not_restarted(cluster: Cluster) -> None:
    cluster.run(MIXED)
    cluster.run(SetParameter(ROLLBACK.name, "True"))
    cluster.run(StopService(PUB, CALLMANAGER))
    before = {each.service: each for each in cluster.services(PUB)}
    itl = cluster.show_itl(PUB).data
    asyncio.run(WaitedChanges(cluster, cluster, PUB).before_start())
    after = {each.service: each for each in cluster.services(PUB)}
    assert marks(cluster, PUB) == {CALLMANAGER}, "what is stopped does not run with anything"
    assert marks(cluster, SUB) >= {TFTP, CALLMANAGER}, "another node's are its own"
    assert {each: state.restarts for each, state in after.items()} == {
        each: state.restarts for each, state in before.items()
    }
    assert (after[Service.TFTP].started or 0) != before[Service.TFTP].started
    assert after[Service.CAPF].started == before[Service.CAPF].started
    assert cluster.show_itl(PUB).data != itl, "TFTP made its ITL, as a start does"
    assert not cluster.show_itl(PUB).differs
    once = entries(cluster)
    assert once == [("system", "node start", "started", PUB), ("system", "node start", "done", PUB)]
    asyncio.run(WaitedChanges(cluster, cluster, PUB).before_start())
    assert entries(cluster) == once


def test_a_node_that_was_down_takes_what_waits_for_it_before_it_starts(cluster: Cluster) -> None:
    cluster.run(MIXED)
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    cluster.run(NON_SECURE)
    assert cluster.show_ctl(SUB).differs
    distributor.down.clear()
    asyncio.run(WaitedChanges(cluster, cluster, SUB).before_start())
    assert not cluster.show_ctl(SUB).differs
    assert marks(cluster, SUB) == set()


@pytest.mark.parametrize("later", ["nothing", "a change"])
@pytest.mark.parametrize("why", ["away", "busy", "read from the copy"])
def test_what_cannot_be_entered_at_the_start_is_entered_later(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, why: str, later: str
) -> None:
    cluster.run(MIXED)
    copy = Cluster.attach(cluster.directory, database_url=cluster.database.url.render_as_string())

    def away(*_: object, **__: object) -> None:
        raise DatabaseError("the database is away")

    async def story() -> None:
        changes = WaitedChanges(copy, cluster, PUB, pause=0.0)
        with monkeypatch.context() as patched:
            patched.setattr(cluster.operations.journal, "holder", (lambda: "somebody") if why == "busy" else away)
            if why == "read from the copy":
                patched.setattr(cluster, "services", away)
            await changes.before_start()
            assert TFTP in marks(copy, PUB)
        if later == "a change":
            await asyncio.to_thread(cluster.run, SetParameter(ROLLBACK.name, "True"))
        await changes.again()
        await changes.again()

    asyncio.run(story())
    copy.close()
    assert (TFTP in marks(cluster, PUB)) is (later == "a change")
    assert CALLMANAGER not in marks(cluster, PUB)
    assert len(entries(cluster)) == 2


def test_services_start_beside_a_silent_database_and_it_is_entered_when_it_speaks(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.run(MIXED)
    speaks, ask = threading.Event(), cluster.services

    def services(node: str | None = None) -> object:
        speaks.wait()
        return ask(node)

    async def story() -> None:
        changes = WaitedChanges(cluster, cluster, PUB)
        with monkeypatch.context() as patched:
            patched.setattr(cluster, "services", services)
            await changes.before_start(0.0)
            assert not entries(cluster)
            speaks.set()
            assert changes._work is not None
            await changes._work

    asyncio.run(story())
    assert len(entries(cluster)) == 2
    assert TFTP not in marks(cluster, PUB)


def test_nobody_says_so_of_a_node_of_another_host(cluster: Cluster) -> None:
    cluster.run(MIXED)
    folder = cluster.folder(SUB).root
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(PreconditionError, match="another host"):
        cluster.run(StartWithNode(SUB, (Waiting(TFTP, "x"),)), Principal("anna", 4))
    assert TFTP in marks(cluster, SUB)
