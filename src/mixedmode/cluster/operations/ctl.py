"""The ``utils ctl`` commands.

All have the same steps: keep the present file, sign the new one, write it on the publisher, commit (mode, queue,
restart marks: one transaction), copy it to the other nodes. Up to the commit everything can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from mixedmode.cluster.engine.steps import Definition, Step, StepContext
from mixedmode.cluster.model.errors import PreconditionError, VersionError
from mixedmode.cluster.model.licences import check_licence
from mixedmode.cluster.model.parameters import SECURITY_MODE
from mixedmode.cluster.model.preconditions import auto_registration_warning, check_ready_for_mixed_mode
from mixedmode.cluster.model.topology import SecurityMode, Service
from mixedmode.cluster.operations.common import deliver_step, mark_restart, other_nodes
from mixedmode.cluster.publishing.distribution import queue
from mixedmode.cluster.publishing.lists import ctl_signer, is_token_signed
from mixedmode.cluster.publishing.published import build_ctl, record
from mixedmode.cluster.store.folders import CTL_FILE
from mixedmode.cluster.store.state import ClusterState, write_parameter

MIXED = "utils ctl set-cluster mixed-mode"
NON_SECURE = "utils ctl set-cluster non-secure-mode"
UPDATE = "utils ctl update CTLFile"
RESET = "utils ctl reset localkey"

_NEW = "new/CTLFile.tlv"
_OLD = "old/CTLFile.tlv"


def _plan(state: ClusterState, _arguments: Mapping[str, Any], *, mode: SecurityMode, reset: bool = False) -> list[Step]:
    publisher = state.publisher.name
    signer = state.version.ctl_anchors[-1 if reset else 0]

    def keep(context: StepContext) -> None:
        old = context.state.folder(publisher).read(CTL_FILE)
        context.note_file("before", f"{publisher}/{CTL_FILE}", old)
        context.keep({_OLD: old})

    def sign(context: StepContext) -> None:
        view = context.state.view().in_mode(mode)
        new = build_ctl(context.state, view, ctl_signer(view, reset=reset))
        context.note_file("after", f"{publisher}/{CTL_FILE}", new)
        context.keep({_NEW: new})

    def write(context: StepContext) -> None:
        context.state.folder(publisher).write(CTL_FILE, context.kept(_NEW))

    def put_back(context: StepContext) -> None:
        context.state.folder(publisher).write(CTL_FILE, context.kept(_OLD))

    def commit(context: StepContext) -> None:
        new, now = context.kept(_NEW), context.state.now()
        with context.transaction() as session:
            before = write_parameter(session, SECURITY_MODE, str(mode.value))
            if before != str(mode.value):
                context.changed(f"{SECURITY_MODE.name} {before} -> {mode.value}")
            context.changed(f"{CTL_FILE} signed by {signer} of {publisher}")
            record(session, CTL_FILE, "", new, now, operation=context.operation)
            for node in other_nodes(context.state):
                queue(session, node.name, CTL_FILE, new, now)
            wanted = {Service.TFTP, Service.CALLMANAGER}
            if context.state.version.release >= (11, 6):
                wanted.add(Service.CTI_MANAGER)
            mark_restart(context, session, context.state.nodes(), wanted)

    return [
        Step(f"Keep the present {CTL_FILE} of {publisher}", keep),
        Step(f"Make the new {CTL_FILE} and sign it with the {signer} key of {publisher}", sign),
        Step(f"Write {CTL_FILE} on {publisher}", write, undo=put_back),
        Step(
            f"Set {SECURITY_MODE.name} to {mode.value}, queue {CTL_FILE} for the other nodes and mark the "
            "services to restart",
            commit,
            commits=True,
        ),
        deliver_step(CTL_FILE, including_publisher=False),
    ]


def _require_tokenless(state: ClusterState) -> None:
    if not state.version.has_tokenless_ctl:
        raise VersionError(
            f"version {state.version} has no utils ctl commands",
            why="they exist from version 10.0(1) on",
            next_step="use the CTL Client with two security tokens",
        )


def _check_mixed(state: ClusterState, _arguments: Mapping[str, Any]) -> list[str]:
    _require_tokenless(state)
    check_ready_for_mixed_mode(state)
    warnings = auto_registration_warning(state)
    if state.mode is SecurityMode.MIXED:
        warnings.insert(0, "The cluster is in Mixed mode already.")
    return [*warnings, *_token_warning(state)]


def _check_non_secure(state: ClusterState, _arguments: Mapping[str, Any]) -> list[str]:
    _require_tokenless(state)
    return ["The cluster is in Non Secure mode already."] if state.mode is SecurityMode.NON_SECURE else []


def _check_update(state: ClusterState, _arguments: Mapping[str, Any]) -> list[str]:
    _require_tokenless(state)
    if state.mode is not SecurityMode.MIXED:
        raise PreconditionError(
            "the cluster is not in Mixed mode, so there is no CTL file to update",
            next_step="utils ctl set-cluster mixed-mode",
        )
    check_licence(state.version, state.licences, update=True)
    return _token_warning(state)


def _check_reset(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    warnings = _check_update(state, arguments)
    if len(state.version.ctl_anchors) < 2 or state.version.release < (12, 0):
        raise VersionError(
            f"on version {state.version} the CallManager key signs the CTL file already",
            next_step="utils ctl update CTLFile",
        )
    return [*warnings, "Run utils ctl update CTLFile once every phone has the new file."]


def _token_warning(state: ClusterState) -> list[str]:
    if state.version.release < (12, 0):
        return []
    if not is_token_signed(state.folder(state.publisher.name).read(CTL_FILE)):
        return []
    return ["The present CTL file is signed by a security token: phones must hold one made on 12.0 or later first."]


DEFINITIONS = (
    Definition(MIXED, partial(_plan, mode=SecurityMode.MIXED), _check_mixed),
    Definition(NON_SECURE, partial(_plan, mode=SecurityMode.NON_SECURE), _check_non_secure),
    Definition(UPDATE, partial(_plan, mode=SecurityMode.MIXED), _check_update),
    Definition(RESET, partial(_plan, mode=SecurityMode.MIXED, reset=True), _check_reset, privilege=4),
)
