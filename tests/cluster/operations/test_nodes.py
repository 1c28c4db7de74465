"""Nodes join and leave a cluster, in any order."""

from __future__ import annotations

from datetime import UTC, datetime

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.nodes import JoinNode, RemoveNode
from mixedmode.cluster.store.making import make_installed
from mixedmode.pki.certificates.profiles import KeyKind, Subject
from tests.cluster.building import PUB, SUB


def join(cluster: Cluster, name: str, address: str) -> None:
    certificates = {
        purpose.value: make_installed(
            purpose,
            name,
            Subject("", "TAC", "Cisco", "Krakow", "Malopolska", "PL"),
            rsa=KeyKind.RSA_2048,
            ec=KeyKind.EC_256,
            now=datetime.now(UTC),
            signature_hash=None,
        )
        .certificate.pem()
        .decode()
        for purpose in cluster.version.own_purposes(publisher=False)
    }
    cluster.run(JoinNode(name=name, address=address, certificates=certificates))


def test_a_node_may_come_back_after_one_in_the_middle_of_the_callmanager_group_was_removed(cluster: Cluster) -> None:
    join(cluster, "sub2", "10.48.47.155")
    cluster.run(RemoveNode(SUB))
    join(cluster, "sub3", "10.48.47.156")
    assert [node.name for node in cluster.nodes()] == [PUB, "sub2", "sub3"]
