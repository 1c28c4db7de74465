"""The servers that a phone is told of in its configuration, for a node on its own host and for each node of a lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import NodeInfo, NodeRole
from mixedmode.node.units.options import STANDARD_PORTS, NodeOptions
from mixedmode.services.files.phoneconfig import ConfigFacts, Server


def phone_servers(
    cluster: Cluster, device: str, nodes: Mapping[str, NodeInfo], port: Callable[[NodeInfo, str], int]
) -> ConfigFacts:
    """Return a phone's servers: those of its CallManager group, in order.

    Args:
        cluster: The cluster.
        device: The phone.
        nodes: All nodes, by name; a phone without a group is told of every one.
        port: Where a unit of a node listens.
    """
    members = [nodes[name] for name in cluster.trust_servers(device) or nodes]
    publisher = next(each for each in nodes.values() if each.role is NodeRole.PUBLISHER)
    return ConfigFacts(
        call_managers=[Server(each.address, port(each, "sccp"), port(each, "sccp_tls")) for each in members],
        tvs=[Server(each.address, port(each, "tvs")) for each in members],
        capf=[Server(publisher.address, port(publisher, "capf"))],
    )


def joined_servers(cluster: Cluster, options: NodeOptions, device: str) -> ConfigFacts:
    """Return a phone's servers with the ports that the nodes joined with; the node itself has those of its options."""
    endpoints = cluster.endpoints()

    def port(node: NodeInfo, unit: str) -> int:
        known = endpoints.get(node.name)
        return known.ports.get(unit, STANDARD_PORTS[unit]) if known else options.port(unit)

    return phone_servers(cluster, device, {info.name: info for info in cluster.nodes()}, port)
