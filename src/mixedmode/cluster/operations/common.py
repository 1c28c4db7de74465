"""Steps that several operations share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.publishing.distribution import queue
from mixedmode.cluster.publishing.published import record
from mixedmode.cluster.store.folders import ITL_FILE
from mixedmode.cluster.store.schema import ProcessNode, ProcessNodeService
from mixedmode.cluster.store.state import ClusterState


def text_argument(arguments: Any, name: str) -> str:
    """Return an argument that must be there.

    Raises:
        UsageError: It is missing or empty.
    """
    from mixedmode.errors import UsageError

    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise UsageError(f"the operation needs {name}")
    return value


def service_named(name: str) -> Service:
    """Return the service of a name, in any case.

    Raises:
        NotFoundError: There is none.
    """
    from mixedmode.cluster.model.errors import NotFoundError

    for service in Service:
        if service.value.lower() == name.lower():
            return service
    raise NotFoundError(f"there is no service {name!r}", next_step="utils service list shows them")


def mark_restart(context: StepContext, session: Session, nodes: Iterable[NodeInfo], wanted: Iterable[Service]) -> None:
    """Note that services must be restarted for a change to be served."""
    services = set(wanted)
    restart = []
    for node in nodes:
        for service in Service:
            if service in services and service in node.services:
                restart.append([node.name, service.value])
                _service_rows(session, node.name, service, restartneeded=context.state.now())
    context.memory["restart"] = restart


def mark_restarted(context: StepContext, session: Session, node: str, service: Service, *, running: bool) -> None:
    """Note that a service was started anew, or stopped."""
    now = context.state.now()
    values: dict[str, Any] = {"started": now, "restartneeded": None} if running else {"started": None}
    _service_rows(session, node, service, restarts=ProcessNodeService.restarts + 1, **values)


def queue_itls(context: StepContext, session: Session, itls: dict[str, bytes]) -> None:
    """Queue each node's ITL and record it."""
    now = context.state.now()
    for node, data in itls.items():
        queue(session, node, ITL_FILE, data, now)
        record(session, ITL_FILE, node, data, now, operation=context.operation)
        context.note_file("after", f"{node}/{ITL_FILE}", data)
    context.memory["queued"] = sorted(itls)


def keep_itls(context: StepContext, itls: dict[str, bytes]) -> None:
    """Put new ITLs into the journal, and note what they replace."""
    for node in itls:
        context.note_file("before", f"{node}/{ITL_FILE}", context.state.folder(node).read(ITL_FILE))
    context.keep({f"itl/{node}": data for node, data in itls.items()})
    context.memory["itls"] = sorted(itls)


def kept_itls(context: StepContext) -> dict[str, bytes]:
    """Return the new ITLs of the journal."""
    kept = {node: context.kept(f"itl/{node}") for node in context.memory.get("itls", ())}
    return {node: data for node, data in kept.items() if data is not None}


def deliver_step(what: str, *, including_publisher: bool = True) -> Step:
    """Return the step that delivers what is queued; a node that is down gets it when it returns."""

    def deliver(context: StepContext) -> None:
        context.memory["undelivered"] = context.state.deliveries.deliver(context.state.nodes())

    whom = "every node" if including_publisher else "every other node"
    return Step(f"Copy {what} to {whom}; a node that is down gets it when it returns", deliver)


def other_nodes(state: ClusterState) -> tuple[NodeInfo, ...]:
    """Return all nodes but the publisher."""
    return state.nodes()[1:]


def _service_rows(session: Session, node: str, service: Service, **values: Any) -> None:
    number = select(ProcessNode.id).where(ProcessNode.name == node).scalar_subquery()
    session.execute(
        update(ProcessNodeService)
        .where(ProcessNodeService.fkprocessnode == number, ProcessNodeService.service == service.value)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
