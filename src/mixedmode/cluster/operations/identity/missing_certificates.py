"""Certificates that a version gives every node and a node does not have yet, as after an upgrade (from 10.5 to 11 say).

A switch of versions makes them for every node of this host. A node of another host makes its own, since keys never
leave their host: its services run :class:`MakeMissingCertificates` when they notice the switch, or when they start.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.orm import Session

from mixedmode.cluster.engine.operation import NodeName, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.topology import NodeInfo
from mixedmode.cluster.model.versions import Version
from mixedmode.cluster.operations.common import (
    deliver_step,
    keep_itls,
    kept_itls,
    mark_restart,
    queue_itls,
)
from mixedmode.cluster.operations.identity.own_certificates import RESTARTS, node_here, remove_unused_keys
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import build_itls
from mixedmode.cluster.store.certificates import key_name, take_own
from mixedmode.cluster.store.making import key_file, make_successor, stand_in_successor
from mixedmode.cluster.store.state import ClusterState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose


def lacking(
    version: Version, nodes: Iterable[NodeInfo], present: Container[tuple[str, str]]
) -> list[tuple[str, Purpose]]:
    """Return what nodes lack of a version's certificates, as (node, purpose).

    Args:
        version: Which decides what a node has.
        nodes: To look at.
        present: (node, purpose) of the certificates that there are.
    """
    return [
        (node.name, purpose)
        for node in nodes
        for purpose in version.own_purposes(publisher=node.is_publisher)
        if (node.name, purpose.value) not in present
    ]


def missing_certificates(
    state: ClusterState, version: Version, nodes: Sequence[NodeInfo] | None = None
) -> list[tuple[str, Purpose]]:
    """Return what nodes of this host lack of a version's certificates, as (node, purpose).

    Args:
        state: The cluster.
        version: Which decides what a node has.
        nodes: Whose; every node's if left out.
    """
    present = {(stored.node, stored.unit) for stored in state.certificates.list_own(version=version)}
    here = [node for node in nodes or state.nodes() if state.folder(node.name).is_here]
    return lacking(version, here, present)


def make_missing(context: StepContext, version: Version, missing: Sequence[tuple[str, Purpose]]) -> None:
    """Make keys and certificates: the keys into the nodes' folders, the certificates into the journal."""
    state, made = context.state, {}
    for node, purpose in missing:
        model = state.certificates.own(node, Purpose.CALLMANAGER.value)
        signer = make_successor(purpose, node, model, now=state.now(), version=version)
        remove_unused_keys(context, node, purpose, keep=None)  # of a try that was cut off
        state.folder(node).write_key(key_name(purpose.value, signer.certificate), key_file(signer))
        made[node, purpose] = signer.certificate
    context.keep({_kept_as(node, purpose): certificate.der for (node, purpose), certificate in made.items()})
    context.memory.certificates_made = [[node, purpose.value] for node, purpose in made]


def forget_missing(context: StepContext, missing: Sequence[tuple[str, Purpose]]) -> None:
    """Undo :func:`make_missing`, whether it was done or cut off."""
    for node, purpose in missing:
        remove_unused_keys(context, node, purpose, keep=None)


def made_certificates(context: StepContext) -> dict[tuple[str, Purpose], Certificate]:
    """Return what :func:`make_missing` put into the journal."""
    found = {}
    for node, unit in context.memory.certificates_made:
        purpose = Purpose(unit)
        found[node, purpose] = Certificate.from_der(context.kept(_kept_as(node, purpose)) or b"")
    return found


def take_made(context: StepContext, session: Session, made: Mapping[tuple[str, Purpose], Certificate]) -> None:
    """Take certificates into use, and into the trust stores that have a node's own."""
    now = context.state.now()
    for (node, purpose), certificate in made.items():
        take_own(session, node, purpose, certificate, now)
        context.note_file("after", f"{node}/{purpose}.pem", certificate.der)
        context.changed(f"{purpose} certificate of {node} made, serial {certificate.serial.hex().upper()}")


def foresee_missing(before: Outlook, nodes: Iterable[NodeInfo]) -> Outlook:
    """Return the outlook with stand-ins for what nodes lack of the active version's certificates."""
    after, view = before, before.view
    for node, purpose in lacking(view.version, nodes, view.own.keys()):
        model = view.certificate(node, Purpose.CALLMANAGER)
        made = stand_in_successor(purpose, node, model, now=before.now, version=view.version)
        after = after.standing_in(made).adding(node, purpose, made)
    return after


def _kept_as(node: str, purpose: Purpose) -> str:
    return f"certificate/{node}/{purpose}"


@dataclass(frozen=True, slots=True)
class MakeMissingCertificates(Operation):
    """A node of this host makes what it does not have yet."""

    title: ClassVar[str] = "make missing certificates"
    publisher_only: ClassVar[bool] = False

    node: NodeName

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return foresee_missing(before, [before.view.node(self.node)]).signing_itls()

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        node = state.node(self.node)

        def missing(context: StepContext) -> list[tuple[str, Purpose]]:
            return missing_certificates(context.state, context.state.version, [node])

        def sign(context: StepContext) -> None:
            view = context.state.view()
            for (name, purpose), certificate in made_certificates(context).items():
                view = view.replacing(name, purpose.value, certificate)
            keep_itls(context, build_itls(context.state, view))

        def commit(context: StepContext) -> None:
            made = made_certificates(context)
            with context.transaction() as session:
                take_made(context, session, made)
                queue_itls(context, session, kept_itls(context))
                services = {service for _, purpose in made for service in RESTARTS[purpose]}
                mark_restart(context, session, [node], services)

        return [
            Step(
                f"Make the keys and certificates that {node.name} does not have yet",
                lambda context: make_missing(context, context.state.version, missing(context)),
                undo=lambda context: forget_missing(context, missing(context)),
            ),
            Step("Sign the ITL files that hold them", sign),
            Step("Take them into use, queue the ITL files, mark the services to restart", commit, commits=True),
            deliver_step("the ITL files"),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a node of another host."""
        node_here(state, self.node)
        return []
