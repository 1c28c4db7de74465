"""``run sql`` under attack: whatever is typed, nothing is written, locked, told, read beside the tables, or ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.query import query_login, query_postgres
from mixedmode.cluster.query.query_login import FILE_NAME, login_name, make_login
from mixedmode.cluster.query.sql_functions import calls_of
from mixedmode.cluster.replication.logical import prepare_publisher
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.shell.commands import sql
from mixedmode.faces.shell.session import AdminSession
from tests.cluster.building import seed_spec
from tests.faces.conftest import CET, PUBLISHER, Terminal
from tests.faces.shell.sql_attacks import ON_POSTGRESQL, ON_SQLITE
from tests.postgres import PostgresServer, find_binaries, postgres_server

__all__ = ["postgres_server"]


@pytest.fixture(scope="module")
def attacked(postgres_server: PostgresServer) -> str:
    """A database with dblink, whose owner is a superuser, as a careless administrator gives it."""
    url = postgres_server.create_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create extension dblink")
    return url


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory, attacked: str) -> Iterator[Cluster]:
    made = Cluster.create(tmp_path_factory.mktemp("sql") / "c", seed_spec(), database_url=attacked)
    yield made
    made.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """On SQLite; one for all tests here, as none of them can change it."""
    made = Cluster.create(tmp_path_factory.mktemp("sqlite") / "c", seed_spec())
    yield made
    made.close()


@pytest.fixture
def attacker(on_postgresql: Cluster) -> Terminal:
    return Terminal(AdminSession(on_postgresql, PUBLISHER, zone=CET))


STATE = """
    select (select md5(string_agg(d::text, ',' order by id)) from device d),
    (select count(*) from pg_locks where locktype = 'advisory'),
    (select count(*) from pg_largeobject_metadata),
    (select count(*) from pg_replication_slots),
    (select count(*) from pg_class),
    (select md5(string_agg(r::text, ',' order by oid)) from pg_authid r),
    (select last_value from device_id_seq)
