"""Certificates: regeneration of a node's own, import into and deletion from trust stores.

A private key goes from the step that makes it straight into a 0600 file of its node; the journal and the database
see the certificate only. The key of the certificate that was replaced is removed at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from annotated_types import MinLen

from mixedmode.cluster.engine.operation import About, NodeName, Operation, Pem, TrustStore, Unit
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.operations.identity.own_certificates import (
    check_has,
    forget_new_key,
    keep_new,
    node_here,
    present_own,
    purpose_of,
    remove_unused_keys,
    steps_into_use,
    warnings_about,
)
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.store.certificates import add_trust, check_trust_store, key_name, remove_trust
from mixedmode.cluster.store.making import key_file, make_successor, stand_in_successor
from mixedmode.cluster.store.state import ClusterState
from mixedmode.cluster.trust_absence import due, forget_absence, mark_absent
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import SELECTABLE_YEARS, KeyKind, Purpose
from mixedmode.pki.reading.oddities import oddities


@dataclass(frozen=True, slots=True)
class RegenerateCertificate(Operation):
    """A node's own certificate is made anew, with a new key."""

    title: ClassVar[str] = "set cert regen"
    publisher_only: ClassVar[bool] = False

    node: NodeName
    unit: Unit
    key: Annotated[str, About("The key's kind, such as RSA-2048; as the present one's if empty.", "key")] = ""
    years: Annotated[int | None, About("How long the certificate lasts; as the version has it if not given.")] = None

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        purpose, node, view = purpose_of(self.unit), before.view.node(self.node).name, before.view
        made = stand_in_successor(
            purpose,
            node,
            view.own.get((node, purpose.value)) or view.certificate(node, Purpose.CALLMANAGER),
            key_kind=KeyKind.from_label(self.key) if self.key else None,
            now=before.now,
            version=view.version,
            years=self.years,
        )
        return before.standing_in(made).taking(node, purpose, made).signing_itls()

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        purpose, node = purpose_of(self.unit), state.node(self.node).name

        def make(context: StepContext) -> None:
            old = present_own(context.state, node, purpose)
            wanted = KeyKind.from_label(self.key) if self.key else None
            signer = make_successor(
                purpose,
                node,
                old or context.state.certificates.own(node, Purpose.CALLMANAGER.value),
                key_kind=wanted,
                now=context.state.now(),
                version=context.state.version,
                years=self.years,
            )
            remove_unused_keys(context, node, purpose, keep=old)
            context.state.folder(node).write_key(key_name(purpose.value, signer.certificate), key_file(signer))
            keep_new(context, node, purpose, signer.certificate)

        return [
            Step(
                f"Make a new key and {purpose} certificate on {node}",
                make,
                undo=lambda context: forget_new_key(context, node, purpose),
            ),
            *steps_into_use(node, purpose, "regenerated"),
        ]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a purpose that the node does not have."""
        purpose, node = purpose_of(self.unit), node_here(state, self.node)
        check_has(state, purpose, node)
        if self.key:
            KeyKind.from_label(self.key)
        if self.years is not None and self.years not in SELECTABLE_YEARS:
            raise UsageError(f"a certificate cannot last {self.years} years", next_step=f"one of: {SELECTABLE_YEARS}")
        warnings = []
        if purpose is Purpose.ITLRECOVERY:
            warnings.append(
                "If the CallManager certificate was regenerated recently, make sure first that the CTL file has it and "
                "that the phones have that file."
            )
        return warnings + warnings_about(state, purpose)


@dataclass(frozen=True, slots=True)
class ImportTrust(Operation):
    """A certificate goes into a trust store."""

    title: ClassVar[str] = "set cert import trust"
    publisher_only: ClassVar[bool] = False

    unit: TrustStore
    pem: Pem

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.trusting(check_trust_store(self.unit), _usable(self.pem))

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""
        store, certificate = check_trust_store(self.unit), _usable(self.pem)

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                if add_trust(session, store, certificate, context.state.now()):
                    context.changed(f"{certificate.subject} into {store}")
                context.note_file("after", f"{store}/{certificate.sha256.hex()}", certificate.der)

        return [Step(f"Put {certificate.subject} into {store}", commit, commits=True)]

    def check(self, _state: ClusterState) -> list[str]:
        """Warn of an unusual certificate."""
        unusual = oddities(_usable(self.pem))
        return [f"This certificate is unusual: {'; '.join(unusual)}."] if unusual else []


@dataclass(frozen=True, slots=True)
class DeleteTrust(Operation):
    """A certificate goes out of a trust store."""

    title: ClassVar[str] = "set cert delete"
    publisher_only: ClassVar[bool] = False

    unit: TrustStore
    sha256: Annotated[str, MinLen(1), About("The certificate's hash, hex.", "sha256")]
    node: Annotated[str, About("The node where it is asked for; empty for all of them.", "node")] = ""

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        one_node = self.node and not before.view.version.deletes_trust_everywhere
        on_node = before.view.node(self.node).name if one_node else None
        return before.distrusting(check_trust_store(self.unit), self.sha256, on_node=on_node)

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        store, node = check_trust_store(self.unit), self._only_node(state)

        def commit(context: StepContext) -> None:
            now, nodes = context.state.now(), [each.name for each in context.state.nodes()]
            with context.transaction() as session:
                if node is not None and not mark_absent(session, store, self.sha256, node, nodes=nodes, now=now):
                    context.changed(f"{self.sha256} out of {store} on {node}")
                elif remove_trust(session, store, self.sha256):
                    context.changed(f"{self.sha256} out of {store}")

        where = "" if node is None else f" on {node}"
        return [Step(f"Take the certificate {self.sha256[:16]}... out of {store}{where}", commit, commits=True)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a certificate that is not there."""
        store, node = check_trust_store(self.unit), self._only_node(state)
        there = {stored.certificate.sha256.hex() for stored in state.certificates.list_trust(store, node=node)}
        if self.sha256 not in there:
            raise NotFoundError(
                f"{store} has no such certificate", next_step=f"show cert list trust shows what {store} has"
            )
        return []

    def _only_node(self, state: ClusterState) -> str | None:
        """Return the one node where it is deleted, None if it is on all (trust_absence.py, rules 1 and 2)."""
        if not self.node or state.version.deletes_trust_everywhere:
            return None
        return state.node(self.node).name


