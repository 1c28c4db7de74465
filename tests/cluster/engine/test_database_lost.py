"""A database that goes away under an operation: the lock is never left to a holder that is no more."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mixedmode.cluster.engine import heartbeat, lock
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import ClusterBusyError
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import OperationLockRow
from mixedmode.errors import RemoteError
from tests.cluster.building import MIXED, NON_SECURE, PUB, UPDATE, seed_spec
from tests.postgres import PostgresServer, find_binaries
from tests.support import until

ANNA = Principal("anna", 4, "192.0.2.7")
ROOT = Path(__file__).parents[3]


@dataclass
class Fate:
    """Takes a database away at one of its commits, before or after the database kept it, for that one or for longer."""

    at: int
    kept: bool
    brief: bool = False
    commits: int = 0
    gone: bool = False

    def watch(self, cluster: Cluster) -> None:
        engine = cluster.database.engine
        commit = engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            self.commits += 1
            hit = self.commits == self.at
            self.gone = self.gone or (hit and not self.brief)
            if (hit or self.gone) and not self.kept:
                raise_gone()
            commit(connection)
            if hit or self.gone:
                raise_gone()

        engine.dialect.do_commit = do_commit  # type: ignore[assignment, method-assign]

        @event.listens_for(engine, "before_cursor_execute")
        def _execute(*_: object) -> None:
            if self.gone:
                raise_gone()


def raise_gone() -> None:
    raise OperationalError("", {}, Exception("server closed the connection unexpectedly"))


def assert_settled(cluster: Cluster) -> None:
    assert cluster.operations.journal.holder() is None
    ended = cluster.operations.journal.history()
    assert {entry.state for entry in ended} <= {"done", "undone"}
    is_mixed = bool(ended) and ended[-1].state == "done"
    assert (cluster.mode is SecurityMode.MIXED) is is_mixed
    assert (cluster.show_ctl(PUB).data is not None) is is_mixed
    assert not cluster.show_ctl(PUB).differs


@pytest.mark.parametrize(("kept", "brief"), [(False, False), (True, False), (True, True)])
def test_lost_at_every_commit(seed_directory: Path, tmp_path: Path, kept: bool, brief: bool) -> None:
    """Whatever was lost, question or answer: once it is back a look settles the operation, and the next one runs."""
    ends = set()
    fate = Fate(0, kept, brief)
    for at in range(1, 100, 1 if brief else 4):
        cluster = Cluster.open(Path(shutil.copytree(seed_directory, tmp_path / str(at), symlinks=True)))
        fate = Fate(at, kept, brief)
        fate.watch(cluster)
        with contextlib.suppress(RemoteError):
            cluster.run(MIXED, ANNA)
        if fate.gone:
            with pytest.raises(RemoteError):
                cluster.run(MIXED, Principal("bert", 4))
        is_hit = fate.commits >= at
        fate.gone = False
        fate.at = 0
        cluster.operations.settle()
        assert_settled(cluster)
        ends.add(cluster.mode)
        if at % 6 == 0:
            cluster.run(MIXED if cluster.mode is SecurityMode.NON_SECURE else UPDATE, ANNA)
        cluster.close()
        if not is_hit:
            break
    assert fate.commits > 10
    assert ends == set(SecurityMode)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    assert binaries is not None
    made = PostgresServer(binaries).create().start()
    yield made
    made.remove()


def cut(server: PostgresServer) -> None:
    """End every connection, as an administrator of the server or a firewall does."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid <> pg_backend_pid()")


def restart(server: PostgresServer) -> None:
    server.stop("immediate")
    server.start()


@contextmanager
def at_the_first(patched: pytest.MonkeyPatch, name: str, what: Callable[[], object]) -> Iterator[None]:
    """Have something happen at the first call of a method of NodeFolder or of the cluster's database."""
    original = getattr(NodeFolder, name)
    done: list[bool] = []

    def hooked(self: NodeFolder, *arguments: Any, **named: Any) -> Any:
        if not done:
            done.append(True)
            what()
        return original(self, *arguments, **named)

    with patched.context() as context:
        context.setattr(NodeFolder, name, hooked)
        yield
    assert done


