"""Steps that several operations share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.engine.steps import Step, StepAction, StepContext
from mixedmode.cluster.model.topology import NodeInfo, SecurityMode, Service
from mixedmode.cluster.publishing.distribution import queue
from mixedmode.cluster.publishing.published import record
from mixedmode.cluster.store.schema import ProcessNode, ProcessNodeService
from mixedmode.cluster.store.state import ClusterState
from mixedmode.trustlist.kinds import ITL_FILE


def mark_restart(context: StepContext, session: Session, nodes: Iterable[NodeInfo], wanted: Iterable[Service]) -> None:
    """Note that services must be restarted for a change to be served."""
    services = set(wanted)
    restart = []
    for node in nodes:
        for service in Service:
            if service in services and service in node.services:
                restart.append([node.name, service.value])
                _service_rows(session, node.name, service, restartneeded=context.state.now())
    context.memory.restart = restart


def mark_restarted(context: StepContext, session: Session, node: str, service: Service, *, running: bool) -> None:
    """Note that a service was started anew, or stopped."""
    again = ProcessNodeService.restarts + 1
    if running:
        _service_rows(session, node, service, restarts=again, started=context.state.now(), restartneeded=None)
    else:
        _service_rows(session, node, service, restarts=again, started=None)


def mark_started(context: StepContext, session: Session, node: str, service: Service, since: str) -> bool:
    """Note that a service started with its node; return whether the change that waited is still the last one.

    Args:
        context: Of the operation.
        session: In which it is written.
        node: The node.
        service: The service.
        since: Since when that change waited, in ISO 8601.
    """
    wanted = select(ProcessNodeService.restartneeded).join(ProcessNode)
    wanted = wanted.where(ProcessNode.name == node, ProcessNodeService.service == service.value)
    marked = session.scalar(wanted)
    if marked is None or marked.isoformat() != since:
        return False
    # Not one more of its restarts: whoever follows those would start it a second time.
    _service_rows(session, node, service, started=context.state.now(), restartneeded=None)
    return True


def queue_itls(context: StepContext, session: Session, itls: dict[str, bytes]) -> None:
    """Queue each node's ITL and record it."""
    now = context.state.now()
    for node, data in itls.items():
        queue(session, node, ITL_FILE, data, now)
        record(session, ITL_FILE, node, data, now, operation=context.operation)
        context.note_file("after", f"{node}/{ITL_FILE}", data)
    context.memory.queued = sorted(itls)


def keep_itls(context: StepContext, itls: dict[str, bytes]) -> None:
    """Put new ITLs into the journal, and note what they replace."""
    for node in itls:
        context.note_file("before", f"{node}/{ITL_FILE}", context.state.folder(node).read(ITL_FILE))
    context.keep({f"itl/{node}": data for node, data in itls.items()})
    context.memory.itls = sorted(itls)


def kept_itls(context: StepContext) -> dict[str, bytes]:
    """Return the new ITLs of the journal."""
    kept = {node: context.kept(f"itl/{node}") for node in context.memory.itls}
    return {node: data for node, data in kept.items() if data is not None}


def deliver_queued(context: StepContext) -> None:
    """Deliver what is queued."""
    context.memory.undelivered = context.state.deliveries.deliver(context.state.nodes())


def deliver_step(what: str, *, including_publisher: bool = True, deliver: StepAction = deliver_queued) -> Step:
    """Return the step that delivers what is queued; a node that is down gets it when it returns."""
    whom = "every node" if including_publisher else "every other node"
    return Step(f"Copy {what} to {whom}; a node that is down gets it when it returns", deliver)


def other_nodes(state: ClusterState) -> tuple[NodeInfo, ...]:
    """Return all nodes but the publisher."""
    return state.nodes()[1:]


def _service_rows(
    session: Session, node: str, service: Service, **values: datetime | ColumnElement[int] | None
) -> None:
    number = select(ProcessNode.id).where(ProcessNode.name == node).scalar_subquery()
    session.execute(
        update(ProcessNodeService)
        .where(ProcessNodeService.fkprocessnode == number, ProcessNodeService.service == service.value)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def ctl_falls_behind(state: ClusterState) -> list[str]:
    """Return what to do after a change that the CTL does not have yet; nothing in non-secure mode."""
    if state.mode is not SecurityMode.MIXED:
        return []
    return ["Run utils ctl update CTLFile afterwards, restart the services and reset the phones."]
