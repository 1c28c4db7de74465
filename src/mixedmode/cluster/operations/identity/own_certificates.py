"""What the operations on a node's own certificates share: taking a new one into use, with its key.

Whatever makes the new certificate (``set cert regen``) or brings it (``set cert import own``) puts its key into the
node's folder and the certificate into the journal; the steps after that are the same.
"""

from __future__ import annotations

from collections.abc import Callable

from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError, PreconditionError, VersionError
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.model.trust_roles import TRUSTED_BY
from mixedmode.cluster.operations.common import (
    ctl_falls_behind,
    deliver_step,
    keep_itls,
    kept_itls,
    mark_restart,
    queue_itls,
)
from mixedmode.cluster.publishing.published import build_itls
from mixedmode.cluster.store.certificates import OWN_UNITS, drop_replaced, key_name, take_own
from mixedmode.cluster.store.state import ClusterState
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose

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

Tidy = Callable[[StepContext], None]


def purpose_of(wanted: str) -> Purpose:
    """Return the purpose that a unit names, in any case.

    Raises:
        NotFoundError: There is none.
    """
    for unit in OWN_UNITS:
        if unit.lower() == wanted.lower():
            return Purpose(unit)
    raise NotFoundError(f"there is no certificate {wanted!r}", next_step=f"one of: {', '.join(OWN_UNITS)}")


def node_here(state: ClusterState, name: str) -> str:
    """Return the node of a name; its keys must be on this host.

    Raises:
        NotFoundError: There is no such node.
        PreconditionError: It lives on another host.
    """
    node = state.node(name).name
    if not state.folder(node).is_here:
        raise PreconditionError(
            f"the keys of {node} are on another host, and never leave it",
            where=node,
            next_step=f"log in on {node} and run it there",
        )
    return node


def check_has(state: ClusterState, purpose: Purpose, node: str) -> None:
    """Check that a node has a certificate of a purpose under the active version.

    Raises:
        VersionError: It has none.
    """
    version, publisher = state.version, state.publisher.name
    has = version.own_purposes(publisher=node == publisher)
    if purpose in has:
        return
    if node != publisher and purpose in version.own_purposes(publisher=True):
        raise VersionError(
            f"on version {version} only the publisher has a certificate {purpose}",
            where=node,
            next_step=f"log in on {publisher} and run it there",
        )
    raise VersionError(
        f"version {version} has no certificate {purpose}", where=node, next_step=f"one of: {', '.join(has)}"
    )


def present_own(state: ClusterState, node: str, purpose: Purpose) -> Certificate | None:
    """Return a node's certificate of a purpose, None if it has none yet, as after an upgrade."""
    found = state.certificates.list_own(node, purpose.value)
    return found[0].certificate if found else None


def warnings_about(state: ClusterState, purpose: Purpose) -> list[str]:
    """Return what an administrator should know before a certificate of a purpose is replaced."""
    return ctl_falls_behind(state) if purpose in _IN_CTL else []


def keep_new(context: StepContext, node: str, purpose: Purpose, new: Certificate) -> None:
    """Put the new certificate, whose key is in the folder already, into the journal."""
    old = present_own(context.state, node, purpose)
    context.keep({_NEW: new.der})
    context.note_file("before", f"{node}/{purpose}.pem", None if old is None else old.der)
    context.note_file("after", f"{node}/{purpose}.pem", new.der)


def steps_into_use(node: str, purpose: Purpose, how: str, *, tidy: Tidy | None = None) -> list[Step]:
    """Return the steps that take the kept certificate into use.

    Args:
        node: Whose it is.
        purpose: What it is for.
        how: For the audit record, such as ``regenerated``.
        tidy: What else the last step removes.
    """

    def sign(context: StepContext) -> None:
        view = context.state.view().replacing(node, purpose.value, _new_certificate(context))
        keep_itls(context, build_itls(context.state, view))

    def commit(context: StepContext) -> None:
        new, now = _new_certificate(context), context.state.now()
        with context.transaction() as session:
            take_own(session, node, purpose, new, now)
            for store in TRUSTED_BY.get(purpose, ()):
                drop_replaced(session, store, node, purpose.value)
            queue_itls(context, session, kept_itls(context))
            whole = purpose in _IN_CTL or purpose is Purpose.TVS
            nodes = context.state.nodes() if whole else (context.state.node(node),)
            mark_restart(context, session, nodes, RESTARTS[purpose])
            context.changed(f"{purpose} certificate of {node} {how}, serial {new.serial.hex().upper()}")

    def tidy_up(context: StepContext) -> None:
        remove_unused_keys(context, node, purpose, keep=_new_certificate(context))
        if tidy is not None:
            tidy(context)

    return [
        Step("Sign the ITL files that hold it", sign),
        Step(
            "Take the new certificate into use, queue the ITL files, mark the services to restart", commit, commits=True
        ),
        Step(f"Remove the old {purpose} key of {node}", tidy_up),
        deliver_step("the ITL files"),
    ]


def remove_unused_keys(context: StepContext, node: str, purpose: Purpose, *, keep: Certificate | None) -> None:
    """Remove the keys of a purpose from a node's folder, but that of one certificate."""
    kept = None if keep is None else key_name(purpose.value, keep)
    folder = context.state.folder(node)
    start = f"{purpose}-"
    for name in folder.key_names():
        rest = name.removeprefix(start).removesuffix(".pem")
        if name.startswith(start) and len(rest) == 32 and name != kept:
            folder.remove_key(name)


def forget_new_key(context: StepContext, node: str, purpose: Purpose) -> None:
    """Undo the first step: remove the new key, whether it was written or not."""
    remove_unused_keys(context, node, purpose, keep=present_own(context.state, node, purpose))


def _new_certificate(context: StepContext) -> Certificate:
    return Certificate.from_der(context.kept(_NEW) or b"")
