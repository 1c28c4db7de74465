"""Services: start, stop, restart.

The database holds what the services shall do; a supervisor on each node follows it (``restarts`` grew: start anew).
A TFTP service makes its node's ITL anew when it starts and the present one says something else; the publisher's makes
those too that are for nodes on other hosts and are signed with the publisher's key.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from mixedmode.cluster.engine.steps import Definition, Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.operations.common import (
    deliver_step,
    keep_itls,
    kept_itls,
    mark_restart,
    mark_restarted,
    queue_itls,
    service_named,
    text_argument,
)
from mixedmode.cluster.publishing.lists import same_content
from mixedmode.cluster.publishing.published import build_itl, can_sign_itl
from mixedmode.cluster.store.folders import ITL_FILE
from mixedmode.cluster.store.state import ClusterState

RESTART = "utils service restart"
START = "utils service start"
STOP = "utils service stop"


def _plan(state: ClusterState, arguments: Mapping[str, Any], *, running: bool, verb: str) -> list[Step]:
    node = state.node(text_argument(arguments, "node"))
    service = service_named(text_argument(arguments, "service"))
    makes_for = _itl_nodes(state, node) if running and service is Service.TFTP else []

    def sign(context: StepContext) -> None:
        view = context.state.view()
        made = {each.name: build_itl(context.state, view, each) for each in makes_for}
        present = {name: context.state.folder(name).read(ITL_FILE) for name in made}
        keep_itls(context, {name: data for name, data in made.items() if not same_content(present[name], data)})

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            if makes_for:
                itls = kept_itls(context)
                queue_itls(context, session, itls)
                elsewhere = [each for each in makes_for if each != node and each.name in itls]
                mark_restart(context, session, elsewhere, [Service.TFTP])
            mark_restarted(context, session, node.name, service, running=running)
            context.changed(f"{service.value} on {node.name} {verb}ed")

    note = Step(f"Have {service.value} on {node.name} {verb}ed", commit, commits=True)
    if not makes_for:
        return [note]
    names = ", ".join(each.name for each in makes_for)
    return [
        Step(f"Make the ITL file of {names}, if it says something new", sign),
        note,
        deliver_step("the ITL file"),
    ]


def _itl_nodes(state: ClusterState, node: NodeInfo) -> list[NodeInfo]:
    """Return the nodes whose ITL is made when a node's TFTP service starts."""
    if not state.version.has_trust_verification:
        return []
    view = state.view()
    elsewhere = [
        each
        for each in view.nodes
        if node.is_publisher and Service.TFTP in each.services and not state.folder(each.name).is_here
    ]
    return [each for each in (node, *elsewhere) if can_sign_itl(state, view, each)]


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
