"""The database: durable settings, migrations, and ``run sql``."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.migrations import HEAD, configuration, replay, revision
from mixedmode.cluster.model.errors import DatabaseError, NotFoundError
from mixedmode.cluster.query import query_worker
from mixedmode.cluster.store.database import Database, sqlite_url
from mixedmode.cluster.store.schema import Base
from mixedmode.errors import UsageError
from tests.cluster.building import MIXED, seed_spec
from tests.postgres import PostgresServer

MODE = "select paramname,paramvalue from processconfig where paramname='ClusterSecurityMode'"


def test_run_sql_shows_the_security_mode(cluster: Cluster) -> None:
    assert cluster.select(MODE).columns == ("paramname", "paramvalue")
    assert cluster.select(MODE).rows == (("ClusterSecurityMode", "0"),)
    cluster.run(MIXED)
    assert cluster.select(MODE + ";").rows == (("ClusterSecurityMode", "1"),)


@pytest.mark.parametrize(
    "statement",
    [
        "update processconfig set paramvalue='1'",
        "delete from auditlog",
        "drop table device",
        "select 1; delete from device",
        "attach database '/tmp/x.db' as x",
        "pragma journal_mode=delete",
        "with gone as (delete from device returning *) select * from gone",
        "select load_extension('x')",
        "vacuum into '/tmp/copy.db'",
        "not sql at all",
        "",
    ],
)
def test_run_sql_only_reads(cluster: Cluster, statement: str) -> None:
    with pytest.raises(UsageError):
        cluster.select(statement)
    assert len(cluster.devices) == 3


def test_run_sql_is_limited_in_rows_and_time(cluster: Cluster) -> None:
    found = cluster.select("select name from device", rows=2)
    assert (len(found.rows), found.truncated) == (2, True)
    endless = "with recursive n(i) as (select 1 union all select i+1 from n) select count(*) from n"
    with pytest.raises(UsageError, match="too long"):
        cluster.select(endless, seconds=0.2)


def test_a_query_whose_process_is_at_fault_is_not_taken_for_a_large_one(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_worker, "__file__", "/absent/query_worker.py")
    with pytest.raises(DatabaseError, match="cannot be run") as found:
        cluster.select(MODE)
    assert "No such file" in str(found.value.why)


def test_what_was_committed_survives_a_power_cut(cluster: Cluster) -> None:
    with cluster.database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
        assert session.scalar(text("PRAGMA busy_timeout")) == 30_000


def test_the_migrations_make_exactly_the_mapped_tables(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    database = Database(sqlite_url(tmp_path / "db"))
    with database.write() as session:
        replay(session.connection())
    database.migrate()
    with database.read() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []
        script = ScriptDirectory.from_config(configuration(session.connection()))
        assert script.get_current_head() == HEAD == context.get_current_revision()
    database.close()


def described(database: Database) -> dict[str, Any]:
    """Everything that a database says of its tables, the columns in their order."""
    with database.read() as session:
        found = inspect(session.connection())
        return {
            table: (
                [{**column, "type": str(column["type"])} for column in found.get_columns(table)],
                found.get_pk_constraint(table),
                sorted(found.get_unique_constraints(table), key=str),
                sorted(found.get_foreign_keys(table), key=str),
                sorted(found.get_indexes(table), key=str),
                found.get_check_constraints(table),
            )
            for table in found.get_table_names()
        }


def same_as_its_history(new: str, old: str) -> None:
    made, replayed = Database(new), Database(old)
    made.migrate()
    with replayed.write() as session:
        replay(session.connection())
    assert described(made) == described(replayed)
    with made.read() as session:
        assert revision(session.connection()) == HEAD
    made.close()
    replayed.close()


def test_a_new_database_has_the_schema_that_its_history_gives(tmp_path: Path) -> None:
    same_as_its_history(sqlite_url(tmp_path / "new"), sqlite_url(tmp_path / "old"))


def test_a_new_postgresql_database_has_the_schema_that_its_history_gives(postgres_server: PostgresServer) -> None:
    same_as_its_history(postgres_server.create_database(), postgres_server.create_database())


def test_a_new_database_needs_no_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from mixedmode.cluster.store.database import Database;"
        "Database(sys.argv[1]).migrate(); print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, sqlite_url(tmp_path / "db")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_an_empty_database_that_holds_tables_of_others_is_no_new_one(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("create table theirs (id integer)")
    connection.close()
    database = Database(sqlite_url(tmp_path / "db"))
    database.migrate()
    with database.read() as session:
        assert {"theirs", "processnode"} <= set(inspect(session.connection()).get_table_names())
    database.close()


def test_a_database_of_a_newer_release_is_refused(seed_directory: Path) -> None:
    with sqlite3.connect(seed_directory / "cluster.db") as connection:
        connection.execute("update alembic_version set version_num='9999'")
    connection.close()
    with pytest.raises(DatabaseError, match="schema 9999"):
        Cluster.open(seed_directory)


def test_creating_twice_and_opening_nothing_are_refused(seed_directory: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a cluster already"):
        Cluster.create(seed_directory, seed_spec())
    with pytest.raises(NotFoundError):
        Cluster.open(tmp_path / "nothing")
    with pytest.raises(DatabaseError, match="did not do"):
        Cluster.open(tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")


def test_a_new_embedded_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "cluster.db"))
    database.migrate()
    with database.write() as session:
        session.execute(text("create table written (i integer)"))
    assert {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == dict.fromkeys(
        ("cluster.db", "cluster.db-wal", "cluster.db-shm"), 384
    )
    database.close()


def test_a_copy_is_written_by_nobody_and_says_why(tmp_path: Path, postgres_database: str) -> None:
    made = Cluster.create(tmp_path / "c", seed_spec(), database_url=postgres_database)
    copy = Cluster.attach(tmp_path / "c", database_url=postgres_database, writes=False)
    assert copy.nodes() == made.nodes()
    with pytest.raises(DatabaseError, match="publisher's database is away") as caught:
        copy.run(MIXED)
    assert "log in again" in (caught.value.next_step or "")
    copy.close()
    made.close()


@pytest.mark.parametrize(
    "url",
    [
        "foo",
        "",
        "mysql://user:geheim@host/name",
        "sqlite+aiosqlite:///x.db",
        "postgresql://user:geheim@host:x/name",
        "://",
    ],
)
def test_what_is_no_url_of_a_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Database(url)
    assert "geheim" not in caught.value.diagnostics()
    assert "postgresql://" in caught.value.diagnostics()
