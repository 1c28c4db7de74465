"""``utils service list``, ``start``, ``stop`` and ``restart``, on the node of the session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from mixedmode.cluster.model.topology import Service
from mixedmode.cluster.operations.services import RestartService, StartService, StopService
from mixedmode.control.services import ServiceEntry, ServiceStatus
from mixedmode.errors import RemoteError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.login import Login
from mixedmode.faces.shell.model import Argument, BadCommandError, Command, Kind

BASE_SERVICES = ("System SSH", "Service Manager")
"""What runs whenever somebody can ask."""
TIME_LIMIT = 300.0
"""Seconds that a service may take to start or stop."""


async def list_services(call: Call) -> None:
    """Print every service of the node and its state."""
    await call.say(texts.SERVICE_REQUEST)
    for name in BASE_SERVICES:
        await call.say(texts.SERVICE_BASE, name=name)
    await call.say(texts.SERVICE_LIST)
    for entry in sorted(await call.session.services.states(call.node), key=lambda each: each.service.value):
        await call.say(_state_text(entry), name=entry.service.value, state=entry.status.value)


def _state_text(entry: ServiceEntry) -> texts.Text:
    if not entry.activated:
        return texts.SERVICE_NOT_ACTIVATED
    if entry.status is ServiceStatus.STARTED:
        return texts.SERVICE_STARTED
    return texts.SERVICE_STOPPED if entry.status is ServiceStatus.STOPPED else texts.SERVICE_PROGRESS


async def handle(call: Call, *, verb: str) -> None:
    """Start, stop or restart a service and print each state that it reaches."""
    service = named(call.value("service"))
    control, node, principal = call.session.services, call.node, call.session.principal
    if verb == "restart":
        await call.say(texts.SERVICE_RESTARTING)
    await call.say(texts.SERVICE_MANAGER)
    states = {"start": control.start, "stop": control.stop, "restart": control.restart}[verb](node, service, principal)
    try:
        async with asyncio.timeout(TIME_LIMIT):
            await _print_states(call, service, states)
    except TimeoutError as error:
        raise RemoteError(
            f"{service.value} did not {verb} within {TIME_LIMIT:.0f} seconds",
            where=node,
            next_step="utils service list shows its state; run the command again",
        ) from error


async def _print_states(call: Call, service: Service, states: AsyncIterator[ServiceStatus]) -> None:
    async for status in states:
        await call.say(texts.SERVICE_PROGRESS, name=service.value, state=status.value)


def named(text: str) -> Service:
    """Return the service of a name, written in full, in any case, with single blanks.

    Raises:
        BadCommandError: There is none.
    """
    wanted = " ".join(text.strip('"').split()).lower()
    for service in Service:
        if service.value.lower() == wanted:
            return service
    near = [service.value for service in Service if wanted and wanted in service.value.lower()]
    step = f"write its name in full: {', '.join(near)}" if near else "utils service list shows the names"
    raise BadCommandError(f"there is no service {text!r}", next_step=step)


def service_names(_session: Login) -> list[str]:
    """Return the names that completion offers."""
    return [service.value for service in Service]


_NAME = (Argument.of(RestartService, "service", kind=Kind.REST, candidates=service_names),)

COMMANDS = (
    Command(("utils", "service", "list"), "Shows the services of this node.", list_services, privilege=0),
    Command.of(StartService, "Starts a service of this node.", partial(handle, verb="start"), _NAME),
    Command.of(StopService, "Stops a service of this node.", partial(handle, verb="stop"), _NAME),
    Command.of(RestartService, "Restarts a service of this node.", partial(handle, verb="restart"), _NAME),
)
