"""A node on another host joins the cluster, or leaves it.

A node that joins brings certificates; its keys stay on its host. In mixed mode it is in the CTL only after the next
``utils ctl update CTLFile``, as in CUCM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, ClassVar, Self

from annotated_types import MinLen
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mixedmode.cluster.engine.operation import About, NodeName, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import PreconditionError
from mixedmode.cluster.model.parameters import AUTO_REGISTRATION
from mixedmode.cluster.model.topology import (
    MAX_NODES,
    SUBSCRIBER_SERVICES,
    NodeInfo,
    NodeRole,
    NodeSpec,
    Service,
)
from mixedmode.cluster.model.trust_roles import TRUSTED_BY
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.common import ctl_falls_behind, deliver_step, queue_itls
from mixedmode.cluster.publishing.distribution import queue
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import build_itls
from mixedmode.cluster.replication.replication import ReplicaKeeper
from mixedmode.cluster.store.certificates import remove_trust, take_own
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.cluster.store.schema import (
    CallManagerGroup,
    CallManagerGroupMember,
    CertificateRow,
    DeliveryRow,
    NodeEndpoint,
    ProcessConfig,
    ProcessNode,
    ProcessNodeService,
    TrustFileRow,
)
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.trustlist.kinds import CTL_FILE

_GROUP_MEMBERS = 3
"""A CallManager group has up to three call-processing nodes."""


def add_node(session: Session, node: NodeSpec, role: NodeRole, services: Sequence[Service], now: datetime) -> None:
    """Add the rows of a node and its services; while there is room, a call-processing node is in the default group."""
    row = ProcessNode(name=node.name, tknodeusage=role.value, address=node.address)
    session.add(row)
    session.flush()
    session.add_all(
        ProcessNodeService(fkprocessnode=row.id, service=each.value, isactive=True, started=now) for each in services
    )
    group = session.scalars(select(CallManagerGroup).order_by(CallManagerGroup.id)).first()
    if group is None or Service.CALLMANAGER not in services:
        return
    mine = CallManagerGroupMember.fkcallmanagergroup == group.id
    taken = session.scalars(select(CallManagerGroupMember.priority).where(mine)).all()
    if len(taken) < _GROUP_MEMBERS:
        # Behind all others: a member that was removed leaves a gap.
        last = max(taken, default=-1) + 1
        session.add(CallManagerGroupMember(fkcallmanagergroup=group.id, fkprocessnode=row.id, priority=last))


@dataclass(frozen=True, slots=True)
class JoinNode(Operation):
    """A node on another host becomes a subscriber."""

    title: ClassVar[str] = "node join"
    privilege: ClassVar[int] = 4

    name: NodeName
    address: Annotated[str, MinLen(1), About("Its IP address.")]
    certificates: Annotated[dict[str, str], About("Its certificates as PEM, by what they are for.")]
    ports: Annotated[dict[str, int], About("Its ports, by service.")] = field(default_factory=dict)
    sftp_host_key: Annotated[str, About("The public key that its SFTP server shows.")] = ""

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        services = frozenset(_services(before.view.version))
        node = NodeInfo(self.name, NodeRole.SUBSCRIBER, self.address, services)
        return before.joining(node, self._certificates(before.view.version)).signing_itls()

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        spec = NodeSpec(self.name, self.address)
        certificates, services = self._certificates(state.version), _services(state.version)

        def prepare(context: StepContext) -> None:
            NodeFolder(context.state.directory / spec.name).create(mirror=True)

        def commit(context: StepContext) -> None:
            now = context.state.now()
            ctl = context.state.folder(context.state.publisher.name).read(CTL_FILE)
            with context.transaction() as session:
                add_node(session, spec, NodeRole.SUBSCRIBER, services, now)
                session.add(
                    ProcessConfig(
                        paramname=AUTO_REGISTRATION.name,
                        paramvalue=AUTO_REGISTRATION.default,
                        service=AUTO_REGISTRATION.service,
                        node=spec.name,
                    )
                )
                session.add(NodeEndpoint(node=spec.name, ports=dict(self.ports), sftphostkey=self.sftp_host_key))
                for purpose, certificate in certificates.items():
                    take_own(session, spec.name, purpose, certificate, now)
                if ctl is not None:
                    queue(session, spec.name, CTL_FILE, ctl, now)
                context.changed(f"node {spec.name} at {spec.address}")

        return [
            Step(f"Make a place for the files of {spec.name}", prepare),
            Step(f"Take {spec.name} and its certificates into the cluster, queue the CTL file", commit, commits=True),
            _publish_itls(),
            deliver_step("the CTL and ITL files"),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a name or an address that a node has, and one node too many."""
        spec = NodeSpec(self.name, self.address)
        nodes = state.nodes()
        for node in nodes:
            for what, theirs, ours in (
                ("name", node.name.lower(), spec.name.lower()),
                ("address", node.address, spec.address),
            ):
                if theirs == ours:
                    raise PreconditionError(
                        f"the cluster has a node with this {what}: {node.name}, {node.address}",
                        where=spec.name,
                        next_step="remove it first (mixedmode node remove, on the publisher), or choose another",
                    )
        if len(nodes) >= MAX_NODES:
            raise PreconditionError(f"a cluster has at most {MAX_NODES} nodes", where=spec.name)
        self._certificates(state.version)
        return ctl_falls_behind(state)

    def _certificates(self, version: Version) -> dict[Purpose, Certificate]:
        """Return the certificates that the node brings.

        Raises:
            UsageError: One that its version needs is missing, or one is not its own.
        """
        found = {}
        for purpose in version.own_purposes(publisher=False):
            pem = self.certificates.get(purpose.value)
            if pem is None:
                raise UsageError(f"the node brings no {purpose} certificate", where=self.name)
            found[purpose] = Certificate.from_pem(pem.encode())
        return found


