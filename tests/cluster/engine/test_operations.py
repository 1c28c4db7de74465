"""Operations are planned, audited, exclusive, and taken back when a step fails."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mixedmode.cluster.engine.journal import Journal
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import ClusterBusyError, NodeDownError, OperationFailedError
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.ctl import SetNonSecureMode
from mixedmode.cluster.operations.files import DeleteFile
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.services import RestartService
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.cluster.store.folders import NodeFolder
from tests.cluster.building import MIXED, PUB, SUB, UPDATE, asked_for, ctl_of

ANNA = Principal("anna", 4, "192.0.2.7")


def test_a_plan_shows_the_steps_and_changes_nothing(cluster: Cluster) -> None:
    plan = cluster.operations.plan(MIXED)
    assert plan.refusal is None
    assert plan.steps[1] == f"Make the new CTLFile.tlv and sign it with the CallManager key of {PUB}"
    assert len(plan.steps) == 5
    assert cluster.show_ctl(PUB).data is None
    assert asked_for(cluster) == []


def test_the_audit_record_says_who_when_from_where_and_what_changed(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    cluster.run(UPDATE, ANNA)
    started, done, _, updated = asked_for(cluster)
    assert (started.action, started.outcome, done.outcome) == (MIXED.title, "started", "done")
    assert (done.user, done.source) == (ANNA.user, ANNA.source)
    assert done.moment.tzinfo is not None
    assert "ClusterSecurityMode 0 -> 1" in done.details["changes"]
    place = f"{PUB}/CTLFile.tlv"
    assert done.details["sha256_before"] == {place: None}
    assert updated.details["sha256_before"] == done.details["sha256_after"]
    assert updated.details["sha256_after"] == {place: hashlib.sha256(ctl_of(cluster).data).hexdigest()}


def test_a_refusal_is_audited_too(cluster: Cluster) -> None:
    with pytest.raises(Exception, match="not in Mixed mode"):
        cluster.run(UPDATE, ANNA)
    (record,) = asked_for(cluster)
    assert (record.action, record.outcome, record.operation) == (UPDATE.title, "refused", None)


def test_two_operations_do_not_run_at_once(cluster: Cluster) -> None:
    entered, go = threading.Event(), threading.Event()

    class Slow(LocalDistributor):
        def deliver(self, node: object, files: object) -> None:
            entered.set()
            go.wait(100)

    cluster.deliveries.distributor = Slow(cluster.directory)
    running = threading.Thread(target=cluster.run, args=(MIXED, ANNA))
    running.start()
    assert entered.wait(100)
    with pytest.raises(ClusterBusyError, match=MIXED.title):
        cluster.run(MIXED, Principal("bert", 4))
    go.set()
    running.join()
    cluster.run(MIXED, Principal("bert", 4))


def test_a_full_disk_on_the_publisher_changes_nothing(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.run(MIXED, ANNA)
    before = ctl_of(cluster).data

    def full(_path: Path, _data: bytes, *, mode: int = 0o644) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("mixedmode.cluster.store.folders.write_atomic", full)
        with pytest.raises(OperationFailedError) as failed:
            cluster.run(SetNonSecureMode(), ANNA)
    assert failed.value.code == "disk-full"
    assert "free space" in (failed.value.next_step or "")
    assert ctl_of(cluster).data == before
    assert cluster.mode is SecurityMode.MIXED
    assert cluster.operations.journal.audit()[-1].outcome == "undone"
    cluster.run(SetNonSecureMode(), ANNA)


def test_a_node_that_is_down_gets_its_file_when_it_returns(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    cluster.run(RegenerateCertificate(PUB, "CallManager"), ANNA)
    result = cluster.run(UPDATE, ANNA)

    assert "the node is down" in result.undelivered[SUB]
    seen = cluster.show_ctl(SUB)
    assert seen.differs
    assert "down" in seen.pending
    cluster.run(UPDATE, ANNA)
    waiting = [(d.node, d.attempts) for d in cluster.deliveries.pending() if d.name == "CTLFile.tlv"]
    assert waiting == [(SUB, 1)]

    distributor.down.clear()
    assert cluster.deliver_pending() == {}
    assert ctl_of(cluster, SUB).data == ctl_of(cluster).data
    assert not cluster.show_ctl(SUB).differs


def test_a_lock_that_was_taken_over_stops_its_old_holder(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that slept through its own take-over must not write any more."""
    original = NodeFolder.write
    other = Cluster.open(cluster.directory)

    def sleepy(self: NodeFolder, name: str, data: bytes | None, *, partition: str | None = None) -> None:
        monkeypatch.setattr(NodeFolder, "write", original)
        monkeypatch.setattr("mixedmode.cluster.engine.lock.is_dead", lambda *_: True)
        other.operations.resume_or_rollback()
        original(self, name, data, partition=partition)

    monkeypatch.setattr(NodeFolder, "write", sleepy)
    with pytest.raises(Exception, match="taken over"):
        cluster.run(MIXED, ANNA)
    assert cluster.mode is SecurityMode.NON_SECURE
    assert Journal(cluster).history()[-1].state == "undone"
    other.close()


def test_file_delete_works_on_one_node_only(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    cluster.run(DeleteFile(SUB, "CTLFile.tlv"), replace(ANNA, node=SUB))
    assert cluster.show_ctl(SUB).data is None
    assert cluster.show_ctl(SUB).differs
    assert cluster.show_ctl(PUB).data is not None
    assert not cluster.show_ctl(PUB).differs


def test_services_wait_for_their_restart(cluster: Cluster) -> None:
    def waiting() -> set[tuple[str, str]]:
        return {(s.node, s.service.value) for s in cluster.services() if s.restart_needed}

    cluster.run(MIXED, ANNA)
    assert (PUB, "Cisco Tftp") in waiting()
    before = {(s.node, s.service): s.restarts for s in cluster.services(PUB)}
    cluster.run(RestartService(PUB, "Cisco Tftp"), ANNA)
    assert (PUB, "Cisco Tftp") not in waiting()
    assert (SUB, "Cisco Tftp") in waiting()
    after = {(s.node, s.service): s.restarts for s in cluster.services(PUB)}
    assert [key for key in after if after[key] != before[key]] == [(PUB, "Cisco Tftp")]


def test_a_folder_that_cannot_be_named_outside(cluster: Cluster) -> None:
    folder = cluster.folder(PUB)
    for name in ("../keys/x", "", "..", "a/b"):
        with pytest.raises(Exception, match="no file name"):
            folder.read(name)
    with pytest.raises(NodeDownError):
        NodeFolder(Path("/proc/no-such-node")).create()


def test_an_interrupted_operation_is_undone_by_whoever_comes_next(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(NodeFolder, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            cluster.run(MIXED, ANNA)
    cluster.run(MIXED, Principal("bert", 4))
    outcomes = [(r.user, r.outcome) for r in asked_for(cluster)]
    assert outcomes == [("anna", "started"), ("anna", "undone"), ("bert", "started"), ("bert", "done")]


def test_a_subscriber_attaches_for_reading(cluster: Cluster) -> None:
    cluster.run(MIXED, ANNA)
    reader = Cluster.attach(cluster.directory)
    assert reader.mode is SecurityMode.MIXED
    assert reader.show_ctl(SUB).data == ctl_of(cluster).data
    reader.close()