def test_a_real_server_is_cut_off_restarted_and_stopped(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.create_database()
    cluster = Cluster.create(tmp_path, seed_spec(), database_url=url)
    for what, method in ((cut, "write"), (cut, "read"), (restart, "write"), (PostgresServer.stop, "write")):
        with at_the_first(monkeypatch, method, partial(what, server)), contextlib.suppress(RemoteError):
            cluster.run(MIXED, ANNA)
        if what is PostgresServer.stop:
            with pytest.raises(RemoteError):
                cluster.run(MIXED, ANNA)
            server.start()
        cluster.operations.settle()
        assert cluster.operations.journal.holder() is None
        assert not cluster.show_ctl(PUB).differs
        cluster.run(MIXED, ANNA)
        cluster.run(NON_SECURE, ANNA)
    assert {entry.state for entry in cluster.operations.journal.history()} == {"done", "undone"}
    cluster.close()


def test_a_transaction_that_hangs_in_the_server_is_ended_by_it(server: PostgresServer, tmp_path: Path) -> None:
    """A client that fell silent keeps nothing locked; one that waits for it is told, and does not wait for ever."""
    cluster = Cluster.create(tmp_path, seed_spec(), database_url=server.create_database())
    with cluster.database.read() as session:
        limits = {
            name: session.scalar(text(f"select current_setting('{name}')"))
            for name in ("lock_timeout", "idle_in_transaction_session_timeout")
        }
    assert limits == {"lock_timeout": "1min", "idle_in_transaction_session_timeout": "1min"}
    cluster.close()


def test_killed_with_its_server_and_both_back(server: PostgresServer, tmp_path: Path) -> None:
    url = server.create_database()
    Cluster.create(tmp_path / "c", seed_spec(), database_url=url).close()
    command = [sys.executable, "-m", "tests.cluster.engine.crash_child", str(tmp_path / "c"), url]
    for pause in (0.05, 0.15):
        with subprocess.Popen(command, cwd=ROOT, stdin=-1, stdout=-1, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            child = int(process.stdout.readline())
            time.sleep(pause)
            os.kill(child, signal.SIGKILL)
            server.stop("immediate")
            process.stdin.close()
        server.start()
        cluster = Cluster.open(tmp_path / "c", database_url=url)
        assert cluster.operations.journal.holder() is None
        assert {entry.state for entry in cluster.operations.journal.history()} <= {"done", "undone"}
        assert not cluster.show_ctl(PUB).differs
        cluster.run(MIXED, ANNA)
        cluster.close()


def test_a_full_disk_that_is_freed_leaves_no_lock(cluster: Cluster) -> None:
    """SQLite cannot even give the lock back on a full disk."""
    full: list[bool] = []

    @event.listens_for(cluster.database.engine, "before_cursor_execute")
    def _execute(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if full and statement.split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            raise OperationalError(statement, {}, Exception("database or disk is full"))

    write = NodeFolder.write

    def fill(self: NodeFolder, *arguments: Any, **named: Any) -> None:
        full.append(True)
        write(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(NodeFolder, "write", fill)
        with pytest.raises(RemoteError) as error:
            cluster.run(MIXED, ANNA)
    assert "disk is full" in (error.value.why or "")
    assert "when the database is back" in (error.value.next_step or "")
    full.clear()
    cluster.run(MIXED, ANNA)
    assert [entry.state for entry in cluster.operations.journal.history()] == ["undone", "done"]


def test_a_database_file_that_was_away_comes_back(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    path, away = cluster.directory / "cluster.db", cluster.directory / "away.db"
    with at_the_first(monkeypatch, "write", lambda: shutil.move(path, away)), pytest.raises(RemoteError):
        cluster.run(MIXED, ANNA)
    with pytest.raises(RemoteError):
        cluster.nodes()
    assert not path.exists()
    away.rename(path)
    cluster.operations.settle()
    assert_settled(cluster)
    cluster.run(MIXED, ANNA)


def test_who_holds_the_lock_is_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look() -> None:
        holder = cluster.operations.journal.holder()
        assert holder is not None
        seen.append(holder.document())
        with pytest.raises(ClusterBusyError, match=f"{MIXED.title} is running since .* started by anna on {PUB}"):
            cluster.run(MIXED, Principal("bert", 4))
        assert cluster.operations.settle() is None

    with at_the_first(monkeypatch, "write", look):
        cluster.run(MIXED, ANNA)
    (document,) = seen
    assert (document["operation"], document["user"], document["source"]) == (MIXED.title, "anna", "192.0.2.7")
    assert (document["node"], document["host"], document["state"]) == (PUB, lock.host_name(), "running")
    assert cluster.operations.journal.holder() is None


def test_a_slow_step_is_no_dead_process(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To other hosts, which know of it only by its signs of life."""
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.02)
    cluster = Cluster.create(tmp_path, seed_spec(), database_url=server.create_database())

    def is_alive(session: Session) -> bool:
        row = session.get_one(OperationLockRow, 1)
        return cluster.now() - row.beat < lock.SILENCE and not lock.is_dead(row, cluster.now())

    def lives() -> bool:
        with cluster.database.read() as session:
            return is_alive(session)

    def sleep() -> None:
        with cluster.database.write() as session:
            old = cluster.now() - timedelta(hours=1)
            session.execute(update(OperationLockRow).values(beat=old))
            assert not is_alive(session), "the next sign of life waits for the end of this"
        assert until(lives)

    with at_the_first(monkeypatch, "write", sleep):
        cluster.run(MIXED, ANNA)
    cluster.close()
