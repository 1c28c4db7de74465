"""Nodes join and leave a cluster, in any order."""

from __future__ import annotations

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.nodes import RemoveNode
from tests.cluster.building import PUB, SUB, joining


def test_a_node_may_come_back_after_one_in_the_middle_of_the_callmanager_group_was_removed(cluster: Cluster) -> None:
    cluster.run(joining(cluster, "sub2", "10.48.47.155"))
    cluster.run(RemoveNode(SUB))
    cluster.run(joining(cluster, "sub3", "10.48.47.156"))
    assert [node.name for node in cluster.nodes()] == [PUB, "sub2", "sub3"]
