"""Two real PostgreSQL servers: the subscriber's copy follows, is told of when it does not, and catches up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError, PreconditionError
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec, SecurityMode
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.itl import ResetItl
from mixedmode.cluster.operations.nodes import RemoveNode
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.replication import replicas
from mixedmode.cluster.replication.logical import Source, join_subscriber, leave_cluster, prepare_publisher
from mixedmode.cluster.replication.replicas import LogicalReplication, drop_slot
from mixedmode.cluster.replication.replication import ReplicationState
from mixedmode.cluster.store.database import Database
from mixedmode.node.upkeep import Upkeep
from tests.cluster.publishing.test_archive import regress
from tests.postgres import PostgresServer, find_binaries, postgres_server
from tests.support import until

__all__ = ["postgres_server"]
ANNA = Principal("anna", 4)
NODES = ("pub", "sub1")
soon = partial(until, seconds=20)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    binaries = find_binaries()
    assert binaries is not None
    settings = ("wal_level = logical", "wal_receiver_timeout = 2s", "wal_retrieve_retry_interval = 500ms")
    made = [PostgresServer(binaries, settings).create().start() for _ in range(2)]
    yield made[0], made[1]
    for server in made:
        server.stop("immediate")
        server.remove()


@pytest.fixture
def site(servers: tuple[PostgresServer, PostgresServer], tmp_path: Path) -> Iterator[tuple[Cluster, Source, str]]:
    publisher, subscriber = servers
    url = publisher.create_database()
    spec = ClusterSpec(
        version=Version.parse("10.5.1.10000-7"),
        nodes=tuple(NodeSpec(name, f"127.0.0.{number}") for number, name in enumerate(NODES, 1)),
        devices=tuple(DeviceSpec(f"SEP00112233{number:04X}") for number in range(50)),
    )
    cluster = Cluster.create(tmp_path, spec, database_url=url)
    cluster.replication = LogicalReplication(cluster.database, "pub")
    source = prepare_publisher(cluster.database, "127.0.0.1")
    own = subscriber.create_database()
    yield cluster, source, own
    reader = Database(own)
    leave_cluster(reader, "sub1")
    reader.close()
    if publisher._process is not None:
        drop_slot(cluster.database, "sub1")
    cluster.close()


def joined(site: tuple[Cluster, Source, str]) -> Database:
    _, source, own = site
    database = Database(own)
    seen: list[tuple[int, int]] = []
    join_subscriber(database, source, "sub1", progress=lambda done, every: seen.append((done, every)))
    assert seen[-1][0] == seen[-1][1] > 10
    return database


def test_a_change_on_the_publisher_is_read_on_the_subscriber(site: tuple[Cluster, Source, str], tmp_path: Path) -> None:
    cluster, _, own = site
    assert cluster.replication.states(NODES)["sub1"] is ReplicationState.NOT_STARTED
    database = joined(site)
    join_subscriber(database, site[1], "sub1")
    reader = Cluster.attach(tmp_path, database_url=own)
    assert [node.name for node in reader.nodes()] == list(NODES)
    assert len(reader.devices) == 50
    assert soon(lambda: cluster.replication.states(NODES)["sub1"] is ReplicationState.GOOD)
    cluster.run(SetMixedMode(), ANNA)
    assert soon(lambda: reader.mode is SecurityMode.MIXED)
    assert reader.own_certificate("pub", "CallManager") == cluster.own_certificate("pub", "CallManager")
    with database.read() as session:
        plan = session.execute(text("EXPLAIN SELECT * FROM device WHERE name = 'SEP001122330001'")).scalars().all()
    assert "device" in plan[0]
    reader.close()
    database.close()


def test_a_subscriber_that_is_down_is_told_and_catches_up(
    site: tuple[Cluster, Source, str], servers: tuple[PostgresServer, PostgresServer], tmp_path: Path
) -> None:
    cluster, _, own = site
    joined(site).close()
    assert soon(lambda: cluster.replication.states(NODES)["sub1"] is ReplicationState.GOOD)
    servers[1].stop("immediate")
    try:
        assert soon(lambda: cluster.replication.states(NODES)["sub1"] is ReplicationState.BAD)
        with pytest.raises(PreconditionError, match="sub1"):
            cluster.run(SetMixedMode(), ANNA)
        assert cluster.mode is SecurityMode.NON_SECURE
    finally:
        servers[1].start()
    assert soon(lambda: cluster.replication.states(NODES)["sub1"] is ReplicationState.GOOD)
    cluster.run(SetMixedMode(), ANNA)
    reader = Cluster.attach(tmp_path, database_url=own)
    assert soon(lambda: reader.mode is SecurityMode.MIXED)
    reader.close()


def test_the_subscriber_goes_on_reading_when_the_publisher_dies(
    site: tuple[Cluster, Source, str], servers: tuple[PostgresServer, PostgresServer], tmp_path: Path
) -> None:
    own = site[2]
    joined(site).close()
    servers[0].stop("immediate")
    try:
        reader = Cluster.attach(tmp_path, database_url=own)
        assert len(reader.devices) == 50
        assert reader.device("SEP001122330001") is not None
        reader.close()
    finally:
        servers[0].start()


def slots(cluster: Cluster) -> list[str]:
    with cluster.database.read() as session:
        query = text("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")
        return [str(name) for name in session.scalars(query)]


def subscriptions(own: str) -> int:
    database = Database(own)
    with database.read() as session:
        query = text(
            "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid "
            "WHERE d.datname = current_database()"
        )
        count = int(session.scalar(query) or 0)
    database.close()
    return count


def test_a_node_that_is_removed_while_it_follows_hears_of_it_and_leaves_no_slot(
    site: tuple[Cluster, Source, str], tmp_path: Path
) -> None:
    cluster, _, own = site
    joined(site).close()
    assert soon(lambda: cluster.replication.states(NODES)["sub1"] is ReplicationState.GOOD)
    cluster.run(RemoveNode("sub1"), ANNA)
    copy = Cluster.attach(tmp_path, database_url=own)
    assert [node.name for node in copy.nodes()] == ["pub"], "it heard of it"
    time.sleep(1.5)  # its server tries to come back every half a second
    assert slots(cluster) == []
    upkeep = Upkeep(copy, subscriber="sub1", copy=copy)
    upkeep.look()
    assert upkeep.removed
    assert subscriptions(own) == 0
    copy.close()


def test_a_node_that_is_removed_while_it_is_dead_finds_out_when_it_comes_back(
    site: tuple[Cluster, Source, str], servers: tuple[PostgresServer, PostgresServer], tmp_path: Path
) -> None:
    cluster, source, own = site
    joined(site).close()
    servers[1].stop("immediate")
    try:
        cluster.run(RemoveNode("sub1"), ANNA)
        assert slots(cluster) == []
    finally:
        servers[1].start()
    copy = Cluster.attach(tmp_path, database_url=own)
    assert [node.name for node in copy.nodes()] == list(NODES), "it missed it"
    theirs = Cluster.attach(tmp_path, database_url=source.url)
    upkeep = Upkeep(theirs, subscriber="sub1", copy=copy)
    upkeep.look()
    assert upkeep.removed
    assert subscriptions(own) == 0
    assert slots(cluster) == []
    theirs.close()
    copy.close()


def test_a_slot_that_was_left_is_dropped_later(
    site: tuple[Cluster, Source, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _, _ = site
    copy = "pg_16400_sync_16385_7300000000000000000"
    with cluster.database.write() as session:
        for name in ("mixedmode_gone", "somebody_elses", copy):
            session.execute(text(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')"))
    joined(site).close()
    upkeep = Upkeep(cluster)
    upkeep.look()
    assert sorted(slots(cluster)) == ["mixedmode_sub1", copy, "somebody_elses"]
    monkeypatch.setattr(replicas, "COPY_SECONDS", 0.0)
    assert soon(lambda: cluster.replication.states(NODES)["sub1"] is ReplicationState.GOOD)
    upkeep.look()
    assert sorted(slots(cluster)) == ["mixedmode_sub1", "somebody_elses"]
    with cluster.database.write() as session:
        session.execute(text("SELECT pg_drop_replication_slot('somebody_elses')"))


def test_a_subscriber_has_the_archive_also_of_a_publisher_that_was_upgraded(
    site: tuple[Cluster, Source, str], tmp_path: Path
) -> None:
    cluster, _, own = site
    archive_tables = "trustfilearchive, trustfilehistory"
    with cluster.database.write() as session:
        session.execute(text(f"ALTER PUBLICATION mixedmode DROP TABLE {archive_tables}"))
    joined(site).close()
    reader = Cluster.attach(tmp_path, database_url=own)
    upkeep = Upkeep(cluster, subscriber="sub1", copy=reader)
    upkeep.look()
    assert archive.history(reader.database) == []
    regress(cluster.database)
    cluster.database.migrate()
    with cluster.database.read() as session:
        allowed = text("SELECT has_table_privilege('mixedmode_subscriber', 'trustfilehistory', 'INSERT')")
        assert session.scalar(allowed)
    upkeep.look(slots=False)
    upkeep.look()
    cluster.run(ResetItl(), ANNA)
    assert soon(lambda: archive.history(reader.database) == archive.history(cluster.database))
    published = cluster.show_itl("pub").data
    found = archive.find(reader.database, archive.history(cluster.database)[-1].md5)
    assert found.data == published
    upkeep.look()
    reader.close()


def test_a_server_without_logical_log_is_told_what_to_set(postgres_server: PostgresServer) -> None:
    database = Database(postgres_server.create_database())
    with pytest.raises(PreconditionError, match="wal_level") as error:
        prepare_publisher(database, "127.0.0.1")
    assert "ALTER SYSTEM" in error.value.diagnostics()
    database.close()


def test_an_embedded_database_is_told_to_be_no_source(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(PreconditionError, match="embedded"):
        prepare_publisher(database, "127.0.0.1")
    database.close()


def test_a_publisher_that_is_not_there_is_an_error_without_its_password(site: tuple[Cluster, Source, str]) -> None:
    _, source, own = site
    database = Database(own)
    with pytest.raises(DatabaseError) as error:
        join_subscriber(database, replace(source, port=1), "sub1", seconds=2)
    assert source.password not in error.value.diagnostics()
    assert source.password not in repr(source)
    database.close()
