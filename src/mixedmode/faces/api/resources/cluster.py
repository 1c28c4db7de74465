"""The cluster, its nodes and versions, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.store.schema import DeviceRow, VersionRow
from mixedmode.faces.api.endpoint import Call, Endpoint, Reply

_TAG: Final = "cluster"


@dataclass(frozen=True, slots=True)
class Node:
    """A node.

    Attributes:
        role: `publisher` or `subscriber`.
        services: Those that are activated.
    """

    name: str
    address: str
    role: str
    services: list[str]


@dataclass(frozen=True, slots=True)
class Version:
    """The version on a partition.

    Attributes:
        partition: `a` or `b`.
        active: Whether the nodes run it.
    """

    partition: str
    version: str
    active: bool
    installed: datetime


@dataclass(frozen=True, slots=True)
class ClusterNow:
    """The cluster.

    Attributes:
        mode: As ClusterSecurityMode has it: 0 non-secure, 1 mixed.
        mode_name: The same in words.
        version: The active one.
        publisher: The name of the publisher.
        phones: How many devices its database has.
    """

    mode: int
    mode_name: str
    version: str
    publisher: str
    nodes: list[Node]
    phones: int


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks.

    Attributes:
        level: Of privilege: 0 may look, 1 may change, 4 may also reset and export keys.
        source: The address that he comes from.
        by: `token` or `session`.
        csrf: What a session's changes carry as X-CSRF-Token; null for a token.
    """

    user: str
    level: int
    source: str
    node: str
    by: str
    csrf: str | None


def _node(info: NodeInfo) -> Node:
    role = "publisher" if info.is_publisher else "subscriber"
    return Node(info.name, info.address, role, sorted(each.value for each in info.services))


def _cluster(call: Call) -> Reply:
    cluster = call.cluster
    with cluster.database.read() as session:
        phones = session.scalar(select(func.count()).select_from(DeviceRow)) or 0
    nodes = cluster.nodes()
    mode = cluster.mode
    found = ClusterNow(
        int(mode), mode.label, str(cluster.version), nodes[0].name, [_node(each) for each in nodes], phones
    )
    return Reply(found)


def _nodes(call: Call) -> Reply:
    return Reply([_node(each) for each in call.cluster.nodes()])


def _one(call: Call) -> Reply:
    return Reply(_node(call.cluster.node(call.values["node"])))


def _versions(call: Call) -> Reply:
    query = select(VersionRow).order_by(VersionRow.isactive.desc(), VersionRow.partition)
    with call.cluster.database.read() as session:
        return Reply([Version(r.partition, r.number, r.isactive, r.installed) for r in session.scalars(query)])


def _session(call: Call) -> Reply:
    who = call.principal
    by = "token" if call.by_token else "session"
    return Reply(Session(who.user, who.level, who.source, who.node, by, call.csrf or None))


ENDPOINTS: Final = (
    Endpoint("GET", "/cluster", "getCluster", "Show mode, version, nodes.", _cluster, _TAG, ClusterNow),
    Endpoint("GET", "/nodes", "listNodes", "List the nodes, the publisher first.", _nodes, _TAG, list[Node]),
    Endpoint("GET", "/nodes/{node}", "getNode", "Show a node.", _one, _TAG, Node),
    Endpoint("GET", "/versions", "listVersions", "List the installed versions.", _versions, _TAG, list[Version]),
    Endpoint("GET", "/session", "getSession", "Say who asks, and what he may.", _session, _TAG, Session),
)
