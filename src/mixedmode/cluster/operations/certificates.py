"""Certificates: regeneration of a node's own, import into and deletion from trust stores.

A private key goes from the step that makes it straight into a 0600 file of its node; the journal and the database
see the certificate only. The key of the certificate that was replaced is removed at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixedmode.cluster.authority import TrustView
from mixedmode.cluster.certificates import (
    OWN_UNITS,
    activate_own,
    add_trust,
    check_trust_store,
    drop_replaced,
    key_name,
    remove_trust,
)
from mixedmode.cluster.errors import NotFoundError, PreconditionError
from mixedmode.cluster.making import hash_of, key_file, key_kind_of, make_certificate, organization_of
from mixedmode.cluster.operations.common import (
    deliver_step,
    keep_itls,
    kept_itls,
    mark_restart,
    queue_itls,
    text_argument,
)
from mixedmode.cluster.published import build_itls
from mixedmode.cluster.state import ClusterState
from mixedmode.cluster.steps import Definition, Step, StepContext
from mixedmode.cluster.topology import SecurityMode, Service
from mixedmode.errors import UsageError
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.profiles import SELECTABLE_YEARS, KeyKind, Purpose

REGENERATE = "set cert regen"
IMPORT = "set cert import trust"
DELETE = "set cert delete"

TRUSTED_BY = {
    Purpose.CALLMANAGER: ("CallManager-trust",),
    Purpose.CALLMANAGER_ECDSA: ("CallManager-trust",),
    Purpose.CAPF: ("CallManager-trust", "CAPF-trust"),
    Purpose.TOMCAT: ("tomcat-trust",),
    Purpose.TOMCAT_ECDSA: ("tomcat-trust",),
    Purpose.IPSEC: ("ipsec-trust",),
}
"""The trust stores into which a node's own certificate goes by itself."""

RESTARTS: dict[Purpose, tuple[Service, ...]] = {
    Purpose.CALLMANAGER: (Service.CALLMANAGER, Service.CTI_MANAGER, Service.TFTP),
    Purpose.CALLMANAGER_ECDSA: (Service.CALLMANAGER, Service.CTI_MANAGER, Service.TFTP),
    Purpose.CAPF: (Service.TVS, Service.TFTP),
    Purpose.TVS: (Service.TFTP,),
    Purpose.ITLRECOVERY: (Service.TVS, Service.TFTP),
    Purpose.TOMCAT: (Service.TOMCAT,),
    Purpose.TOMCAT_ECDSA: (Service.TOMCAT,),
    Purpose.IPSEC: (Service.DRF_MASTER, Service.DRF_LOCAL),
}
"""cucm-admin.md 3: what an administrator restarts; CAPF and TVS themselves restart by themselves."""

_IN_CTL = {Purpose.CALLMANAGER, Purpose.CAPF, Purpose.ITLRECOVERY}
_NEW = "new certificate"


def _purpose(arguments: Mapping[str, Any]) -> Purpose:
    wanted = text_argument(arguments, "unit")
    for unit in OWN_UNITS:
        if unit.lower() == wanted.lower():
            return Purpose(unit)
    raise NotFoundError(f"there is no certificate {wanted!r}", next_step=f"one of: {', '.join(OWN_UNITS)}")


