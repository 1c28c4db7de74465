"""What is asked again and again is read once, and never answered from before a commit, whoever made it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.cluster.store.folders import DATABASE_FILE
from mixedmode.cluster.store.remembering import Remembering

ASKED: dict[str, Callable[[Cluster], object]] = {
    "nodes": Cluster.nodes,
    "node": lambda cluster: cluster.node(cluster.publisher.name.upper()),
    "folder": lambda cluster: cluster.folder(cluster.publisher.name).root,
    "versions": Cluster.versions,
    "mode": lambda cluster: cluster.mode,
    "own certificates": lambda cluster: cluster.certificates.list_own(),
    "trust stores": lambda cluster: cluster.certificates.list_trust(),
}
CHANGES = {
    "a node's address": (
        "UPDATE processnode SET address = '127.0.0.77' WHERE tknodeusage = 0",
        lambda cluster: cluster.publisher.address,
        "127.0.0.77",
    ),
    "a parameter": (
        "UPDATE processconfig SET paramvalue = '77' WHERE paramname = 'CAPFOperationExpiresInDays'",
        lambda cluster: cluster.parameter("CAPFOperationExpiresInDays"),
        "77",
    ),
    "certificates": (
        "UPDATE certificate SET isactive = 0 WHERE unit = 'CallManager'",
        lambda cluster: cluster.certificates.list_own(unit="CallManager"),
        [],
    ),
    "trust stores": ("DELETE FROM certificate WHERE node = ''", lambda cluster: cluster.certificates.list_trust(), []),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_what_did_not_change_is_read_once(cluster: Cluster, asked: Callable[[Cluster], object]) -> None:
    statements: list[str] = []
    first = asked(cluster)
    event.listen(cluster.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert asked(cluster) == first
    assert statements == []


@pytest.mark.parametrize(("change", "asked", "after"), CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("who", ["this cluster", "a thread", "another program"])
def test_a_commit_is_seen_at_once(
    cluster: Cluster, who: str, change: str, asked: Callable[[Cluster], object], after: object
) -> None:
    assert asked(cluster) == asked(cluster) != after

    def write() -> None:
        with cluster.database.write() as session:
            session.execute(text(change))

    if who == "this cluster":
        write()
    elif who == "a thread":
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    else:
        with closing(sqlite3.connect(cluster.directory / DATABASE_FILE)) as other:
            other.execute(change)
            assert asked(cluster) != after, "what is not committed is nobody's"
            other.commit()
    assert asked(cluster) == after


def test_what_was_changed_is_not_taken_for_read_while_it_was_read(cluster: Cluster) -> None:
    remembered = cluster.database.remembered

    def read() -> str:
        with cluster.database.write() as session:
            session.execute(text("UPDATE processnode SET description = 'changed'"))
        return "from before"

    assert remembered.get("key", read) == "from before"
    assert remembered.get("key", lambda: "from after") == "from after"


def test_another_file_in_its_place_is_read_anew(cluster: Cluster, tmp_path: Path) -> None:
    file = cluster.directory / DATABASE_FILE
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        source.backup(copy)
        copy.execute("UPDATE processnode SET address = '127.0.0.78' WHERE tknodeusage = 0")
        copy.commit()
    assert cluster.publisher.address != "127.0.0.78"
    cluster.database.close()
    shutil.move(tmp_path / "copy", file)
    assert cluster.publisher.address == "127.0.0.78"


def test_a_file_that_is_gone_answers_nothing(cluster: Cluster) -> None:
    cluster.nodes()
    (cluster.directory / DATABASE_FILE).rename(cluster.directory / "elsewhere")
    with pytest.raises(DatabaseError):
        cluster.nodes()
    (cluster.directory / "elsewhere").rename(cluster.directory / DATABASE_FILE)
    assert cluster.nodes()


def test_a_fork_asks_for_itself(cluster: Cluster) -> None:
    cluster.nodes()
    child = os.fork()
    if child == 0:
        os._exit(0 if cluster.nodes() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert cluster.nodes()


def test_closing_leaves_nothing_open(cluster: Cluster) -> None:
    cluster.nodes()
    cluster.close()
    assert not (cluster.directory / f"{DATABASE_FILE}-wal").exists()


@pytest.mark.parametrize(
    "path", [None, Path("/nowhere/at all"), Path("/proc/version")], ids=["no file", "gone", "no database"]
)
def test_nothing_is_kept_where_nothing_tells_of_changes(path: Path | None) -> None:
    remembered, answers = Remembering(path), iter(range(9))
    assert [remembered.get("key", lambda: next(answers)) for _ in range(3)] == [0, 1, 2]


def test_names_that_nobody_has_do_not_fill_the_memory(cluster: Cluster) -> None:
    for number in range(3000):
        cluster.database.remembered.get(number, lambda: "")
    assert len(cluster.database.remembered._kept) <= 512
