"""Deleting trust certificates: before 11.0 on one node, and they come back; from 11.0 on every node."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.store.schema import ProcessNodeService, TrustAbsence
from mixedmode.cluster.store.state import utc_now
from mixedmode.faces.shell.session import AdminSession
from mixedmode.services.net.change_notification import ChangeNotificationService
from tests.faces.conftest import PUBLISHER, SUBSCRIBER, ClusterMaker, Terminal
from tests.support import DATA, eventually

STORE = "CallManager-trust"
PEM = (DATA / "keys" / "sast-rsa2048.crt").read_text().splitlines()


class Nodes:
    """The prompts of both nodes, with one certificate imported."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.terminals = {name: Terminal(AdminSession(cluster, name)) for name in (PUBLISHER, SUBSCRIBER)}
        before = set(self.listed(PUBLISHER))
        self.terminals[PUBLISHER].type(f"set cert import trust {STORE}", *PEM)
        (row,) = set(self.listed(PUBLISHER)) - before
        self.name = row.partition("/")[2].partition(":")[0]

    def listed(self, node: str) -> list[str]:
        return [row for row in self.terminals[node].type("show cert list trust") if row.startswith(f"{STORE}/")]

    @property
    def having(self) -> list[str]:
        """The nodes that list the certificate."""
        return [node for node in self.terminals if any(f"/{self.name}:" in row for row in self.listed(node))]

    def delete(self, node: str) -> list[str]:
        return self.terminals[node].type(f"set cert delete {STORE} {self.name}")

    def bring_back(self, *, later: int = 60) -> None:
        self.cluster.bring_back_trust(utc_now() + timedelta(seconds=later))


def test_before_11_it_is_deleted_on_one_node_and_comes_back(cluster: Cluster) -> None:
    nodes = Nodes(cluster)
    assert nodes.delete(PUBLISHER) == [f"Successfully deleted certificate {nodes.name} from {STORE}."]
    assert nodes.having == [SUBSCRIBER]
    assert "there is no certificate" in nodes.delete(PUBLISHER)[1]
    assert "there is no certificate" in nodes.terminals[PUBLISHER].type(f"show cert trust {STORE}/{nodes.name}")[1]
    nodes.bring_back(later=-60)
    assert nodes.having == [SUBSCRIBER], "not before its time"
    nodes.bring_back()
    assert nodes.having == [PUBLISHER, SUBSCRIBER]
    assert cluster.operations.journal.audit()[-1].action == "certificate change notification"


def test_deleted_on_each_node_it_is_gone_for_good(cluster: Cluster) -> None:
    nodes = Nodes(cluster)
    nodes.delete(SUBSCRIBER)
    nodes.delete(PUBLISHER)
    assert nodes.having == []
    nodes.bring_back()
    assert nodes.having == []
    with cluster.database.read() as session:
        assert session.scalars(select(TrustAbsence)).all() == []
    nodes.terminals[SUBSCRIBER].type(f"set cert import trust {STORE}", *PEM)
    assert nodes.having == [PUBLISHER, SUBSCRIBER]


def test_imported_again_it_is_on_every_node(cluster: Cluster) -> None:
    nodes = Nodes(cluster)
    nodes.delete(PUBLISHER)
    nodes.terminals[PUBLISHER].type(f"set cert import trust {STORE}", *PEM)
    assert nodes.having == [PUBLISHER, SUBSCRIBER]


@pytest.mark.parametrize("version", ["11.0.1.20000-2", "12.5.1.13900-152"])
def test_from_11_it_is_deleted_on_every_node(make_cluster: ClusterMaker, version: str) -> None:
    nodes = Nodes(make_cluster(version))
    nodes.delete(SUBSCRIBER)
    assert nodes.having == []


def test_an_upgrade_to_11_forgets_what_one_node_had_deleted(cluster: Cluster) -> None:
    nodes = Nodes(cluster)
    nodes.delete(PUBLISHER)
    cluster.run(Upgrade("11.5(1)"))
    cluster.run(SwitchVersion())
    assert nodes.having == [PUBLISHER, SUBSCRIBER], "the database has it"
    nodes.delete(PUBLISHER)
    assert nodes.having == []


class Keeper:
    """Takes the place of a cluster."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []
        self.now = lambda: datetime(2015, 3, 6, tzinfo=UTC)

    def bring_back_trust(self, before: datetime) -> None:
        self.asked.append(before)


def test_the_service_looks_only_while_it_runs() -> None:
    async def play() -> None:
        keeper = Keeper()
        service = ChangeNotificationService(keeper, return_seconds=15, look_seconds=0.01)
        assert not service.healthy
        await service.start()
        await eventually(lambda: keeper.asked)
        assert service.healthy
        assert keeper.asked[0] == keeper.now() - timedelta(seconds=15)
        await service.stop()
        asked = len(keeper.asked)
        await asyncio.sleep(0.05)
        assert (len(keeper.asked), service.healthy) == (asked, False)

    asyncio.run(play())


def test_every_node_has_the_service_also_one_made_by_an_earlier_release(cluster: Cluster, tmp_path: Path) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    from mixedmode.cluster.migrations.versions.first import v0005_trust_absence as migration

    with cluster.database.write() as session:
        session.execute(delete(ProcessNodeService).where(ProcessNodeService.service == Service.CHANGE_NOTIFICATION))
        TrustAbsence.__table__.drop(session.connection())  # type: ignore[attr-defined] # the mapped table
        with Operations.context(MigrationContext.configure(session.connection())):
            migration.upgrade()
    for node in (PUBLISHER, SUBSCRIBER):
        states = {state.service: state for state in cluster.services(node)}
        assert states[Service.CHANGE_NOTIFICATION].activated
        assert states[Service.CHANGE_NOTIFICATION].started is not None
    assert Nodes(cluster).having == [PUBLISHER, SUBSCRIBER]
