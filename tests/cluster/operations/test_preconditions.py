"""Each refusal of mixed mode says what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import (
    LicenceRefusedError,
    NodesUnreachableError,
    PreconditionError,
    ReplicationError,
    ServicesNotActivatedError,
)
from mixedmode.cluster.model.licences import DatabaseLicences, Licence
from mixedmode.cluster.model.topology import ClusterSpec, NodeSpec, SecurityMode, Service
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.publishing.distribution import LocalDistributor
from mixedmode.cluster.replication.replication import ReplicationState
from mixedmode.pki.certificates.profiles import KeyKind
from tests.cluster.building import MIXED, PUB, SUB, UPDATE, make

ANNA = Principal("anna", 4, "192.0.2.7")


def refusal(cluster: Cluster, operation: Operation = MIXED) -> PreconditionError:
    planned = cluster.operations.plan(operation).refusal
    with pytest.raises(PreconditionError) as refused:
        cluster.run(operation, ANNA)
    assert type(planned) is type(refused.value)
    assert refused.value.exit_code == 1
    assert refused.value.next_step
    assert cluster.operations.journal.audit()[-1].outcome == "refused"
    return refused.value


@pytest.mark.parametrize(
    ("version", "asks"),
    [
        ("10.5(1)", ""),
        ("11.5(1)SU2", ""),
        ("11.5(1)SU3", "Encryption licence"),
        ("11.5.1.14900-11", "Encryption licence"),
        ("12.0(1)", "export-controlled"),
        ("14SU3", "export-controlled"),
    ],
)
def test_the_licence_depends_on_the_version(tmp_path: Path, version: str, asks: str) -> None:
    cluster = make(tmp_path / "c", version, licensed=False)
    if not asks:
        cluster.run(MIXED, ANNA)
    else:
        error = refusal(cluster)
        assert isinstance(error, LicenceRefusedError)
        assert asks in error.what
        assert cluster.mode is SecurityMode.NON_SECURE
        licences = DatabaseLicences(cluster.database)
        for licence in Licence:
            licences.note(licence, granted=True, source="test", now=cluster.now())
        cluster.run(MIXED, ANNA)
        licences.note(Licence.EXPORT_CONTROLLED, granted=False, source="test", now=cluster.now())
        if asks == "export-controlled":
            assert isinstance(refusal(cluster, UPDATE), LicenceRefusedError)
        else:
            cluster.run(UPDATE, ANNA)
    cluster.close()


def test_all_nodes_must_be_reachable(cluster: Cluster) -> None:
    distributor = cluster.deliveries.distributor
    assert isinstance(distributor, LocalDistributor)
    distributor.down.add(SUB)
    error = refusal(cluster)
    assert isinstance(error, NodesUnreachableError)
    assert SUB in error.what
    assert cluster.show_ctl(PUB).data is None


def test_replication_must_be_good(cluster: Cluster) -> None:
    class Broken:
        def states(self, nodes: Sequence[str]) -> Mapping[str, ReplicationState]:
            return {nodes[0]: ReplicationState.GOOD, nodes[1]: ReplicationState.BAD}

    cluster.replication = Broken()
    error = refusal(cluster)
    assert isinstance(error, ReplicationError)
    assert f"{SUB}: (3) Out Of Sync" in (error.why or "")


def test_capf_must_be_activated_on_the_publisher(tmp_path: Path) -> None:
    services = tuple(s for s in Service if s is not Service.CAPF)
    spec = ClusterSpec(Version.parse("10.5(1)"), (NodeSpec(PUB, "127.0.0.2", services),), rsa_key=KeyKind.RSA_1024)
    cluster = Cluster.create(tmp_path / "c", spec)
    error = refusal(cluster)
    assert isinstance(error, ServicesNotActivatedError)
    assert "Certificate Authority Proxy Function" in error.what
    cluster.close()


def test_auto_registration_only_warns(cluster: Cluster) -> None:
    assert cluster.operations.plan(MIXED).warnings == ()
    cluster.run(SetParameter("AutoRegistrationEnabled", "True", node=SUB), ANNA)
    assert cluster.operations.plan(MIXED).warnings == ("Auto-registration is enabled on at least one CM node.",)
    assert cluster.run(MIXED, ANNA).warnings == ("Auto-registration is enabled on at least one CM node.",)
