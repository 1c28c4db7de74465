"""Lists that are torn on a disk are noticed, and put right from what was published."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.ctl import SetMixedMode, UpdateCtl
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import Base, OperationFileRow, TrustFileArchiveRow, TrustFileHistoryRow
from mixedmode.cluster.wholeness import KEPT, PUT_RIGHT, ListState, look_at_lists, put_right
from mixedmode.trustlist import TrustList
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from tests.cluster.building import PUB, SUB, make, seed_spec
from tests.postgres import postgres_database, postgres_server

__all__ = ["postgres_database", "postgres_server"]

TEARS: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) // 2],
    "cut off by a byte": lambda data: data[:-1],
    "emptied": lambda _data: b"",
    "full of zeros": lambda data: bytes(len(data)),
    "zeros at its end": lambda data: data[:-512] + bytes(512),
    "a bit flipped": lambda data: data[:700] + bytes([data[700] ^ 1]) + data[701:],
    "longer": lambda data: data + b"\0",
    "another file": lambda _data: b"<html>disk error</html>",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wholeness") / "cluster"
    with_ctl = make(directory)
    with_ctl.run(SetMixedMode())
    with_ctl.close()
    return directory


@pytest.fixture
def cluster(template: Path, tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster.open(Path(shutil.copytree(template, tmp_path / "cluster", symlinks=True)))
    yield cluster
    cluster.close()


def tear(cluster: Cluster, node: str, name: str, how: Callable[[bytes], bytes]) -> bytes:
    path = cluster.folder(node).tftp / name
    before = path.read_bytes()
    path.write_bytes(how(before))
    return before


def forget(cluster: Cluster, *tables: type[Base]) -> None:
    with cluster.database.write() as session:
        for table in tables:
            session.execute(delete(table))


def states(cluster: Cluster, node: str) -> dict[str, ListState]:
    return {report.name: report.state for report in look_at_lists(cluster, node)}


def test_whole_lists_are_left_alone(cluster: Cluster) -> None:
    for node in (PUB, SUB):
        assert set(states(cluster, node).values()) == {ListState.WHOLE}
        assert put_right(cluster, node) == []


@pytest.mark.parametrize(
    ("node", "name", "how"),
    [*((PUB, CTL_FILE, how) for how in TEARS), (PUB, ITL_FILE, "cut off"), (SUB, CTL_FILE, "cut off"),
     (SUB, ITL_FILE, "emptied")],
)  # fmt: skip
def test_a_torn_list_is_put_back_as_it_was_published(cluster: Cluster, node: str, name: str, how: str) -> None:
    before = tear(cluster, node, name, TEARS[how])
    assert states(cluster, node)[name] is ListState.TORN
    (mended,) = put_right(cluster, node)
    assert (mended.report.name, mended.report.state, mended.problem) == (name, ListState.TORN, "")
    assert mended.done == "put back from the database"
    assert mended.report.why
    assert cluster.folder(node).read(name) == before
    assert states(cluster, node)[name] is ListState.WHOLE
    last = cluster.operations.journal.audit()[-1]
    assert (last.action, last.details["node"], last.details["file"]) == (PUT_RIGHT, node, name)


def test_another_valid_list_is_not_the_published_one(cluster: Cluster) -> None:
    other = cluster.folder(SUB).read(ITL_FILE)
    assert other is not None
    before = tear(cluster, PUB, ITL_FILE, lambda _data: other)
    assert states(cluster, PUB)[ITL_FILE] is ListState.OTHER
    assert [each.done for each in put_right(cluster, PUB)] == ["put back from the database"]
    assert cluster.folder(PUB).read(ITL_FILE) == before


def test_both_at_once(cluster: Cluster) -> None:
    tear(cluster, PUB, CTL_FILE, TEARS["emptied"])
    tear(cluster, PUB, ITL_FILE, TEARS["emptied"])
    assert len(put_right(cluster, PUB)) == 2
    assert set(states(cluster, PUB).values()) == {ListState.WHOLE}


def test_other_copies_do_where_the_database_has_none(cluster: Cluster) -> None:
    forget(cluster, TrustFileHistoryRow, TrustFileArchiveRow)
    before = tear(cluster, PUB, CTL_FILE, TEARS["cut off"])
    assert [each.done for each in put_right(cluster, PUB)] == [f"put back from {SUB}"]
    assert cluster.folder(PUB).read(CTL_FILE) == before
    for node in (PUB, SUB):
        tear(cluster, node, CTL_FILE, TEARS["cut off"])
    assert [each.done for each in put_right(cluster, PUB)] == ["put back from the journal of operations"]
    assert cluster.folder(PUB).read(CTL_FILE) == before


def test_without_any_copy_the_publisher_signs_anew(cluster: Cluster) -> None:
    forget(cluster, TrustFileHistoryRow, TrustFileArchiveRow, OperationFileRow)
    for node in (PUB, SUB):
        for name in (CTL_FILE, ITL_FILE):
            tear(cluster, node, name, TEARS["zeros at its end"])
    assert [each.done for each in put_right(cluster, PUB)] == [
        "signed anew by utils ctl update CTLFile",
        "signed anew",
    ]
    assert [(each.report.name, each.done) for each in put_right(cluster, SUB)] == [(ITL_FILE, "signed anew")]
    for node in (PUB, SUB):
        assert set(states(cluster, node).values()) == {ListState.WHOLE}
        for name in (CTL_FILE, ITL_FILE):
            data = cluster.folder(node).read(name)
            assert data is not None
            assert TrustList.parse(data).verify()


@pytest.mark.parametrize("left", [b"", b'\x01\x00cn="SAST-ADN008580ef   ";'], ids=["nothing", "a token's"])
def test_a_ctl_of_an_unknown_signer_is_not_signed_by_another(cluster: Cluster, left: bytes) -> None:
    forget(cluster, TrustFileHistoryRow, TrustFileArchiveRow, OperationFileRow)
    for node in (PUB, SUB):
        tear(cluster, node, CTL_FILE, lambda _data: left)
    (mended,) = put_right(cluster, PUB)
    assert mended.done == ""
    assert "utils ctl update CTLFile" in mended.problem
    assert cluster.folder(PUB).read(CTL_FILE) == left


def test_a_list_that_was_taken_away_stays_away(cluster: Cluster) -> None:
    (cluster.folder(SUB).tftp / CTL_FILE).unlink()
    assert states(cluster, SUB)[CTL_FILE] is ListState.MISSING
    assert put_right(cluster, SUB) == []
    assert cluster.folder(SUB).read(CTL_FILE) is None
    for node in (PUB, SUB):
        if cluster.folder(node).read(CTL_FILE) is not None:
            cluster.run(DeleteFile(node, CTL_FILE))
    assert states(cluster, PUB)[CTL_FILE] is ListState.NONE


def test_a_list_that_waits_is_left_to_its_delivery(cluster: Cluster) -> None:
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    old = cluster.folder(SUB).read(CTL_FILE)
    cluster.run(UpdateCtl())
    assert states(cluster, SUB)[CTL_FILE] is ListState.WAITING
    assert put_right(cluster, SUB) == []
    assert cluster.folder(SUB).read(CTL_FILE) == old


def test_what_an_earlier_release_published_is_kept_from_now_on(cluster: Cluster) -> None:
    forget(cluster, TrustFileHistoryRow, TrustFileArchiveRow, OperationFileRow)
    assert put_right(cluster, PUB) == []
    kept = [each for each in cluster.operations.journal.audit() if each.action == KEPT]
    assert [(each.user, each.node, each.details["file"]) for each in kept] == [
        ("system", PUB, CTL_FILE),
        ("system", PUB, ITL_FILE),
    ]
    before = tear(cluster, PUB, ITL_FILE, TEARS["cut off"])
    assert [each.done for each in put_right(cluster, PUB)] == ["put back from the database"]
    assert cluster.folder(PUB).read(ITL_FILE) == before


def test_a_subscriber_on_another_host_fetches_its_lists_again(cluster: Cluster, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    folder = NodeFolder(elsewhere / SUB).create()
    for name in (CTL_FILE, ITL_FILE):
        folder.write(name, cluster.folder(SUB).read(name))
    theirs = Cluster.attach(elsewhere, database_url=f"sqlite:///{tmp_path}/cluster/cluster.db")
    try:
        before = {name: tear(theirs, SUB, name, TEARS["emptied"]) for name in (CTL_FILE, ITL_FILE)}
        assert put_right(theirs, PUB) == [], "that folder is not on this host"
        assert [each.done for each in put_right(theirs, SUB)] == ["put back from the database"] * 2
        assert {name: folder.read(name) for name in (CTL_FILE, ITL_FILE)} == before
    finally:
        theirs.close()


def test_on_postgresql(tmp_path: Path, postgres_database: str) -> None:
    Cluster.create(tmp_path / "c", seed_spec(), database_url=postgres_database).close()
    cluster = Cluster.open(tmp_path / "c", database_url=postgres_database)
    try:
        before = tear(cluster, PUB, ITL_FILE, TEARS["a bit flipped"])
        assert [each.done for each in put_right(cluster, PUB)] == ["put back from the database"]
        assert cluster.folder(PUB).read(ITL_FILE) == before
    finally:
        cluster.close()
