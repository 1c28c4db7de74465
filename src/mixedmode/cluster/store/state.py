"""What the cluster is at this moment: nodes, version, parameters, certificates, and its nodes' folders.

Reads only; every change is an operation (:mod:`.engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from mixedmode.cluster.authority.view import TrustView
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.licences import LicenceService
from mixedmode.cluster.model.parameters import ROLLBACK, SECURITY_MODE, Parameter, parameter_named
from mixedmode.cluster.model.records import ServiceState
from mixedmode.cluster.model.topology import NodeInfo, NodeRole, SecurityMode, Service
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.publishing.distribution import DeliveryQueue, Distributor
from mixedmode.cluster.replication.replication import ReplicationMonitor
from mixedmode.cluster.store.certificates import CertificateStore, certificates_of
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import NodeEndpoint, ProcessConfig, ProcessNode, ProcessNodeService, VersionRow

Clock = Callable[[], datetime]
T = TypeVar("T")
_NODES = select(ProcessNode.id, ProcessNode.name, ProcessNode.tknodeusage, ProcessNode.address).order_by(
    ProcessNode.tknodeusage, ProcessNode.id
)


def utc_now() -> datetime:
    """Return the time (UTC)."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class InstalledVersion:
    """The version on a partition.

    Attributes:
        partition: ``a`` or ``b``.
        active: Whether the nodes run it.
    """

    partition: str
    version: Version
    active: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a node on another host answers, as it said when it joined.

    Attributes:
        ports: By service, such as ``tvs``.
        sftp_host_key: The public key that its SFTP must show.
    """

    ports: Mapping[str, int]
    sftp_host_key: str


class ClusterState:
    """Reads the cluster.

    Args:
        directory: Holds a folder for each node.
        database: Of the cluster.
        distributor: The way to put files on nodes.
        licences: Whom to ask for licences.
        replication: Whom to ask whether the nodes hold the same data.
        clock: The time, UTC.
    """

    def __init__(
        self,
        directory: Path,
        database: Database,
        *,
        distributor: Distributor,
        licences: LicenceService,
        replication: ReplicationMonitor,
        clock: Clock = utc_now,
    ) -> None:
        self.directory = directory
        self.database = database
        self.licences = licences
        self.replication = replication
        self.now = clock
        self.certificates = CertificateStore(database, self.folder)
        self.deliveries = DeliveryQueue(database, distributor)

    def folder(self, node: str) -> NodeFolder:
        """Return a node's folder.

        Raises:
            NotFoundError: There is no such node.
        """
        return NodeFolder(self.directory / self._name_of(node))

    def nodes(self) -> tuple[NodeInfo, ...]:
        """Return the nodes, the publisher first."""
        return self.database.remembered.get("nodes", self._read_nodes)

    def _read_nodes(self) -> tuple[NodeInfo, ...]:
        active = select(ProcessNodeService.fkprocessnode, ProcessNodeService.service).where(ProcessNodeService.isactive)
        with self.database.read() as session:
            services: dict[int, set[Service]] = {}
            for node, service in session.execute(active):
                services.setdefault(node, set()).add(Service(service))
            return tuple(
                NodeInfo(name, NodeRole(usage), address, frozenset(services.get(key, ())))
                for key, name, usage, address in session.execute(_NODES)
            )

    def _name_of(self, node: str) -> str:
        """Return a node's name as the cluster writes it.

        Raises:
            NotFoundError: There is no such node.
        """
        return self.node(node).name

    def node(self, name: str) -> NodeInfo:
        """Return a node by its name, in any case.

        Raises:
            NotFoundError: There is none.
        """
        return _found(name, {node.name: node for node in self.nodes()})

    @property
    def publisher(self) -> NodeInfo:
        """The publisher."""
        return self.nodes()[0]

    def services(self, node: str | None = None) -> tuple[ServiceState, ...]:
        """Return the services of one node or of all."""
        query = select(ProcessNodeService, ProcessNode.name).join(ProcessNode).order_by(ProcessNodeService.id)
        if node is not None:
            query = query.where(ProcessNode.name == self._name_of(node))
        with self.database.read() as session:
            return tuple(
                ServiceState(name, Service(row.service), row.isactive, row.started, row.restartneeded, row.restarts)
                for row, name in session.execute(query)
            )

    def endpoints(self) -> dict[str, Endpoint]:
        """Return where nodes on other hosts answer, by name."""
        with self.database.read() as session:
            return {
                row.node: Endpoint(dict(row.ports), row.sftphostkey) for row in session.scalars(select(NodeEndpoint))
            }

    def versions(self) -> tuple[InstalledVersion, ...]:
        """Return the installed versions, the active one first."""
        return self.database.remembered.get("versions", self._read_versions)

    def _read_versions(self) -> tuple[InstalledVersion, ...]:
        with self.database.read() as session:
            rows = session.scalars(select(VersionRow).order_by(VersionRow.isactive.desc()))
            return tuple(InstalledVersion(r.partition, Version.parse(r.number), r.isactive) for r in rows)

    @property
    def version(self) -> Version:
        """The active version."""
        return self.versions()[0].version

    def parameter(self, name: str, *, node: str = "") -> str:
        """Return a parameter's value: the node's own, else the cluster's, else the default.

        Raises:
            NotFoundError: There is no such parameter.
        """
        parameter = parameter_named(name)

        def read() -> str:
            with self.database.read() as session:
                return read_parameter(session, parameter, node) or parameter.default

        return self.database.remembered.get(("parameter", parameter.name, node), read)

    @property
    def mode(self) -> SecurityMode:
        """The cluster's security mode."""
        return SecurityMode(int(self.parameter(SECURITY_MODE.name)))

    def view(self) -> TrustView:
        """Return what the CTL and ITL authority looks at."""
        return TrustView(
            self.version,
            self.nodes(),
            certificates_of(self.certificates.list_own()),
            rollback=self.parameter(ROLLBACK.name) == "True",
            mode=self.mode,
        )


def _found(name: str, nodes: Mapping[str, T]) -> T:
    for known, node in nodes.items():
        if known.lower() == name.lower():
            return node
    raise NotFoundError(f"there is no node {name!r}", next_step=f"the nodes are: {', '.join(nodes)}")


def read_parameter(session: Session, parameter: Parameter, node: str = "") -> str | None:
    """Return a parameter's stored value, the node's before the cluster's; None if it has its default."""
    query = select(ProcessConfig).where(
        ProcessConfig.paramname == parameter.name,
        ProcessConfig.service == parameter.service,
        ProcessConfig.node.in_(("", node)),
    )
    rows = {row.node: row.paramvalue for row in session.scalars(query)}
    return rows.get(node, rows.get(""))


def write_parameter(session: Session, parameter: Parameter, value: str, node: str = "") -> str:
    """Store a parameter's value and return the one it had."""
    query = select(ProcessConfig).where(
        ProcessConfig.paramname == parameter.name,
        ProcessConfig.service == parameter.service,
        ProcessConfig.node == node,
    )
    row = session.scalars(query).first()
    if row is None:
        session.add(ProcessConfig(paramname=parameter.name, paramvalue=value, service=parameter.service, node=node))
        return parameter.default
    before, row.paramvalue = row.paramvalue, value
    return before
