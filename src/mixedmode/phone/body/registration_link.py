"""One connection of a phone to one CallManager: connect, check the server, run the machine until it ends."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from mixedmode.causes import why_no_connection
from mixedmode.errors import RemoteError, RemoteProtocolError
from mixedmode.phone.body.network import Connection
from mixedmode.phone.body.tls import PhoneTls
from mixedmode.phone.body.world import World
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.registration.phone import PhonePhase, PhoneRegistration
from mixedmode.protocols.sccp.registration.phone_events import (
    Leave,
    PhoneEnd,
    PhoneEnded,
    PhoneEvent,
    PhoneFacts,
    PhoneTimes,
)

_READ: Final = 16 << 10
_WRITE_SECONDS: Final = 10.0
_IPV4_FIELDS: Final = 2

_Said = TypeVar("_Said")

Check = Callable[[Certificate], Awaitable[None]]
"""Raises a :class:`RemoteError` if the phone does not trust a server's certificate."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to register.

    Attributes:
        host: Name or address.
        port: TCP port.
        tls: How the phone speaks TLS, None without.
    """

    host: str
    port: int
    tls: PhoneTls | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Link:
    """A connection.

    Args:
        target: Where to.
        facts: The phone; its address is that of the connection.
        check: Judges the server's certificate, before anything is sent.
        connect_seconds: For connecting and the handshake.
        times: How long the machine waits.
        world: Where and when the phone lives.

    Attributes:
        address: The phone's own, once it is connected.
    """

    def __init__(
        self,
        target: Target,
        facts: PhoneFacts,
        check: Check,
        connect_seconds: float,
        times: PhoneTimes,
        world: World,
    ) -> None:
        self.target = target
        self._facts, self._check, self._connect_seconds, self._times = facts, check, connect_seconds, times
        self._network, self._monotonic = world.network, world.clock.monotonic
        self.address = facts.address
        self._machine: PhoneRegistration | None = None
        self._writer: asyncio.StreamWriter | None = None

    def leave(self) -> None:
        """Unregister; :meth:`run` ends soon after."""
        machine = self._machine
        if machine is not None and machine.phase not in {PhonePhase.LEAVING, PhonePhase.ENDED}:
            machine.send(Leave(), self._monotonic())
            self._send()

    def say(self, messages: Iterable[Laid]) -> None:
        """Say something about calls; nothing, if the phone is not registered."""
        machine = self._machine
        for message in messages:
            if machine is not None and machine.registered:
                machine.send(message, self._monotonic())
        self._send()

    async def run(self, told: Callable[[PhoneEvent], None]) -> PhoneEnded:
        """Register and stay registered until one side ends it.

        Args:
            told: Told what happens meanwhile.

        Raises:
            RemoteError: The server cannot be reached, is not trusted, or closed the connection.
        """
        return await self._along(partial(self._talk, told=told))

    async def reach(self) -> None:
        """Connect, judge the server and hang up: what a phone does first, whatever it speaks after that.

        Raises:
            RemoteError: As :meth:`run`.
        """
        await self._along(self._judge)

    async def _along(self, talk: Callable[[Connection], Awaitable[_Said]]) -> _Said:
        try:
            connection = await self._connect()
            self._writer = connection.writer
            try:
                return await talk(connection)
            finally:
                await _close(connection.writer)
        except ssl.SSLError as error:
            raise RemoteError(
                "the TLS connection failed", where=str(self.target), why=_tls_words(error), code="sccp-tls"
            ) from error
        except (OSError, UnicodeError) as error:
            problem, step = why_no_connection(error)
            why = None
            if self._machine is None and self.target.tls is not None and not getattr(error, "errno", None):
                why = "the server speaks no TLS that this phone knows, or refuses its certificate"
            raise RemoteError(
                problem, where=str(self.target), why=why, next_step=step, code="sccp-unreachable"
            ) from error
        except RemoteError as error:
            error.located(str(self.target))
            raise

    async def _connect(self) -> Connection:
        target = self.target
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._network.connect(target.host, target.port, tls=target.tls, limit=_READ)
        except TimeoutError:
            text = f"no connection within {self._connect_seconds:g} s"
            raise RemoteError(text, where=str(target), code="timeout") from None

    async def _judge(self, connection: Connection) -> None:
        if connection.secure:
            if connection.certificate is None:
                raise RemoteError("the server shows no certificate", code="sccp-untrusted")
            await self._check(Certificate(connection.certificate))

    async def _talk(self, connection: Connection, told: Callable[[PhoneEvent], None]) -> PhoneEnded:
        await self._judge(connection)
        facts, writer = self._facts, connection.writer
        address = writer.get_extra_info("sockname")
        if len(address) == _IPV4_FIELDS:
            facts = replace(facts, address=str(address[0]))
        self.address = facts.address
        machine = self._machine = PhoneRegistration(facts, self._monotonic(), self._times)
        data: bytes | None = b""
        while True:
            try:
                events = machine.receive(data, self._monotonic())
            except RemoteProtocolError as error:
                return PhoneEnded(PhoneEnd.MALFORMED, error.what)
            self._send()
            for event in events:
                if not isinstance(event, PhoneEnded):
                    told(event)
                elif event.reason is PhoneEnd.CLOSED:
                    raise RemoteError(event.text, code="sccp-closed")
                else:
                    self._send()
                    return event
            self._send()
            async with asyncio.timeout(_WRITE_SECONDS):
                await writer.drain()
            data = b"" if events else await self._next(connection.reader, machine)

    async def _next(self, reader: asyncio.StreamReader, machine: PhoneRegistration) -> bytes | None:
        """Return what comes next, nothing if the machine's time has come before, None at the end."""
        timer = machine.next_timer()
        seconds = None if timer is None else max(timer - self._monotonic(), 0.0)
        try:
            async with asyncio.timeout(seconds):
                return await reader.read(_READ) or None
        except TimeoutError:
            return b""

    def _send(self) -> None:
        if self._machine is not None and self._writer is not None and not self._writer.is_closing():
            data = self._machine.bytes_to_send()
            if data:
                self._writer.write(data)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close properly, but within a second: a server that hangs must not hold the phone."""
    writer.close()
    try:
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
    except OSError:
        with contextlib.suppress(RuntimeError):
            writer.transport.abort()


def _tls_words(error: ssl.SSLError) -> str:
    reason = (error.reason or "").lower().replace("_", " ")
    if "alert" in reason and ("certificate" in reason or "unknown ca" in reason):
        return f"the server refuses the phone's certificate ({reason})"
    return reason or "the server closed it"
