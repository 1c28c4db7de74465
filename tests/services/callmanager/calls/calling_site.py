"""Phones with a line each that are registered with a running CallManager, to call each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from mixedmode.phone.body.calling.media import Media, NoMedia
from mixedmode.phone.body.calling.telephone import Telephone
from mixedmode.phone.mind.calls.events import PhoneCall
from mixedmode.protocols.sccp.calls.codes import State
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Line, Refusal, SecurityMode
from mixedmode.services.callmanager.directory import KnownDevice
from mixedmode.services.callmanager.service import CallManagerService
from mixedmode.services.callmanager.switch.plan import Entry
from tests.services.callmanager.callmanager_site import (
    DEVICE,
    OTHER,
    Table,
    callmanager,
    ctl,
    lsc,
    phone_at,
    registered,
    registering,
)

THIRD = "SEP001122334477"
LINES = {
    DEVICE: Line("1001", "1001", "Alice"),
    OTHER: Line("2001", "2001", "Bob"),
    THIRD: Line("3001", "3001", "Carol"),
}


class Lines(Table):
    """A directory whose phones have a line each."""

    def __init__(self, modes: dict[str, SecurityMode]) -> None:
        super().__init__(modes)
        self.entries = [Entry(device, line) for device, line in LINES.items()]

    def find(self, name: str) -> KnownDevice | Refusal:
        found = super().find(name)
        return (
            found if isinstance(found, Refusal) else KnownDevice("8861", DeviceFacts(self.modes[name], (LINES[name],)))
        )


@asynccontextmanager
async def telephones(
    modes: Mapping[str, SecurityMode], media: Callable[[str], Media] = lambda _device: NoMedia()
) -> AsyncIterator[tuple[CallManagerService, list[Telephone], list[str]]]:
    """Phones of the modes that are registered with a running CallManager; all but the first one take calls."""
    log: list[str] = []
    async with callmanager(Lines(dict(modes)), log=log.append) as service, AsyncExitStack() as stack:
        phones: list[Telephone] = []
        for device, mode in modes.items():
            secure = mode is not SecurityMode.NON_SECURE
            phone = phone_at(service, mode=mode, name=device, ctl=ctl() if secure else None)
            identity = lsc(device) if secure else None
            registration = await stack.enter_async_context(registering(phone, identity=identity))
            phones.append(Telephone(registration, media(device), answers=device != DEVICE))
            stack.callback(phones[-1].hush)
            await registered(registration)
        yield service, phones, log


@asynccontextmanager
async def pair(
    alice: SecurityMode, bob: SecurityMode
) -> AsyncIterator[tuple[CallManagerService, Telephone, Telephone, list[str]]]:
    """Two phones."""
    async with telephones({DEVICE: alice, OTHER: bob}) as (service, phones, log):
        one, other = phones
        yield service, one, other, log


def the_call(calls: dict[int, PhoneCall]) -> PhoneCall:
    [call] = calls.values()
    return call


def connected(calls: dict[int, PhoneCall]) -> bool:
    return any(call.state == State.CONNECTED for call in calls.values())
