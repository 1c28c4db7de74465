"""The facts of a real cluster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mixedmode.audit.facts import Facts
from mixedmode.audit.findings import Kind, findings
from mixedmode.audit.looking import facts_of, phones_by_node
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec, Service
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.services import RestartService, StopService
from mixedmode.pki.certificates.profiles import KeyKind


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    nodes = (NodeSpec("pub", "192.0.2.1"), NodeSpec("sub1", "192.0.2.2"))
    devices = tuple(DeviceSpec(f"SEP00112233440{at}") for at in range(4))
    spec = ClusterSpec(Version.parse("10.5.1.10000-7"), nodes, rsa_key=KeyKind.RSA_1024, devices=devices)
    made = Cluster.create(tmp_path / "cluster", spec)
    yield made
    made.close()


def kinds(facts: Facts) -> list[Kind]:
    return [each.kind for each in findings(facts)]


def test_a_new_cluster_has_no_findings(cluster: Cluster) -> None:
    assert findings(facts_of(cluster, {})) == []
    assert phones_by_node(cluster) == {"pub": 4, "sub1": 4}


def test_a_stopped_service_a_deleted_list_and_a_forgotten_ctl(cluster: Cluster) -> None:
    cluster.run(SetMixedMode())
    for node in ("pub", "sub1"):
        for service in (Service.TFTP, Service.CALLMANAGER, Service.CTI_MANAGER):
            cluster.run(RestartService(node, service.value))
    assert findings(facts_of(cluster, {})) == []
    cluster.run(StopService("sub1", Service.TVS.value))
    (cluster.folder("sub1").tftp / "CTLFile.tlv").unlink()
    assert kinds(facts_of(cluster, {})) == [Kind.STOPPED, Kind.NO_LIST]
    cluster.run(RegenerateCertificate("sub1", "CallManager"))
    found = findings(facts_of(cluster, {}))
    assert [each.kind for each in found][:2] == [Kind.STOPPED, Kind.CTL_OLD]
    assert "CallManager of sub1" in found[1].cause
    assert Kind.RESTART in [each.kind for each in found]


def test_a_list_of_somebody_else(cluster: Cluster) -> None:
    shutil.copy(cluster.folder("pub").tftp / "ITLFile.tlv", cluster.folder("sub1").tftp / "CTLFile.tlv")
    assert kinds(facts_of(cluster, {})) == [Kind.LIST_DIFFERS]


def test_what_a_dead_process_left(cluster: Cluster) -> None:
    holder = {"operation": "set-cluster", "user": "admin2", "since": "2026-11-26T01:12:00+00:00", "state": "cut off"}
    assert kinds(facts_of(cluster, {}, holder)) == [Kind.CUT_OFF]
    assert kinds(facts_of(cluster, {}, {**holder, "state": "running"})) == []


def test_a_ctl_whose_signer_was_made_again_is_updated_at_the_prompt(cluster: Cluster) -> None:
    """Its signer is no certificate of the cluster any more, and no token either."""
    cluster.run(SetMixedMode())
    cluster.run(RegenerateCertificate("pub", "CallManager"))
    old = next(each for each in findings(facts_of(cluster, {})) if each.kind is Kind.CTL_OLD)
    assert old.command == "utils ctl update CTLFile"
    assert "token" not in old.remedy
