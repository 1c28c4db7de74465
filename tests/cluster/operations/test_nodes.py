"""Nodes join and leave a cluster, in any order."""

from __future__ import annotations

from sqlalchemy import select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.operations.nodes import RemoveNode
from mixedmode.cluster.operations.parameters import SetParameter
from mixedmode.cluster.store.schema import ProcessConfig
from tests.cluster.building import PUB, SUB, joining


def test_a_node_may_come_back_after_one_in_the_middle_of_the_callmanager_group_was_removed(cluster: Cluster) -> None:
    cluster.run(joining(cluster, "sub2", "10.48.47.155"))
    cluster.run(RemoveNode(SUB))
    cluster.run(joining(cluster, "sub3", "10.48.47.156"))
    assert [node.name for node in cluster.nodes()] == [PUB, "sub2", "sub3"]


def test_a_node_is_removed_whatever_the_case_of_its_name(cluster: Cluster) -> None:
    assert cluster.operations.preview(RemoveNode(SUB.upper())).certificates
    done = cluster.run(RemoveNode(SUB.upper()))
    assert f"node {SUB} removed" in done.changes
    assert [node.name for node in cluster.nodes()] == [PUB]


def test_a_nodes_own_value_is_its_own_whatever_the_case_of_its_name(cluster: Cluster) -> None:
    cluster.run(SetParameter("AutoRegistrationEnabled", "True", SUB.upper()))
    with cluster.database.read() as session:
        assert SUB in set(session.scalars(select(ProcessConfig.node)))
        assert SUB.upper() not in set(session.scalars(select(ProcessConfig.node)))
