"""Services: start, stop, restart.

The database holds what the services shall do; a supervisor on each node follows it (``restarts`` grew: start anew).
A TFTP service makes its node's ITL anew when it starts and the present one says something else; the publisher's makes
those too that are for nodes on other hosts and are signed with the publisher's key. It is the same when it starts with
its node (:class:`StartWithNode`): who starts anew, for whatever reason, runs with every change of before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import MinLen
from sqlalchemy.orm import Session

from mixedmode.cluster.engine.operation import About, NodeName, Operation
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import NodeInfo, Service
from mixedmode.cluster.operations.common import (
    deliver_step,
    keep_itls,
    kept_itls,
    mark_restart,
    mark_restarted,
    mark_started,
    queue_itls,
)
from mixedmode.cluster.operations.identity.own_certificates import node_here
from mixedmode.cluster.publishing.lists import itl_signer, itls_at_start
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.cluster.publishing.published import build_itls, nodes_here, signer_of
from mixedmode.cluster.store.state import ClusterState


@dataclass(frozen=True, slots=True)
class ServiceOperation(Operation):
    """What is done to a service of a node.

    Attributes:
        running: Whether it runs afterwards.
        done: What was done to it, in one word.
    """

    publisher_only: ClassVar[bool] = False
    running: ClassVar[bool] = True
    done: ClassVar[str]

    node: NodeName
    service: Annotated[str, MinLen(1), About("The service's name in full, such as Cisco Tftp.", "service")]

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        starts = self.running and service_named(self.service) is Service.TFTP
        return before.starting_tftp(before.view.node(self.node).name) if starts else before

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        node, service, done = state.node(self.node), service_named(self.service), self.done
        starts = self.running and service is Service.TFTP

        def note(context: StepContext, session: Session) -> None:
            mark_restarted(context, session, node.name, service, running=self.running)
            context.changed(f"{service.value} on {node.name} {done}")

        # Journals of earlier releases say "restarted" of a start too.
        formerly = f"Have {service.value} on {node.name} restarted" if self.running else ""
        step = f"Have {service.value} on {node.name} {done}"
        return _with_itls(state, node, note, step, formerly=formerly, starts=starts)

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a service that the node does not have."""
        node, service = state.node(self.node), service_named(self.service)
        if service not in node.services:
            raise NotFoundError(
                f"{service.value} is not activated on {node.name}",
                where=node.name,
                next_step="activate it, or restart it on a node that runs it",
            )
        return []


@dataclass(frozen=True, slots=True)
class StartService(ServiceOperation):
    """A service shall run."""

    title: ClassVar[str] = "utils service start"
    done: ClassVar[str] = "started"


@dataclass(frozen=True, slots=True)
class StopService(ServiceOperation):
    """A service shall not run."""

    title: ClassVar[str] = "utils service stop"
    running: ClassVar[bool] = False
    done: ClassVar[str] = "stopped"


@dataclass(frozen=True, slots=True)
class RestartService(ServiceOperation):
    """A service shall be started anew."""

    title: ClassVar[str] = "utils service restart"
    done: ClassVar[str] = "restarted"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits for a service to start anew.

    Attributes:
        service: The service's name in full.
        since: The moment that is kept for it, in ISO 8601.
    """

    service: str
    since: str


@dataclass(frozen=True, slots=True)
class StartWithNode(Operation):
    """Services start with their node, so that they run with what waited for their restart.

    A change that came after the node had looked keeps its mark: nobody knows whether the service read it in time.
    """

    title: ClassVar[str] = "node start"
    privilege: ClassVar[int] = 4
    publisher_only: ClassVar[bool] = False

    node: NodeName
    waited: Annotated[tuple[Waiting, ...], MinLen(1), About("What waited, by service.")]

    def foresee(self, before: Outlook) -> Outlook:
        """Return the cluster after it."""
        return before.starting_tftp(before.view.node(self.node).name) if self._starts_tftp else before

    def plan(self, state: ClusterState) -> list[Step]:
        """Return its steps."""
        node = state.node(self.node)

        def note(context: StepContext, session: Session) -> None:
            for each in self.waited:
                service = service_named(each.service)
                if mark_started(context, session, node.name, service, each.since):
                    context.changed(f"{service.value} on {node.name} started with its node")

        step = f"Note that services of {node.name} started with their node"
        steps = _with_itls(state, node, note, step, starts=self._starts_tftp)
        if len(steps) > 1 or not self._starts_tftp:
            return steps

        def deliver(context: StepContext) -> None:
            context.memory.undelivered = context.state.deliveries.deliver([node])

        # TFTP reads its folder next: what came while the node was down is to be there.
        return [*steps, Step(f"Copy to {node.name} what waits for it", deliver)]

    def check(self, state: ClusterState) -> list[str]:
        """Refuse a node of another host, and a service that the node does not have."""
        node = state.node(node_here(state, self.node))
        for each in self.waited:
            if service_named(each.service) not in node.services:
                raise NotFoundError(f"{each.service} is not activated on {node.name}", where=node.name)
        return []

    @property
    def _starts_tftp(self) -> bool:
        return any(service_named(each.service) is Service.TFTP for each in self.waited)


def _with_itls(
    state: ClusterState,
    node: NodeInfo,
    note: Callable[[StepContext, Session], None],
    what: str,
    *,
    starts: bool,
    formerly: str = "",
) -> list[Step]:
    """Return the steps that note something of services, and make the ITLs that a start of TFTP makes.

    Args:
        state: The cluster.
        node: Whose services they are.
        note: Writes it, in the transaction that queues the ITLs.
        what: The step's name.
        starts: Whether TFTP starts.
        formerly: The step's name in journals of earlier releases.
    """
    makes_for = itls_at_start(state.view(), node, nodes_here(state)) if starts else []

    def sign(context: StepContext) -> None:
        view = context.state.view()
        for each in makes_for:
            signer_of(context.state, view, itl_signer(view, each.name))  # without its key nothing of it shall run
        keep_itls(context, build_itls(context.state, view, makes_for))

    def commit(context: StepContext) -> None:
        with context.transaction() as session:
            if makes_for:
                itls = kept_itls(context)
                queue_itls(context, session, itls)
                elsewhere = [each for each in makes_for if each != node and each.name in itls]
                mark_restart(context, session, elsewhere, [Service.TFTP])
            note(context, session)

    noted = Step(what, commit, commits=True, formerly=formerly)
    if not makes_for:
        return [noted]
    names = ", ".join(each.name for each in makes_for)
    return [
        Step(f"Make the ITL file of {names}, if it says something new", sign),
        noted,
        deliver_step("the ITL file"),
    ]


def service_named(name: str) -> Service:
    """Return the service of a name, in any case.

    Raises:
        NotFoundError: There is none.
    """
    for service in Service:
        if service.value.lower() == name.lower():
            return service
    raise NotFoundError(f"there is no service {name!r}", next_step="utils service list shows them")
