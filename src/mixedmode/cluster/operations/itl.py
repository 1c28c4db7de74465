"""The ``utils itl`` commands: the publisher's ITL, signed by the other anchor, on every TFTP node.

The file is served at once (``OperationResult.reload``); the next restart of a TFTP service makes the node's own
ITL again, signed as usual.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from mixedmode.cluster.engine.steps import Definition, Step, StepContext
from mixedmode.cluster.model.errors import VersionError
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.operations.common import (
    deliver_step,
    keep_itls,
    kept_itls,
    queue_itls,
    text_argument,
)
from mixedmode.cluster.publishing.lists import itl_signer
from mixedmode.cluster.publishing.published import build_itl, checked, signer_of
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import UsageError

RESET = "utils itl reset localkey"
REMOTE_RESET = "utils itl reset remotekey"


def _tftp_nodes(state: ClusterState) -> list[NodeInfo]:
    return [node for node in state.nodes() if Service.TFTP in node.services]


def _steps(state: ClusterState, title: str, data_of: Any) -> list[Step]:
    names = ", ".join(node.name for node in _tftp_nodes(state))

    def sign(context: StepContext) -> None:
        data = data_of(context)
        keep_itls(context, {node.name: data for node in _tftp_nodes(context.state)})

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            queue_itls(context, session, kept_itls(context))
            context.memory["reload"] = context.memory["queued"]
            context.changed(f"reset ITL file on {names}")

    return [
        Step(title, sign),
        Step(f"Queue it for the TFTP nodes: {names}", commit, commits=True),
        deliver_step("the reset ITL file"),
    ]


def _plan_local(state: ClusterState, _arguments: Mapping[str, Any]) -> list[Step]:
    anchor = state.version.itl_anchors[-1]

    def data(context: StepContext) -> bytes:
        view = context.state.view()
        signer = signer_of(context.state, view, itl_signer(view, view.publisher.name, reset=True))
        return build_itl(context.state, view, view.publisher, signer)

    return _steps(state, f"Make the publisher's ITL file and sign it with its {anchor} key", data)


def _plan_remote(state: ClusterState, arguments: Mapping[str, Any]) -> list[Step]:
    def data(_context: StepContext) -> bytes:
        return checked(base64.b64decode(text_argument(arguments, "file")))

    return _steps(state, "Check the ITL file that the imported recovery key signed", data)


def _check(state: ClusterState, _arguments: Mapping[str, Any]) -> list[str]:
    if not state.version.has_itl_recovery:
        raise VersionError(f"version {state.version} has no ITLRecovery certificate", next_step="it came with 10.0(1)")
    if not _tftp_nodes(state):
        raise UsageError("no node runs the TFTP service", next_step="activate Cisco Tftp on a node")
    return ["Reset the phones, then restart Cisco Tftp, then reset the phones again."]


DEFINITIONS = (
    Definition(RESET, _plan_local, _check, privilege=4),
    Definition(REMOTE_RESET, _plan_remote, _check, privilege=4),
)
