"""``run sql`` on a real PostgreSQL server: it cannot change anything, wait for ever or take all memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.faces.shell.commands import sql
from mixedmode.faces.shell.session import AdminSession
from tests.cluster.building import seed_spec
from tests.faces.conftest import CET, PUBLISHER, Terminal
from tests.faces.sshlab import ssh_lab
from tests.postgres import PostgresServer, postgres_server

__all__ = ["postgres_server"]

TABLES = ("processnode", "processconfig", "device", "certificate")


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> str:
    return postgres_server.create_database()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Cluster]:
    """One for all tests here: none of them can change it."""
    made = Cluster.create(tmp_path_factory.mktemp("sql") / "c", seed_spec(), database_url=database)
    yield made
    made.close()


@pytest.fixture(scope="module")
def ordinary(cluster: Cluster, database: str) -> Iterator[Terminal]:
    """The same cluster, by a database account that owns its tables and is no superuser."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("do $$ begin create role ordinary login; exception when duplicate_object then null; end $$")
        connection.execute("grant all on all tables in schema public to ordinary")
        connection.execute("grant all on all sequences in schema public to ordinary")
    url = database.replace("//mixedmode@", "//ordinary@")
    attached = Cluster.attach(cluster.directory, database_url=url)
    yield Terminal(AdminSession(attached, PUBLISHER, zone=CET))
    attached.close()


def contents(cluster: Cluster) -> list[object]:
    return [cluster.select(f"select * from {name} order by id").rows for name in TABLES]


def test_the_seed_s_query(terminal: Terminal, ordinary: Terminal) -> None:
    line = "run sql select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"
    expected = ["paramname           paramvalue", "=================== ==========", "ClusterSecurityMode 0"]
    assert terminal.type(line) == ordinary.type(line) == expected
    assert terminal.type("run sql select name from device where name='SEP0'")[-1] == "No records found"
    assert terminal.type("run sql select null, true, decode('ff00', 'hex'), 5 % 3 -- a remark")[-1].split() == [
        "NULL",
        "true",
        "ff00",
        "2",
    ]


@pytest.mark.parametrize(
    "query",
    [
        "delete from device",
        "select 1; commit; delete from device",
        "select 1) as q; commit; begin read write; delete from device; commit; select * from (select 1",
        "with gone as (delete from device returning 1) select * from gone",
        "select set_config('transaction_read_only', 'off', false)",
        "select nextval('device_id_seq')",
        "select pg_read_file('/etc/passwd')",
        "select lo_import('/etc/passwd')",
        "select query_to_xml('delete from device', true, true, '')",
        "select * from device for update",
        "select from device",
        "select * from nowhere",
        "values (1); drop table device",
        "\x00",
    ],
)
def test_nothing_but_reading(terminal: Terminal, ordinary: Terminal, cluster: Cluster, query: str) -> None:
    before = contents(cluster)
    for each in (terminal, ordinary):
        shown = each.type(f"run sql {query}")
        assert each.last.exit_code == 2, shown
        assert shown[0] == "Executed command unsuccessfully" or "only queries" in shown[2]
    assert contents(cluster) == before


@pytest.mark.parametrize(
    "endless",
    [
        "select pg_sleep(60)",
        "select count(*) from generate_series(1, 1000000000)",
        "select set_config('statement_timeout', '0', false), pg_sleep(60)",
    ],
)
def test_a_query_that_never_ends_is_stopped(terminal: Terminal, endless: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "TIME_LIMIT", 0.3)
    assert "took too long" in terminal.type(f"run sql {endless}")[1]


def test_rows_and_sizes_are_cut(cluster: Cluster, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "ROW_LIMIT", 3)
    assert terminal.type("run sql select generate_series(1, 1000000000) as n")[2:] == [
        "1",
        "2",
        "3",
        "(only the first 3 rows are shown)",
    ]
    wide = cluster.select("select repeat('x', 3000000)").rows
    assert len(wide[0][0]) == 1 << 20
    many = cluster.select("select repeat('x', 1000000) from generate_series(1, 1000)")
    assert many.truncated
    assert 10 < len(many.rows) < 20


def test_what_a_read_only_transaction_lets_pass_is_undone(cluster: Cluster, ordinary: Terminal) -> None:
    ordinary.type("run sql select lo_creat(-1)")
    assert cluster.select("select count(*) from pg_largeobject_metadata").rows == (("0",),)


def test_a_database_that_is_gone_is_told(terminal: Terminal, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.database, "url", cluster.database.url.set(database="gone"))
    shown = terminal.type("run sql select name from processnode")
    assert 'database "gone" does not exist' in "\n".join(shown)
    assert terminal.last.exit_code == 3


@pytest.mark.interop("ssh")
def test_through_openssh(cluster: Cluster, tmp_path: Path) -> None:
    with ssh_lab(cluster, PUBLISHER, tmp_path) as lab:
        done = lab.ssh("run sql select name from processnode order by name")
    assert done.stdout.splitlines() == ["name", "================", "cucm-1051-a-pub", "cucm-1051-a-sub1"]
