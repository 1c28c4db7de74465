"""Every list that was ever published is found by its hash, with the time, the node and the operation."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mixedmode.cluster import migrations
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError, OperationFailedError
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.itl import ResetItl, ResetItlRemotely
from mixedmode.cluster.operations.nodes import RemoveNode
from mixedmode.cluster.operations.services import RestartService
from mixedmode.cluster.operations.versions import SwitchVersion, Upgrade
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.cluster.store.database import Database, sqlite_url
from mixedmode.errors import UsageError
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from tests.cluster.building import MIXED, NON_SECURE, PUB, SUB, UPDATE, ctl_of, itl_of, seed_spec
from tests.cluster.tokens import install

ANNA = Principal("anna", 4, "192.0.2.7")
RESET_ITL = "utils itl reset localkey"
VERSIONS = Path(migrations.__file__).with_name("versions")


def entries(cluster: Cluster) -> list[tuple[str, str, str, bool]]:
    """(file, node, what published it, whether it is the present one), oldest first."""
    return [(each.name, each.node, each.action, each.current) for each in archive.history(cluster.database)]


def test_a_list_is_found_by_each_hash_after_it_was_replaced(cluster: Cluster) -> None:
    number = cluster.run(MIXED, ANNA).operation
    first = ctl_of(cluster).data
    cluster.run(NON_SECURE, ANNA)
    assert ctl_of(cluster).data != first
    hashes = [hashlib.new(kind, first).hexdigest() for kind in ("md5", "sha1", "sha256")]
    for digest in (*hashes, hashes[1].upper(), ":".join(hashes[0][i : i + 2] for i in range(0, 32, 2)), hashes[2][:9]):
        found = archive.find(cluster.database, digest)
        assert found.data == first
        assert [found.md5, found.sha1, found.sha256] == hashes
        (once,) = found.publications
        assert (once.name, once.node, once.action, once.operation) == (CTL_FILE, "", MIXED.title, number)
        assert (once.current, once.length) == (False, len(first))
        audited = cluster.operations.journal.entry(number)
        assert audited.started <= once.published <= (audited.ended or audited.started)


@pytest.mark.parametrize("digest", ["", "12345", "xyz123", "g" * 40, "a" * 65])
def test_what_is_no_hash_is_said_so(cluster: Cluster, digest: str) -> None:
    with pytest.raises(UsageError, match="no hash"):
        archive.find(cluster.database, digest)


def test_a_strangers_list_is_not_found(cluster: Cluster) -> None:
    with pytest.raises(NotFoundError, match="never published"):
        archive.find(cluster.database, "d" * 40)


def test_digits_that_fit_two_lists_are_not_guessed_about(cluster: Cluster) -> None:
    with cluster.database.write() as session:
        session.execute(text("UPDATE trustfilearchive SET md5 = 'abcdef' || substr(md5, 7)"))
    with pytest.raises(UsageError, match="several"):
        archive.find(cluster.database, "abcdef")


def test_first_itls_uploads_resets_and_restarts_are_all_there(cluster: Cluster) -> None:
    assert entries(cluster) == [(ITL_FILE, node, "first ITL", True) for node in (PUB, SUB)]
    install(cluster)
    uploaded = ctl_of(cluster).data
    cluster.run(ResetItl(), ANNA)
    reset = itl_of(cluster).data
    cluster.run(RestartService(SUB, "Cisco Tftp"), ANNA)
    cluster.run(RestartService(SUB, "Cisco Tftp"), ANNA)
    assert entries(cluster)[2:] == [
        (CTL_FILE, "", "ctl client install", True),
        (ITL_FILE, PUB, RESET_ITL, True),
        (ITL_FILE, SUB, RESET_ITL, False),
        (ITL_FILE, SUB, "utils service restart", True),
    ]
    assert archive.content(cluster.database, hashlib.sha256(uploaded).hexdigest()) == uploaded
    both = archive.find(cluster.database, hashlib.sha1(reset).hexdigest())
    assert [each.node for each in both.publications] == [PUB, SUB]
    assert [each.node for each in archive.history(cluster.database, node=SUB)] == [SUB] * 3


def test_a_recovery_itl_made_with_an_imported_key(cluster: Cluster) -> None:
    signer = cluster.signer(PUB, "ITLRecovery")
    cluster.run(ResetItlRemotely.signed_by(signer, cluster), ANNA)
    assert entries(cluster)[2:] == [(ITL_FILE, node, "utils itl reset remotekey", True) for node in (PUB, SUB)]


def test_what_was_undone_was_never_published(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    from mixedmode.cluster.model.errors import NodeDownError
    from mixedmode.cluster.operations import ctl_steps

    def fail(*_arguments: object, **_more: object) -> None:
        raise NodeDownError("the publisher's disk is full")

    before = entries(cluster)
    monkeypatch.setattr(ctl_steps, "mark_restart", fail)
    with pytest.raises(OperationFailedError):
        cluster.run(MIXED, ANNA)
    assert entries(cluster) == before


def test_switching_versions_publishes_what_the_other_partition_has(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    carried = ctl_of(cluster).data
    cluster.run(Upgrade("11.0.1.10000-10"), ANNA)
    later = cluster.now() + timedelta(minutes=1)  # the time in a list has a resolution of a second
    cluster.now = lambda: later
    cluster.run(UPDATE, ANNA)
    cluster.run(SwitchVersion(), ANNA)
    assert ctl_of(cluster).data == carried
    found = archive.find(cluster.database, hashlib.md5(carried).hexdigest())
    assert [(each.action, each.current) for each in found.publications] == [
        (MIXED.title, False),
        ("utils system switch-version", True),
    ]


def test_a_deleted_list_stays_in_the_archive_and_is_not_present(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    cluster.run(DeleteFile(PUB, CTL_FILE), ANNA)
    assert entries(cluster)[2:] == [(CTL_FILE, "", MIXED.title, False)]


def test_a_node_that_is_down_or_removed_takes_nothing_out(cluster: Cluster) -> None:
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    cluster.run(MIXED, ANNA)
    distributor.down.add(SUB)
    cluster.run(UPDATE, ANNA)
    cluster.run(RemoveNode(SUB), ANNA)
    assert {node for _, node, _, _ in entries(cluster)} == {"", PUB, SUB}
    assert [each for each in entries(cluster) if each[1] == SUB and each[3]] == []


def regress(database: Database) -> None:
    """Make a database what the release before had: contents of the present lists, and the journal's files."""
    with database.write() as session:
        session.execute(
            text("CREATE TABLE trustfilecontent (name VARCHAR(64), node VARCHAR(255), data %s NOT NULL, "
                 "PRIMARY KEY (name, node))" % ("BLOB" if database.is_sqlite else "BYTEA"))
        )  # fmt: skip
        session.execute(
            text("INSERT INTO trustfilecontent SELECT t.name, t.node, a.data FROM trustfile t "
                 "JOIN trustfilearchive a ON a.sha256 = t.sha256")
        )  # fmt: skip
        for table in reversed(made_since("0006", r'op\.create_table\(\s*"(\w+)"')):
            session.execute(text(f"DROP TABLE {table}"))
        for table, column in made_since("0006", r'op\.add_column\(\s*"(\w+)", sa\.Column\("(\w+)"'):
            session.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        session.execute(text("DROP INDEX ix_device_model_protocol_securitymode"))
        session.execute(text("CREATE INDEX ix_device_model ON device (model)"))
        session.execute(text("UPDATE alembic_version SET version_num = '0005'"))


