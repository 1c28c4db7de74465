"""The services of nodes, as Control Center has them, and their traces."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import Field

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.services import RestartService
from mixedmode.control.services import ServiceControl, ServiceStatus
from mixedmode.errors import RemoteError, UsageError
from mixedmode.faces.api.endpoint import JSON, LAX, Call, Endpoint, Reply
from mixedmode.faces.web.serviceability.trace_tail import MOST_LINES, tail, whole
from mixedmode.services.traces.catalogue import TRACES

_TAG: Final = "services"
_TEXT: Final = "text/plain"
_SECONDS: Final = 300.0
_VERBS: Final = ("start", "stop", "restart")


@dataclass(frozen=True, slots=True)
class State:
    """A service of a node.

    Attributes:
        activated: Whether it may run at all.
        started: Since when it shall run; null if it shall not.
        restart_needed: Since when a change waits for its restart.
        restarts: How often it was restarted.
    """

    node: str
    service: str
    activated: bool
    started: datetime | None
    restart_needed: datetime | None
    restarts: int


@dataclass(frozen=True, slots=True)
class Of:
    """Of which node."""

    __pydantic_config__ = LAX

    node: Annotated[str | None, Field(max_length=255, description="Only the services of this node.")] = None


@dataclass(frozen=True, slots=True)
class Reached:
    """What became of a service.

    Attributes:
        states: Those that it went through, the last one at the end.
    """

    node: str
    service: str
    states: list[str]


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace of a node.

    Attributes:
        trace: Its name in addresses.
        title: Whose it is.
        bytes: Of all its files.
        is_here: Whether it can be read here: the node's files are on this host.
    """

    node: str
    trace: str
    title: str
    bytes: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """The end of a trace.

    Attributes:
        lines: Its last lines, the newest last.
        at: The number of the last line there is, shown or not.
    """

    node: str
    trace: str
    lines: list[str]
    at: int
    bytes: int
    is_here: bool


@dataclass(frozen=True, slots=True)
class Which:
    """Which lines."""

    __pydantic_config__ = LAX

    last: Annotated[int, Field(ge=1, le=MOST_LINES, description="So many lines, the newest ones.")] = 200
    find: Annotated[str, Field(max_length=100, description="Only lines with this text, in any case.")] = ""


def _traces(call: Call) -> Reply:
    found = []
    for node in call.cluster.nodes():
        for kind in TRACES:
            end = tail(call.cluster, node.name, kind, 1)
            found.append(Trace(node.name, kind.key, kind.title, end.size, end.is_here))
    return Reply(found)


def _trace(call: Call) -> Reply:
    node, key = call.cluster.node(call.values["node"]).name, call.values["trace"]
    kind = next((each for each in TRACES if each.key == key), None)
    if kind is None:
        known = ", ".join(each.key for each in TRACES)
        raise NotFoundError(f"there is no trace {key[:40]!r}", next_step=f"one of: {known}")
    asked = call.asked(Which)
    if call.accept == _TEXT:
        return Reply(whole(call.cluster, node, kind), media_type=_TEXT)
    end = tail(call.cluster, node, kind, asked.last, asked.find)
    return Reply(Lines(node, key, [line[1] for line in end.lines], end.at, end.size, end.is_here))


def _services(call: Call) -> Reply:
    return Reply(
        [
            State(each.node, each.service.value, each.activated, each.started, each.restart_needed, each.restarts)
            for each in call.cluster.services(call.asked(Of).node)
        ]
    )


def _act(verb: str) -> Endpoint:
    def answer(call: Call) -> Reply:
        node, service = call.cluster.node(call.values["node"]).name, _named(call.values["service"])
        hands = call.desk.services
        if hands is None:
            raise UsageError("the services of this node are not under these hands", where=node)
        try:
            reached = call.wait(_through(call, hands, verb, node, service), _SECONDS + 10)
        except TimeoutError as error:
            raise RemoteError(
                f"{service.value} did not {verb} within {_SECONDS:.0f} seconds",
                where=node,
                next_step="list the services to see its state",
            ) from error
        call.desk.frame.forget()
        return Reply(Reached(node, service.value, [each.value for each in reached]))

    return Endpoint(
        "POST",
        f"/nodes/{{node}}/services/{{service}}/{verb}",
        f"{verb}Service",
        f"{verb.capitalize()} a service of a node.",
        answer,
        _TAG,
        Reached,
        level=RestartService.privilege,
        keyed=True,
    )


async def _through(call: Call, hands: ServiceControl, verb: str, node: str, service: Service) -> list[ServiceStatus]:
    acts = {"start": hands.start, "stop": hands.stop, "restart": hands.restart}
    async with asyncio.timeout(_SECONDS):
        return [status async for status in acts[verb](node, service, call.principal)]


def _named(text: str) -> Service:
    wanted = " ".join(text.split()).lower()
    for service in Service:
        if service.value.lower() == wanted:
            return service
    known = ", ".join(each.value for each in Service)
    raise NotFoundError(f"there is no service {text!r}", next_step=f"one of: {known}")


ENDPOINTS: Final = (
    Endpoint("GET", "/services", "listServices", "List the services of nodes.", _services, _TAG, list[State], query=Of),
    *(_act(verb) for verb in _VERBS),
    Endpoint("GET", "/traces", "listTraces", "List the traces of nodes.", _traces, "traces", list[Trace], cost=5),
    Endpoint(
        "GET",
        "/nodes/{node}/traces/{trace}",
        "getTrace",
        "Show the end of a trace; as text all of it.",
        _trace,
        "traces",
        Lines,
        media_types=(JSON, _TEXT),
        query=Which,
    ),
)