def _plan_regenerate(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    purpose = _purpose(arguments)
    node = state.node(text_argument(arguments, "node")).name

    def make(context: StepContext) -> None:
        old = context.state.certificates.own(node, purpose.value)
        wanted = arguments.get("key")
        signer = make_certificate(
            purpose,
            node,
            organization_of(old),
            key_kind=KeyKind.from_label(wanted) if wanted else key_kind_of(old),
            now=context.state.now(),
            signature_hash=hash_of(old) if not wanted else None,
            years=arguments.get("years"),
        )
        _remove_unused_keys(context, node, purpose, keep=old)
        context.state.folder(node).write_key(key_name(purpose.value, signer.certificate), key_file(signer))
        context.keep({_NEW: signer.certificate.der})
        context.note_file("before", f"{node}/{purpose}.pem", old.der)
        context.note_file("after", f"{node}/{purpose}.pem", signer.certificate.der)

    def unmake(context: StepContext) -> None:
        old = context.state.certificates.own(node, purpose.value)
        _remove_unused_keys(context, node, purpose, keep=old)

    def sign(context: StepContext) -> None:
        view = _new_view(context, node, purpose)
        keep_itls(context, build_itls(context.state, view))

    def commit(context: StepContext) -> None:
        new, now = _new_certificate(context), context.state.now()
        with context.transaction() as session:
            activate_own(session, node, purpose.value, new, now)
            for store in TRUSTED_BY.get(purpose, ()):
                drop_replaced(session, store, node, purpose.value)
                add_trust(session, store, new, now)
            queue_itls(context, session, kept_itls(context))
            whole = purpose in _IN_CTL or purpose is Purpose.TVS
            nodes = context.state.nodes() if whole else (context.state.node(node),)
            mark_restart(context, session, nodes, RESTARTS[purpose])
            context.changed(f"{purpose} certificate of {node} regenerated, serial {new.serial.hex().upper()}")

    def tidy(context: StepContext) -> None:
        _remove_unused_keys(context, node, purpose, keep=_new_certificate(context))

    return [
        Step(f"Make a new key and {purpose} certificate on {node}", make, undo=unmake),
        Step("Sign the ITL files that hold it", sign),
        Step(
            "Take the new certificate into use, queue the ITL files, mark the services to restart", commit, commits=True
        ),
        Step(f"Remove the old {purpose} key of {node}", tidy),
        deliver_step("the ITL files"),
    ]


def _new_certificate(context: StepContext) -> Certificate:
    return Certificate.from_der(context.kept(_NEW) or b"")


def _new_view(context: StepContext, node: str, purpose: Purpose) -> TrustView:
    return context.state.view().replacing(node, purpose.value, _new_certificate(context))


def _remove_unused_keys(context: StepContext, node: str, purpose: Purpose, *, keep: Certificate) -> None:
    folder = context.state.folder(node)
    start = f"{purpose}-"
    for name in folder.key_names():
        rest = name.removeprefix(start).removesuffix(".pem")
        if name.startswith(start) and len(rest) == 32 and name != key_name(purpose.value, keep):
            folder.remove_key(name)


def _check_regenerate(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    purpose = _purpose(arguments)
    node = state.node(text_argument(arguments, "node")).name
    state.certificates.own(node, purpose.value)
    if not state.folder(node).is_here:
        raise PreconditionError(
            f"the keys of {node} are on another host, and never leave it",
            where=node,
            next_step=f"log in on {node} and run it there",
        )
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
    if purpose in _IN_CTL and state.mode is SecurityMode.MIXED:
        warnings.append("Run utils ctl update CTLFile afterwards, restart the services and reset the phones.")
    return warnings


def _plan_import(_state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    store = check_trust_store(text_argument(arguments, "unit"))
    certificate = _pem(arguments)

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            if add_trust(session, store, certificate, context.state.now()):
                context.changed(f"{certificate.subject} into {store}")
            context.note_file("after", f"{store}/{certificate.sha256.hex()}", certificate.der)

    return [Step(f"Put {certificate.subject} into {store}", commit, commits=True)]


def _plan_delete(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    store = check_trust_store(text_argument(arguments, "unit"))
    sha256 = text_argument(arguments, "sha256")

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            if remove_trust(session, store, sha256):
                context.changed(f"{sha256} out of {store}")

    return [Step(f"Take the certificate {sha256[:16]}... out of {store}", commit, commits=True)]


def _check_delete(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    store = check_trust_store(text_argument(arguments, "unit"))
    sha256 = text_argument(arguments, "sha256")
    if sha256 not in {stored.certificate.sha256.hex() for stored in state.certificates.list_trust(store)}:
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
    Definition(IMPORT, _plan_import, publisher_only=False),
    Definition(DELETE, _plan_delete, _check_delete, publisher_only=False),
)
