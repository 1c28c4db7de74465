"""Services: start, stop, restart.

The database holds what the services shall do; a supervisor on each node follows it (``restarts`` grew: start anew).
A TFTP service makes its node's ITL anew when it starts and the present one says something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from mixedmode.cluster.errors import NotFoundError
from mixedmode.cluster.folders import ITL_FILE
from mixedmode.cluster.operations.common import (
    deliver_step,
    keep_itls,
    kept_itls,
    mark_restarted,
    queue_itls,
    service_named,
    text_argument,
)
from mixedmode.cluster.published import build_itl, can_sign_itl, same_content
from mixedmode.cluster.state import ClusterState
from mixedmode.cluster.steps import Definition, Step, StepContext
from mixedmode.cluster.topology import Service

RESTART = "utils service restart"
START = "utils service start"
STOP = "utils service stop"


def _plan(state: ClusterState, arguments: Mapping[str, Any], *, running: bool, verb: str) -> list[Step]:
    node = state.node(text_argument(arguments, "node"))
    service = service_named(text_argument(arguments, "service"))
    makes_itl = (
        running
        and service is Service.TFTP
        and state.version.has_trust_verification
        and can_sign_itl(state, state.view(), node)
    )

    def sign(context: StepContext) -> None:
        data = build_itl(context.state, context.state.view(), node)
        present = context.state.folder(node.name).read(ITL_FILE)
        keep_itls(context, {} if same_content(present, data) else {node.name: data})

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            if makes_itl:
                queue_itls(context, session, kept_itls(context))
            mark_restarted(context, session, node.name, service, running=running)
            context.changed(f"{service.value} on {node.name} {verb}ed")

    note = Step(f"Have {service.value} on {node.name} {verb}ed", commit, commits=True)
    if not makes_itl:
        return [note]
    return [
        Step(f"Make the ITL file of {node.name}, if it says something new", sign),
        note,
        deliver_step("the ITL file"),
    ]


def _check(state: ClusterState, arguments: Mapping[str, Any]) -> list[str]:
    node = state.node(text_argument(arguments, "node"))
    service = service_named(text_argument(arguments, "service"))
    if service not in node.services:
        raise NotFoundError(
            f"{service.value} is not activated on {node.name}",
            where=node.name,
            next_step="activate it, or restart it on a node that runs it",
        )
    return []


DEFINITIONS = (
    Definition(RESTART, partial(_plan, running=True, verb="restart"), _check, publisher_only=False),
    Definition(START, partial(_plan, running=True, verb="start"), _check, publisher_only=False),
    Definition(STOP, partial(_plan, running=False, verb="stopp"), _check, publisher_only=False),
)
