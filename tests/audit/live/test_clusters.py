"""Clusters of our own as they are seen from outside: healthy ones of each version, and one that is changed badly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mixedmode.audit.live.judging import judge
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import ClusterSpec, DeviceSpec, NodeSpec, SecurityMode, Service
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.ctl import SetMixedMode, UpdateCtl
from mixedmode.cluster.operations.identity.certificates import RegenerateCertificate
from mixedmode.cluster.operations.services import RestartService
from mixedmode.live.observed import (
    CertificateSeen,
    FileSeen,
    NodeSeen,
    Observation,
    ParameterSeen,
    PhoneSeen,
    ServiceSeen,
    Source,
    Value,
)
from mixedmode.pki.certificates.profiles import KeyKind
from tests.audit.live.world import seen, sha1
from tests.pki.material import key

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

VERSIONS = ("10.5.2.10000-5", "11.5.1.10000-6", "12.5.1.11900-146", "14.0.1.10000-20", "15.0.1.10000-32")
NODES = (NodeSpec("pub", "192.0.2.1"), NodeSpec("sub1", "192.0.2.2"))


def made(folder: Path, version: str) -> Cluster:
    numbers = count()

    def make_key(kind: KeyKind) -> PrivateKey:
        return key(kind, next(numbers) % 2)

    spec = ClusterSpec(Version.parse(version), NODES, devices=(DeviceSpec("SEP001122334401"),))
    return Cluster.create(folder / "cluster", spec, make_key=make_key)


def observed(cluster: Cluster) -> Observation:
    """Return what a look with every login sees of a cluster."""
    now = datetime.now(UTC) + timedelta(seconds=2)
    roles = {True: "publisher", False: "subscriber"}
    at, axl = seen(Source.HTTP, at=now), seen(Source.AXL, at=now)
    nodes = tuple(
        NodeSeen(node.name, node.address, roles[node.is_publisher], str(cluster.version), 0.0, axl)
        for node in cluster.nodes()
    )
    files = [
        FileSeen(node.name, name, cluster.folder(node.name).read(name), at)
        for node in nodes
        for name in ("CTLFile.tlv", "ITLFile.tlv")
    ]
    stored = [*cluster.certificates.list_own(), *cluster.certificates.list_trust()]
    itl = next(each.data for each in files if each.name == "ITLFile.tlv")
    assert itl is not None
    return Observation(
        "cluster",
        now,
        now,
        nodes,
        tuple(files),
        tuple(CertificateSeen(each.node, each.unit, each.certificate.der, seen(Source.AXL, at=now)) for each in stored),
        (),
        tuple(
            ServiceSeen(each.node, str(each.service), "Started", each.started, seen(Source.CONTROL_CENTER, at=now))
            for each in cluster.services()
            if each.activated
        ),
        (ParameterSeen("ClusterSecurityMode", str(int(cluster.mode is SecurityMode.MIXED)), seen(Source.AXL, at=now)),),
        (PhoneSeen("SEP001122334401", {"model": (Value("Cisco 7975", axl),), "itl": (Value(sha1(itl), axl),)}),),
        (),
        True,
    )


def ids(observation: Observation) -> set[str]:
    return {each.id for each in judge(observation).findings}


@pytest.fixture(params=VERSIONS)
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    opened = made(tmp_path, request.param)
    yield opened
    opened.close()


def restart(cluster: Cluster, *services: Service) -> None:
    for node in ("pub", "sub1"):
        for service in services:
            cluster.run(RestartService(node, service.value))


def test_a_healthy_cluster_and_a_careless_change(cluster: Cluster) -> None:
    assert ids(observed(cluster)) == set()
    cluster.run(SetMixedMode())
    restart(cluster, Service.TFTP, Service.CALLMANAGER)
    assert ids(observed(cluster)) == set()
    if cluster.version.text not in {VERSIONS[0], VERSIONS[-1]}:
        return
    cluster.run(RegenerateCertificate("sub1", "CallManager"))
    assert "C3/CTL/sub1/CallManager" in ids(observed(cluster))
    restart(cluster, Service.TFTP, Service.TVS, Service.CALLMANAGER)
    careless = observed(cluster)
    assert {each for each in ids(careless) if not each.startswith("C12")} == {"C3/CTL/sub1/CallManager"}
    alone = replace(careless, certificates=(), services=(), parameters=(), phones=())
    assert "L8/sub1/CallManager" in ids(alone)
    cluster.run(UpdateCtl())
    restart(cluster, Service.TFTP)
    assert ids(observed(cluster)) == set()
