"""Given a signed list, when a node, a step or the process fails, then the old list stays or the new one arrives."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import (
    ClusterBusyError,
    NodeDownError,
    OperationFailedError,
    PreconditionError,
)
from mixedmode.cluster.model.topology import SecurityMode
from mixedmode.cluster.operations.ctl import UpdateCtl
from mixedmode.cluster.operations.ctl_upload import CtlAction, InstallCtl, UploadCtl
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.control.ctl_description import describe
from mixedmode.errors import UsageError
from mixedmode.protocols.ctlprovider import Action
from tests.cluster.building import PUB, SUB, ctl_of
from tests.cluster.tokens import ANNA, install, signed
from tests.cluster.uploading import TO_MIXED, refused

UPDATE = CtlAction.UPDATE


def test_a_node_that_goes_down_gets_the_list_when_it_returns(cluster: Cluster) -> None:
    install(cluster)
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    told: list[tuple[str, str]] = []
    data = signed(describe(cluster), Action.UPDATE)
    result = cluster.run(UploadCtl.of(data, UPDATE, told=lambda node, why: told.append((node, why))), ANNA)
    assert list(result.undelivered) == [SUB]
    assert told[0] == (PUB, "")
    assert told[1][0] == SUB
    assert "down" in told[1][1]
    distributor.down.clear()
    assert cluster.deliver_pending() == {}
    assert ctl_of(cluster, SUB).data == data


def test_a_node_that_is_down_stops_mixed_mode(cluster: Cluster) -> None:
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    assert isinstance(refused(cluster, signed(describe(cluster))), PreconditionError)


def test_a_failing_step_leaves_the_old_list_everywhere(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    install(cluster)
    old, data = ctl_of(cluster).data, signed(describe(cluster), Action.NON_SECURE)
    from mixedmode.cluster.operations import ctl_steps

    def full(*_arguments: object) -> None:
        raise NodeDownError("the disk is full")

    monkeypatch.setattr(ctl_steps, "mark_restart", full)
    with pytest.raises(OperationFailedError):
        cluster.run(UploadCtl.of(data, CtlAction.NON_SECURE), ANNA)
    monkeypatch.undo()
    assert ctl_of(cluster).data == ctl_of(cluster, SUB).data == old
    assert cluster.mode is SecurityMode.MIXED
    cluster.run(UploadCtl.of(data, CtlAction.NON_SECURE), ANNA)
    assert ctl_of(cluster, SUB).data == data


def test_a_process_that_dies_after_the_commit_is_followed_by_one_that_finishes(
    cluster: Cluster, seed_directory: Path
) -> None:
    data = signed(describe(cluster))

    def told(node: str, _reason: str) -> None:
        if node == PUB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cluster.run(UploadCtl.of(data, TO_MIXED, told=told), ANNA)
    assert cluster.show_ctl(SUB).data is None
    other = Cluster.open(seed_directory)
    assert ctl_of(other, SUB).data == ctl_of(other).data == data
    assert other.mode is SecurityMode.MIXED
    assert refused(other, data).code == "ctl-replayed"
    other.close()


def test_a_process_that_dies_before_the_commit_leaves_the_old_list(
    cluster: Cluster, seed_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mixedmode.cluster.operations import ctl_steps

    install(cluster)
    old, data = ctl_of(cluster).data, signed(describe(cluster), Action.NON_SECURE)

    def dies(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ctl_steps, "record", dies)
    with pytest.raises(KeyboardInterrupt):
        cluster.run(UploadCtl.of(data, CtlAction.NON_SECURE), ANNA)
    monkeypatch.undo()
    assert ctl_of(cluster).data == data
    other = Cluster.open(seed_directory)
    assert ctl_of(other).data == ctl_of(other, SUB).data == old
    assert other.mode is SecurityMode.MIXED
    other.close()


def test_another_operation_that_runs_refuses_it(cluster: Cluster) -> None:
    data = signed(describe(cluster))

    def again(node: str, _reason: str) -> None:
        if node == PUB:
            with pytest.raises(ClusterBusyError):
                cluster.run(UpdateCtl(), ANNA)

    cluster.run(UploadCtl.of(data, TO_MIXED, told=again), ANNA)


def test_the_operation_cannot_be_run_without_a_list(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="signed list"):
        cluster.run(InstallCtl(TO_MIXED), ANNA)
