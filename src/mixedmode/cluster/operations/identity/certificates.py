"""Certificates: regeneration of a node's own, import into and deletion from trust stores.

A private key goes from the step that makes it straight into a 0600 file of its node; the journal and the database
see the certificate only. The key of the certificate that was replaced is removed at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mixedmode.cluster.engine.steps import Definition, Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.operations.common import text_argument
from mixedmode.cluster.operations.identity.own_certificates import (
    RESTARTS,
    TRUSTED_BY,
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
from mixedmode.cluster.store.certificates import add_trust, check_trust_store, key_name, remove_trust
from mixedmode.cluster.store.making import key_file, make_successor
from mixedmode.cluster.store.state import ClusterState
from mixedmode.cluster.trust_absence import due, forget_absence, mark_absent
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import SELECTABLE_YEARS, KeyKind, Purpose
from mixedmode.pki.reading.oddities import oddities

__all__ = ["BRING_BACK", "DEFINITIONS", "DELETE", "IMPORT", "REGENERATE", "RESTARTS", "TRUSTED_BY"]

REGENERATE = "set cert regen"
IMPORT = "set cert import trust"
DELETE = "set cert delete"
BRING_BACK = "certificate change notification"


def _plan_regenerate(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    purpose = purpose_of(arguments)
    node = state.node(text_argument(arguments, "node")).name

    def make(context: StepContext) -> None:
        old = present_own(context.state, node, purpose)
        wanted = KeyKind.from_label(arguments["key"]) if arguments.get("key") else None
        signer = make_successor(
            purpose,
            node,
            old or context.state.certificates.own(node, Purpose.CALLMANAGER.value),
            key_kind=wanted,
            now=context.state.now(),
            version=context.state.version,
            years=arguments.get("years"),
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


def _check_regenerate(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    purpose, node = purpose_of(arguments), node_here(state, arguments)
    check_has(state, purpose, node)
    if key := arguments.get("key"):
        KeyKind.from_label(key)
    years = arguments.get("years")
    if years is not None and years not in SELECTABLE_YEARS:
        raise UsageError(f"a certificate cannot last {years} years", next_step=f"one of: {SELECTABLE_YEARS}")
    warnings = []
    if purpose is Purpose.ITLRECOVERY:
        warnings.append(
            "If the CallManager certificate was regenerated recently, make sure first that the CTL file has it and "
            "that the phones have that file."
        )
    return warnings + warnings_about(state, purpose)


def _plan_import(_state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    store = check_trust_store(text_argument(arguments, "unit"))
    certificate = _pem(arguments)

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            if add_trust(session, store, certificate, context.state.now()):
                context.changed(f"{certificate.subject} into {store}")
            context.note_file("after", f"{store}/{certificate.sha256.hex()}", certificate.der)

    return [Step(f"Put {certificate.subject} into {store}", commit, commits=True)]


def _check_import(_state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    unusual = oddities(_pem(arguments))
    return [f"This certificate is unusual: {'; '.join(unusual)}."] if unusual else []


def _plan_delete(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    store = check_trust_store(text_argument(arguments, "unit"))
    sha256 = text_argument(arguments, "sha256")
    node = _deleting_node(state, arguments)

    def commit(context: StepContext) -> None:
        now, nodes = context.state.now(), [each.name for each in context.state.nodes()]
        with context.transaction() as session:
            if node is not None and not mark_absent(session, store, sha256, node, nodes=nodes, now=now):
                context.changed(f"{sha256} out of {store} on {node}")
            elif remove_trust(session, store, sha256):
                context.changed(f"{sha256} out of {store}")

    where = "" if node is None else f" on {node}"
    return [Step(f"Take the certificate {sha256[:16]}... out of {store}{where}", commit, commits=True)]


def _deleting_node(state: ClusterState, arguments: Mapping[str, Any]) -> str | None:
    """Return the one node on which a certificate is deleted, None if it is on all (trust_absence.py, rules 1 and 2)."""
    if not arguments.get("node") or state.version.deletes_trust_everywhere:
        return None
    return state.node(text_argument(arguments, "node")).name


def _plan_bring_back(_state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    before = datetime.fromisoformat(text_argument(arguments, "before"))

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            for store, sha256, node in due(session, before):
                forget_absence(session, store, sha256)
                context.changed(f"{sha256} back into {store} of {node}")

    return [Step("Put the trust certificates back that other nodes have", commit, commits=True)]


def _check_delete(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    store = check_trust_store(text_argument(arguments, "unit"))
    sha256 = text_argument(arguments, "sha256")
    node = _deleting_node(state, arguments)
    if sha256 not in {stored.certificate.sha256.hex() for stored in state.certificates.list_trust(store, node=node)}:
        raise NotFoundError(
            f"{store} has no such certificate", next_step=f"show cert list trust shows what {store} has"
        )
    return []


def _pem(arguments: Mapping[str, Any]) -> Certificate:
    certificate = Certificate.from_pem(text_argument(arguments, "pem").encode())
    _ = certificate.subject, certificate.key_kind, certificate.not_after  # refuse now what could not be used later
    return certificate


DEFINITIONS = (
    Definition(REGENERATE, _plan_regenerate, _check_regenerate, publisher_only=False),
    Definition(IMPORT, _plan_import, _check_import, publisher_only=False),
    Definition(DELETE, _plan_delete, _check_delete, publisher_only=False),
    Definition(BRING_BACK, _plan_bring_back, publisher_only=False),
)