@dataclass(frozen=True, slots=True)
class RemoveNode(Operation):
    """A subscriber leaves."""

    title: ClassVar[str] = "node remove"
    privilege: ClassVar[int] = 4

    node: NodeName

    def complete(self, state: ClusterState) -> Self:
        """Return it with the name as the cluster has it: once the node is gone nothing else tells it."""
        return replace(self, node=state.node(self.node).name)

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.leaving(self.node).signing_itls()

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""
        name = self.node

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                row = session.scalars(select(ProcessNode).where(ProcessNode.name == name)).first()
                if row is None:
                    return
                own = select(CertificateRow).where(CertificateRow.node == name)
                for certificate in session.scalars(own).all():
                    for store in TRUSTED_BY.get(Purpose(certificate.unit), ()):
                        remove_trust(session, store, certificate.sha256)
                    session.delete(certificate)
                for table, column in (
                    (CallManagerGroupMember, CallManagerGroupMember.fkprocessnode == row.id),
                    (ProcessNodeService, ProcessNodeService.fkprocessnode == row.id),
                    (ProcessConfig, ProcessConfig.node == name),
                    (DeliveryRow, DeliveryRow.node == name),
                    (TrustFileRow, TrustFileRow.node == name),
                    (NodeEndpoint, NodeEndpoint.node == name),
                ):
                    session.execute(delete(table).where(column))
                session.delete(row)
                context.changed(f"node {name} removed")

        def forget(context: StepContext) -> None:
            replication = context.state.replication
            if not isinstance(replication, ReplicaKeeper):
                return
            try:
                replication.forget(name)
            except MixedModeError as error:  # nothing that should hold up all other operations
                context.memory.warnings.append(
                    f"Its replication slot is still there ({error.why or error.what}); the node's upkeep drops it."
                )

        return [
            Step(f"Remove {name}, its certificates and what waits for it", commit, commits=True),
            _publish_itls(),
            deliver_step("the ITL files"),
            Step("Drop what the publisher's database server keeps for its copy", forget),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse the publisher."""
        if state.node(self.node).is_publisher:
            raise PreconditionError("the publisher cannot be removed", where=self.node)
        return ctl_falls_behind(state)


def _services(version: Version) -> tuple[Service, ...]:
    return tuple(each for each in SUBSCRIBER_SERVICES if each is not Service.TVS or version.has_trust_verification)


def _publish_itls() -> Step:
    def publish(context: StepContext) -> None:
        itls = build_itls(context.state, context.state.view())
        with context.transaction() as session:
            queue_itls(context, session, itls)

    return Step("Sign the ITL files anew: they name every TVS", publish)