@dataclass(frozen=True, slots=True)
class BringBackTrust(Operation):
    """Change Notification puts back what one node deleted and the others have."""

    title: ClassVar[str] = "certificate change notification"
    publisher_only: ClassVar[bool] = False

    before: Annotated[str, MinLen(1), About("What was deleted before this moment, ISO 8601.", "date-time")]

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.bringing_back(self._moment())

    def plan(self, _state: ClusterState) -> list[Step]:
        """Return its steps."""
        before = self._moment()

        def commit(context: StepContext) -> None:
            with context.transaction() as session:
                for store, sha256, node in due(session, before):
                    forget_absence(session, store, sha256)
                    context.changed(f"{sha256} back into {store} of {node}")

        return [Step("Put the trust certificates back that other nodes have", commit, commits=True)]

    def _moment(self) -> datetime:
        try:
            found = datetime.fromisoformat(self.before)
        except ValueError as error:
            raise UsageError(f"{self.title}: before is no moment", where="before", why=str(error)) from error
        if found.tzinfo is None:
            raise UsageError(f"{self.title}: before has no zone", where="before", next_step="write +00:00 after it")
        return found


def _usable(pem: str) -> Certificate:
    certificate = Certificate.from_pem(pem.encode())
    _ = certificate.subject, certificate.key_kind, certificate.not_after  # refuse now what could not be used later
    return certificate
