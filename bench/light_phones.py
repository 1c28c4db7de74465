"""Phones that are nothing but a connection and the two machines of SCCP: thousands fit into one process."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from mixedmode.phone.mind.calls.client import CallClient
from mixedmode.phone.mind.calls.events import CallEvent, Changed, Count, Listen
from mixedmode.protocols.sccp.calls.codes import State
from mixedmode.protocols.sccp.registration.phone import PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import (
    Acknowledged,
    CallTold,
    PhoneEnded,
    PhoneEvent,
    PhoneFacts,
    Ready,
)

_PORT = 20_000


@dataclass(eq=False)
class LightPhone(asyncio.Protocol):
    """A phone that registers, keeps itself registered, and takes or places calls without media.

    Attributes:
        device: Its name.
        takes: Whether it takes calls.
        ready: Done when it is registered and set up, or is not any more.
        on_connected: Called when a call is.
        on_over: Called when a call is over.
    """

    device: str
    takes: bool = False

    def __post_init__(self) -> None:
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.on_connected: Callable[[], None] = lambda: None
        self.on_over: Callable[[], None] = lambda: None
        self._calls = CallClient(0)
        self._machine: PhoneRegistration | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def registered(self) -> bool:
        """Whether it still is."""
        return self._machine is not None and self._machine.registered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register."""
        self._transport = cast(asyncio.Transport, transport)
        self._machine = PhoneRegistration(PhoneFacts(self.device, 36217, protocol=22), self._loop.time())
        self._work(b"")

    def data_received(self, data: bytes) -> None:
        """Go on."""
        self._work(data)

    def connection_lost(self, _error: Exception | None) -> None:
        """The server is gone, or the phone left."""
        if self._timer is not None:
            self._timer.cancel()
        if not self.ready.done():
            self.ready.set_result(False)
        self._machine = None

    def dial(self, number: str) -> None:
        """Call a number."""
        self._calls.dial(number)
        self._say()

    def hang_up(self) -> None:
        """End every call."""
        for call in tuple(self._calls.calls.values()):
            self._calls.hang_up(call)
        self._say()

    def close(self) -> None:
        """Be gone."""
        if self._transport is not None:
            self._transport.abort()

    def _work(self, data: bytes) -> None:
        machine = self._machine
        if machine is None:
            return
        for event in machine.receive(data, self._loop.time()):
            self._happened(event)
        self._say()
        due = machine.next_timer()
        if due is not None and (self._timer is None or self._timer.cancelled() or self._timer.when() > due):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        self._work(b"")

    def _happened(self, event: PhoneEvent) -> None:
        match event:
            case Acknowledged(protocol=protocol):
                self._calls = CallClient(protocol)
            case Ready():
                if not self.ready.done():
                    self.ready.set_result(True)
            case PhoneEnded():
                self.close()
            case CallTold(message=message):
                for each in self._calls.receive(message):
                    self._called(each)

    def _called(self, event: CallEvent) -> None:
        match event:
            case Listen():
                self._calls.listens(event, "127.0.0.1", _PORT)
            case Count():
                self._calls.counted(event)
            case Changed(call=call) if call.state == State.RING_IN and self.takes:
                self._calls.answer(call)
            case Changed(call=call) if call.state == State.CONNECTED:
                self.on_connected()
            case Changed(call=call) if call.state == State.ON_HOOK:
                self.on_over()

    def _say(self) -> None:
        machine, transport = self._machine, self._transport
        if machine is None or transport is None:
            return
        for message in self._calls.says():
            if machine.registered:
                machine.send(message, self._loop.time())
        data = machine.bytes_to_send()
        if data and not transport.is_closing():
            transport.write(data)


async def register(
    phones: list[LightPhone],
    port: int,
    at_once: int,
    context: Callable[[str], ssl.SSLContext] | None = None,
    first: int = 0,
) -> int:
    """Register phones; return how many are.

    Args:
        phones: Not connected yet.
        port: Of the server, on this host.
        at_once: How many do it in the same moment.
        context: Makes a phone's TLS by its name; None without TLS.
        first: The number of the first one among all phones of this host.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(number: int, phone: LightPhone) -> bool:
        async with gate:
            tls = None if context is None else context(phone.device)
            # From as many addresses as there are ten thousands: a connection needs a port of its own.
            own = (f"127.0.0.{2 + (first + number) // 10_000}", 0)
            loop = asyncio.get_running_loop()
            try:
                await loop.create_connection(
                    lambda: phone,
                    "127.0.0.1",
                    port,
                    ssl=tls,
                    server_hostname="" if tls else None,
                    local_addr=own,
                )
            except OSError:
                return False
            return await phone.ready

    return sum(await asyncio.gather(*(one(number, phone) for number, phone in enumerate(phones))))