"""
"""What an attack could have left: rows, locks, large objects, slots, relations, roles, numbers."""


@pytest.fixture(scope="module")
def watch(attacked: str, on_postgresql: Cluster) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of somebody else, which an attack may not end."""
    assert on_postgresql.select("select 1").rows == (("1",),)
    with psycopg.connect(attacked, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("query", ON_POSTGRESQL)
def test_postgresql_does_nothing_but_read(
    attacker: Terminal, watch: psycopg.Connection[tuple[object, ...]], query: str
) -> None:
    before = watch.execute(STATE).fetchone()
    shown = attacker.type(f"run sql {query}")
    assert attacker.last.exit_code == 2, shown
    assert "root:" not in "\n".join(shown)
    assert watch.execute(STATE).fetchone() == before
    assert not [path for path in ("/tmp/copied", "/tmp/touched", "/tmp/exported", "/tmp/x") if Path(path).exists()]


@pytest.mark.parametrize("query", ON_SQLITE)
def test_sqlite_does_nothing_but_read(
    terminal: Terminal, cluster: Cluster, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "TIME_LIMIT", 1.0)
    files = {path: path.stat().st_size for path in cluster.directory.iterdir() if path.is_file()}
    shown = terminal.type(f"run sql {query}")
    assert terminal.last.exit_code == 2, shown
    assert "root:" not in "\n".join(shown)
    assert len(cluster.nodes()) == 2
    assert {path: path.stat().st_size for path in files} == files
    assert not [path for path in ("/tmp/attached.db", "/tmp/copy.db", "/tmp/written") if Path(path).exists()]


READS = (
    "select name, description from device where name like 'SEP%' order by name limit 2",
    "select d.name, p.name as pool from device d inner join devicepool p on d.fkdevicepool = p.id",
    "select count(*) from device",
    "select upper(name), length(name), substr(name, 4) from device",
    "select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'",
    "select node, unit, serialnumber from certificate where unit in ('CallManager', 'CAPF') order by node",
    "select case when count(*) > 0 then 'some' else 'none' end from device group by name",
    "select coalesce(max(id), 0) + 1 from processnode",
    "select a.name from processnode as a(id, name) where exists (select 1 from processnode)",
    "with recursive n(x) as (select 1 union all select x + 1 from n where x < 5) select x from n",
    "select cast(name as varchar(10)) from device -- 'a remark",
    "select name || ' (it''s a phone)' from device",
    "select min(name) over (partition by fkdevicepool) from device",
    "values (1, 'a'), (2, 'b')",
)


@pytest.mark.parametrize("query", READS)
def test_reading_works_on_both(attacker: Terminal, terminal: Terminal, query: str) -> None:
    for each in (attacker, terminal):
        shown = each.type(f"run sql {query}")
        if "as a(id, name)" in query and each is terminal:
            continue  # SQLite has no names of columns there
        assert each.last.exit_code == 0, shown


ENDLESS = (
    "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n",
    "with recursive n(x) as (select 1 union select x + 1 from n) select x from n order by x desc",
    "select count(*) from " + ", ".join(f"certificate c{number}" for number in range(20)),
    "with recursive n(x) as (select 1 union all select x + 1 from n) select a.x from n a order by a.x",
)


@pytest.mark.parametrize("endless", ENDLESS)
def test_what_never_ends_is_stopped(
    attacker: Terminal, terminal: Terminal, endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "TIME_LIMIT", 0.3)
    for each in (attacker, terminal):
        shown = each.type(f"run sql {endless}")
        assert each.last.exit_code == 2, shown


def test_one_function_that_never_looks_up_is_killed_or_answers_nothing(cluster: Cluster) -> None:
    """Older releases of SQLite work on it until they are killed; newer ones say that there is no such text."""
    try:
        shown = cluster.select("select printf('%.*c', 2000000000, 'x')", seconds=0.5).rows
    except UsageError:
        shown = (("NULL",),)
    assert shown == (("NULL",),)


def test_a_sort_without_end_takes_neither_disk_nor_memory(cluster: Cluster) -> None:
    """Its process may use 64 MB in SQLite, and may write no temporary file."""
    big = (
        "with recursive n(x) as (select 1 union all select x + 1 from n) select hex(randomblob(400)) from n order by 1"
    )
    with pytest.raises(UsageError) as error:
        cluster.select(big, seconds=300)
    assert "memory" in (error.value.why or "")


def test_temporary_files_of_the_server_are_bounded(on_postgresql: Cluster) -> None:
    big = (
        "select * from (select repeat(md5(n::text), 30) from generate_series(1, 1000000) n order by 1 offset 999999) q"
    )
    with pytest.raises(UsageError) as error:
        on_postgresql.select(big, seconds=300)
    assert "temporary file size exceeds" in (error.value.why or "")


def test_the_server_that_does_not_let_itself_be_interrupted_is_left(
    on_postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_postgres, "_PATIENCE", -999.7)
    with pytest.raises(UsageError, match="too long"):
        on_postgresql.select("select pg_sleep(60)", seconds=1000)


def test_the_login_is_for_this_node_alone_and_may_only_read(on_postgresql: Cluster, attacked: str) -> None:
    path = on_postgresql.directory / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    with psycopg.connect(attacked, autocommit=True) as connection:
        name = connection.execute("select current_database()").fetchone()
        assert name is not None
        login = login_name(name[0])
        row = connection.execute(
            "select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolinherit, rolconnlimit > 0, "
            "rolpassword like 'SCRAM-SHA-256$%%' from pg_authid where rolname = %s", (login,)
        ).fetchone()  # fmt: skip
    assert row == (False, False, False, False, False, False, True, True)
    assert path.read_text().startswith(f"{login}:")


@pytest.mark.parametrize(
    "right", ["alter role {} superuser", "grant pg_read_server_files to {}", "alter role {} replication"]
)
def test_a_login_that_may_do_more_is_refused(on_postgresql: Cluster, attacked: str, right: str) -> None:
    with psycopg.connect(attacked, autocommit=True) as connection:
        login = (on_postgresql.directory / FILE_NAME).read_text().partition(":")[0]
        connection.execute(right.format(login).encode())
        try:
            with pytest.raises(MixedModeError, match="may do more than read") as error:
                on_postgresql.select("select 1")
            assert error.value.next_step
        finally:
            connection.execute(f"alter role {login} nosuperuser noreplication".encode())
            connection.execute(f"revoke pg_read_server_files from {login}".encode())
    assert on_postgresql.select("select 1").rows == (("1",),)


def test_without_its_login_the_query_is_refused_and_the_way_out_is_told(on_postgresql: Cluster, attacked: str) -> None:
    path = on_postgresql.directory / FILE_NAME
    kept = path.read_text()
    for broken, words in ((None, "no login"), ("nonsense", "NAME:PASSWORD"), ("nobody:secret", "does not let in")):
        path.unlink(missing_ok=True)
        if broken is not None:
            path.write_text(broken)
            path.chmod(0o600)
        with pytest.raises(MixedModeError, match=words) as error:
            on_postgresql.select("select 1")
        assert "mixedmode node run" in (error.value.next_step or "")
        assert "secret" not in error.value.diagnostics()
    path.chmod(0o640)
    with pytest.raises(MixedModeError, match="read by others") as error:
        on_postgresql.select("select 1")
    assert "chmod 600" in (error.value.next_step or "")
    assert on_postgresql.make_query_login() == ""
    assert on_postgresql.select("select 1").rows == (("1",),)
    assert path.read_text() != kept


def test_the_login_works_as_debian_lets_roles_in(tmp_path: Path) -> None:
    """By the system's user over the socket file, by password over loopback."""
    binaries = find_binaries()
    assert binaries is not None
    server = PostgresServer(binaries).create()
    try:
        rules = ("local all mixedmode trust", "local all all peer", "host all all 127.0.0.1/32 scram-sha-256")
        (server.data / "pg_hba.conf").write_text("\n".join(rules) + "\n")
        cluster = Cluster.create(tmp_path / "c", seed_spec(), database_url=server.start().create_database())
        assert cluster.select("select count(*) from processnode").rows == (("2",),)
        path = cluster.directory / FILE_NAME
        path.write_text(path.read_text().strip() + "x")
        with pytest.raises(MixedModeError, match="does not let in"):
            cluster.select("select 1")
        assert cluster.make_query_login() == ""
        assert cluster.select("select 1").rows == (("1",),)
        assert source_works(cluster, server)
        cluster.close()
    finally:
        server.remove()


def source_works(cluster: Cluster, server: PostgresServer) -> bool:
    """Whether the role of subscribers, made likewise, is let in by its password too."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("alter system set wal_level = logical")
    server.stop()
    server.start()
    source = prepare_publisher(cluster.database, "127.0.0.1")
    with psycopg.connect(source.url) as connection:
        return connection.execute("select count(*) from processnode").fetchone() == (2,)


def test_an_account_that_may_not_make_roles_is_told(
    attacked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(attacked, autocommit=True) as connection:
        connection.execute("do $$ begin create role plain login; exception when duplicate_object then null; end $$")
        connection.execute("grant select on all tables in schema public to plain")
    cluster = Cluster.attach(tmp_path, database_url=attacked.replace("//mixedmode@", "//plain@"))
    told = cluster.make_query_login()
    assert "permission denied" in told or "must be" in told
    with pytest.raises(MixedModeError, match="no login"):
        cluster.select("select 1")
    monkeypatch.setattr(query_login, "_PREFIX", "mixedmode_again_")
    login = make_login(Cluster.attach(tmp_path, database_url=attacked).database)
    assert login.password not in repr(login)
    cluster.close()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('select a.b, f(x), "G"(y) from t as u(v)', {"b", "f", "G", "u"}),
        ("select 'f(x)', $$g(x)$$, E'h(\\'x)', /* i(x) /* j( */ k( */ 1 -- l(x)", set()),
        ("select n'x', b'01', x'ff', f$g(1), é(2)", {"f$g", "é"}),
        ("select " + "a" * 70 + "(1)", {"a" * 63}),
        ("select 1$$ f(x) $$", set()),
        ("select a-->b(1)\n(2), c(3)", {"a", "c"}),
    ],
)
def test_names_are_read_as_postgresql_reads_them(query: str, names: set[str]) -> None:
    assert calls_of(query).names == names
