"""``ctl client install``: a CTL that security tokens signed becomes the cluster's.

Rules:

1. Everything is checked before anything is written, and the list once more under the lock.
2. Who may sign, and how new the list must be: :mod:`.ctl_signers`.
3. It is not from the future, or no list could follow it.
4. Steps, undo and delivery are those of ``utils ctl``. Going into mixed mode switches auto-registration off, as the
   CTL Client does (cucm-admin.md 5).
5. The list itself is in the journal of files, its hash in the audit log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from mixedmode.cluster.authority.token_ctl import CtlRefusedError, TokenCtl, check_token_ctl
from mixedmode.cluster.engine.engine import Operations
from mixedmode.cluster.engine.steps import Actor, Definition, OperationResult, Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError, PreconditionError
from mixedmode.cluster.model.licences import check_licence
from mixedmode.cluster.model.parameters import AUTO_REGISTRATION, SECURITY_MODE
from mixedmode.cluster.model.preconditions import check_ready_for_mixed_mode
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode, Service
from mixedmode.cluster.operations.common import mark_restart, other_nodes
from mixedmode.cluster.operations.ctl_signers import INSTALL, check_signer, history
from mixedmode.cluster.publishing.distribution import DeliveryQueue, Distributor, queue
from mixedmode.cluster.publishing.published import digest, record
from mixedmode.cluster.store.folders import CTL_FILE
from mixedmode.cluster.store.state import ClusterState, read_parameter, write_parameter
from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.trustlist import TrustList

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster

MIXED, NON_SECURE, UPDATE = "mixed", "non-secure", "update"
"""What the administrator chose: Set Cluster to Mixed Mode, to Non-Secure Mode, or Update CTL File."""
CLOCKS_DIFFER = 300
"""Seconds that the client's clock may be ahead."""
_NEW = "new/CTLFile.tlv"
_OLD = "old/CTLFile.tlv"

Told = Callable[[str, str], None]
"""Told, from any thread, of each node that has the list, or of why it has it not yet (empty if it has)."""


@dataclass(frozen=True, slots=True)
class _Upload:
    data: bytes
    told: Told


def install_ctl(
    cluster: Cluster,
    data: bytes,
    action: str,
    actor: Actor,
    *,
    phones_cleared: bool = False,
    told: Told = lambda _node, _reason: None,
) -> OperationResult:
    """Check a signed list and make it the cluster's CTL.

    Args:
        cluster: The cluster; its publisher is on this host.
        data: The file.
        action: :data:`MIXED`, :data:`NON_SECURE` or :data:`UPDATE`.
        actor: Who asks, and from which address.
        phones_cleared: The CTL files of the phones are deleted by hand; without this the
            signer must be one that they can believe.
        told: Told each node's result as it comes.

    Returns:
        ``undelivered`` tells the nodes that get the list later.

    Raises:
        CtlRefusedError: The list may not be this cluster's CTL.
        MalformedError: It is no trust list.
        PreconditionError: Something must be put right first.
        ClusterBusyError: Another operation runs.
        OperationFailedError: A step failed; the old list is on every node.
    """
    operations = Operations(cluster, {**cluster.operations.definitions, INSTALL: _definition(_Upload(data, told))})
    return operations.run(
        INSTALL,
        actor,
        action=action,
        token=signer_name(data),
        sha256=hashlib.sha256(data).hexdigest(),
        length=len(data),
        phones_cleared=phones_cleared,
    )


def signer_name(data: bytes) -> str:
    """Return who a list says that it was signed by, for the audit log; empty if it does not say."""
    try:
        return TrustList.parse(data).header.signer_name or ""
    except MalformedError:
        return ""


def _target(state: ClusterState, action: object) -> SecurityMode:
    targets = {MIXED: SecurityMode.MIXED, NON_SECURE: SecurityMode.NON_SECURE, UPDATE: state.mode}
    if action not in targets:
        raise UsageError(f"{action!r} is nothing to do with a CTL", next_step=f"one of: {', '.join(targets)}")
    return targets[str(action)]


def _complete(state: ClusterState, arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "mode": _target(state, arguments.get("action")).value}


def _check(state: ClusterState, arguments: Mapping[str, Any], *, upload: _Upload | None) -> list[str]:
    if upload is None:
        raise UsageError(f"{INSTALL} needs a signed list", next_step="run the CTL Client")
    warnings = _judge(state, arguments, upload)[1]
    if arguments["action"] == MIXED:
        check_ready_for_mixed_mode(state)
    elif arguments["action"] == UPDATE:
        check_licence(state.version, state.licences, update=True)
        if state.mode is SecurityMode.NON_SECURE and state.folder(state.publisher.name).read(CTL_FILE) is None:
            raise PreconditionError(
                "the cluster is not in Mixed mode and has no CTL file to update",
                next_step="choose Set Cluster to Mixed Mode in the CTL Client",
            )
    return warnings