def made_since(revision: str, pattern: str) -> list[Any]:
    """What a revision and the later ones made, in their order."""
    scripts = sorted(VERSIONS.rglob("v[0-9]*.py"), key=lambda path: path.name)
    return [found for path in scripts if path.name[1:5] >= revision for found in re.findall(pattern, path.read_text())]


def migrated(directory: Path, url: str | None) -> None:
    cluster = Cluster.open(directory, database_url=url)
    cluster.run(MIXED, ANNA)
    cluster.run(ResetItl(), ANNA)
    cluster.run(RestartService(SUB, "Cisco Tftp"), ANNA)
    first = ctl_of(cluster).data
    cluster.run(UPDATE, ANNA)
    present = entries(cluster)[2:]
    moments = [each.published for each in archive.history(cluster.database)]
    regress(cluster.database)
    cluster.close()
    cluster = Cluster.open(directory, database_url=url)
    assert entries(cluster) == present, "the very first ITLs were replaced, and the journal never had them"
    assert archive.find(cluster.database, hashlib.sha1(first).hexdigest()).publications[0].operation == 1
    for before, after in zip(moments[2:], archive.history(cluster.database), strict=True):
        assert abs((after.published - before).total_seconds()) < 5
    cluster.run(NON_SECURE, ANNA)
    assert entries(cluster)[-1] == (CTL_FILE, "", NON_SECURE.title, True)
    cluster.close()


def test_an_older_database_brings_what_it_has(seed_directory: Path) -> None:
    migrated(seed_directory, None)


def test_an_older_database_on_postgresql(tmp_path: Path, postgres_database: str) -> None:
    Cluster.create(tmp_path / "c", seed_spec(), database_url=postgres_database).close()
    migrated(tmp_path / "c", postgres_database)


def test_an_older_database_without_journal_brings_its_present_lists(seed_directory: Path) -> None:
    database = Database(sqlite_url(seed_directory / "cluster.db"))
    regress(database)
    with database.write() as session:
        # Not what was recorded, so not what was published.
        session.execute(text(f"UPDATE trustfilecontent SET data = x'00' WHERE node = '{SUB}'"))
    database.close()
    cluster = Cluster.open(seed_directory)
    assert entries(cluster) == [(ITL_FILE, PUB, "", True)]
    assert archive.find(cluster.database, hashlib.md5(itl_of(cluster).data).hexdigest()).data == itl_of(cluster).data
    cluster.close()