def _judge(state: ClusterState, arguments: Mapping[str, Any], upload: _Upload) -> tuple[TokenCtl, list[str]]:
    """Return the list if it may be the cluster's CTL now, and warnings (rules 2 and 3)."""
    found = check_token_ctl(upload.data, state.view(), SecurityMode(arguments["mode"]), digest(state))
    before = history(state)
    if found.timestamp <= before.newest:
        raise CtlRefusedError(
            "the CTL file is not newer than the last one that was installed",
            code="ctl-replayed",
            why=f"it was signed at {found.timestamp}, the last one at {before.newest} (seconds since 1970)",
            next_step="sign a new list; set the client's clock if it is behind",
        )
    if found.timestamp > max(int(state.now().timestamp()), before.newest) + CLOCKS_DIFFER:
        raise CtlRefusedError(
            "the CTL file is from the future",
            code="ctl-future",
            next_step="set the clocks of the client and of the publisher, and sign a new list",
        )
    return found, check_signer(state, found.signer, before, phones_cleared=bool(arguments.get("phones_cleared")))


def _plan(state: ClusterState, arguments: Mapping[str, Any], *, upload: _Upload | None) -> list[Step]:
    publisher, mode = state.publisher.name, SecurityMode(arguments["mode"])
    told: Told = upload.told if upload else lambda _node, _reason: None

    def take(context: StepContext) -> None:
        # Only the process that has the list begins; a resume goes on with what this step kept, or takes it back.
        if upload is None:
            raise NotFoundError("the list is gone with the process that took it", next_step="run the CTL Client again")
        found, _ = _judge(context.state, arguments, upload)
        old = context.state.folder(publisher).read(CTL_FILE)
        context.note_file("before", f"{publisher}/{CTL_FILE}", old)
        context.note_file("after", f"{publisher}/{CTL_FILE}", found.data)
        context.memory["timestamp"] = found.timestamp
        context.memory["tokens"] = [token.sha256.hex() for token in found.tokens]
        context.memory["token_names"] = [token.common_name.strip() for token in found.tokens]
        context.keep({_OLD: old, _NEW: found.data})

    def write(context: StepContext) -> None:
        context.state.folder(publisher).write(CTL_FILE, context.kept(_NEW))

    def put_back(context: StepContext) -> None:
        context.state.folder(publisher).write(CTL_FILE, context.kept(_OLD))

    def commit(context: StepContext) -> None:
        new, now = context.kept(_NEW), context.state.now()
        with context.transaction() as session:
            _set_mode(context, session, mode)
            if arguments["action"] == MIXED:
                _disable_auto_registration(context, session)
            context.changed(f"{CTL_FILE} signed by {arguments['token']}")
            record(session, CTL_FILE, "", new, now, operation=context.operation)
            for node in other_nodes(context.state):
                queue(session, node.name, CTL_FILE, new, now)
            wanted = {Service.TFTP, Service.CALLMANAGER}
            if context.state.version.release >= (11, 6):
                wanted.add(Service.CTI_MANAGER)
            mark_restart(context, session, context.state.nodes(), wanted)
        told(publisher, "")

    def deliver(context: StepContext) -> None:
        deliveries = DeliveryQueue(context.state.database, _Watched(context.state.deliveries.distributor, told))
        context.memory["undelivered"] = deliveries.deliver(context.state.nodes())

    return [
        Step(f"Check the list once more and keep the present {CTL_FILE} of {publisher}", take),
        Step(f"Write {CTL_FILE} on {publisher}", write, undo=put_back),
        Step(
            f"Set {SECURITY_MODE.name} to {mode.value}, queue {CTL_FILE} for the other nodes and mark the "
            "services to restart",
            commit,
            commits=True,
        ),
        Step(f"Copy {CTL_FILE} to every other node; a node that is down gets it when it returns", deliver),
    ]


def _set_mode(context: StepContext, session: Session, mode: SecurityMode) -> None:
    before = write_parameter(session, SECURITY_MODE, str(mode.value))
    if before != str(mode.value):
        context.changed(f"{SECURITY_MODE.name} {before} -> {mode.value}")


def _disable_auto_registration(context: StepContext, session: Session) -> None:
    for place in ("", *(node.name for node in context.state.nodes())):
        if read_parameter(session, AUTO_REGISTRATION, place) == "True":
            write_parameter(session, AUTO_REGISTRATION, "False", place)
            context.changed(f"{AUTO_REGISTRATION.name} True -> False{f' on {place}' if place else ''}")


class _Watched:
    """A distributor whose every delivery is told."""

    def __init__(self, distributor: Distributor, told: Told) -> None:
        self._distributor, self._told = distributor, told

    def reachable(self, node: NodeInfo) -> str | None:
        return self._distributor.reachable(node)

    def deliver(self, node: NodeInfo, files: Mapping[str, bytes | None]) -> None:
        try:
            self._distributor.deliver(node, files)
        except MixedModeError as error:
            self._told(node.name, str(error))
            raise
        self._told(node.name, "")


def _definition(upload: _Upload | None) -> Definition:
    return Definition(INSTALL, partial(_plan, upload=upload), partial(_check, upload=upload), complete=_complete)


DEFINITIONS = (_definition(None),)
