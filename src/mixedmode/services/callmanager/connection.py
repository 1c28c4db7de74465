"""One phone's connection: bytes into the state machine, answers out, one deadline at a time.

============  ==========================================  ================================
waits for     deadline                                    after it
============  ==========================================  ================================
Register      ``first_seconds`` of the settings           closed
the database  ``answer_seconds`` of the settings          closed; the phone tries another node
a keepalive   1.2 intervals                               closed, no longer registered
the client    ``write_seconds``                           closed: it takes nothing
============  ==========================================  ================================

While the database is asked nothing is read, so what a client can make this server keep is bounded; after a bounded
number of messages the others have their turn.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Protocol, cast

from mixedmode.errors import MixedModeError, RemoteProtocolError
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.messages.fields import shown
from mixedmode.protocols.sccp.messages.registering import ResetKind
from mixedmode.protocols.sccp.messages.report import read_report
from mixedmode.protocols.sccp.messages.server_list import ServerEntry
from mixedmode.protocols.sccp.registration.admission import Refusal
from mixedmode.protocols.sccp.registration.server import ServerPhase, ServerRegistration, ServerSettings
from mixedmode.protocols.sccp.registration.server_events import (
    AskDevice,
    AskServers,
    CallSaid,
    Ended,
    EndReason,
    Event,
    Left,
    Registered,
    Rejected,
    Reported,
    Servers,
)
from mixedmode.services.callmanager.directory import Directory, KnownDevice
from mixedmode.services.callmanager.switch.model import CallSettings
from mixedmode.services.callmanager.tls import PLAIN, Peer, peer_of
from mixedmode.services.net.gate import Place
from mixedmode.services.net.guests import Guests


@dataclass(frozen=True, slots=True)
class CallManagerLimits:
    """What phones may use.

    Attributes:
        connections: At once, on both ports.
        per_address: Of these, from one address; generous, since a site may sit behind one.
        handshake_seconds: For the TLS handshake.
        write_seconds: For a phone to take what was sent.
        calls: How long calls wait, and how many a phone has.
    """

    connections: int = 16384
    per_address: int = 8192
    handshake_seconds: float = 10.0
    write_seconds: float = 10.0
    calls: CallSettings = CallSettings()  # noqa: RUF009 - immutable


class Host(Protocol):
    """The service that a connection belongs to."""

    directory: Directory
    limits: CallManagerLimits
    settings: ServerSettings
    counts: Counter[str]
    guests: Guests[PhoneConnection]

    def registered(self, connection: PhoneConnection, event: Registered) -> None:
        """A phone is registered."""

    def reported(self, connection: PhoneConnection, ctl: str | None, itl: str | None) -> None:
        """A registered phone said which lists it holds."""

    def said(self, connection: PhoneConnection, message: Laid) -> None:
        """A registered phone said something about calls."""

    def ended(self, connection: PhoneConnection, why: str, *, refused: str = "") -> None:
        """A connection is over, for a reason that people may read; if it was refused, why in full."""

    def left(self, connection: PhoneConnection) -> None:
        """Forget a connection that has been closed."""


class PhoneConnection(asyncio.Protocol):
    """A connection.

    Args:
        host: The service.
        place: The client's place at the door.

    Attributes:
        place: The same.
        client: The client's address.
        closed: Whether it is over.
        peer: Who is at the other end.
        known: The device, once the directory has answered.
    """

    def __init__(self, host: Host, place: Place) -> None:
        self.place = place
        self.client = place.address
        self.closed = False
        self.peer: Peer = PLAIN
        self.known: KnownDevice | None = None
        self._host = host
        self._machine: ServerRegistration | None = None
        self._came = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = 0.0
        self._stalled: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    @property
    def device(self) -> str:
        """The device's name, empty before it said one."""
        register = self._machine.register if self._machine is not None else None
        return "" if register is None else register.device

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a phone to speak."""
        self._transport = cast(asyncio.Transport, transport)
        self._host.guests.entered(self, self.place)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.peer = peer_of(tls)
        self._machine = ServerRegistration(self.peer.security, self._host.settings, monotonic(), _time_of_day)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes and act on them."""
        self._came += data
        self._work()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget everything."""
        self.closed = True
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        for task in (self._asking, self._telling):
            if task is not None:
                task.cancel()
        self._host.left(self)

    def pause_writing(self) -> None:
        """Read no more until the client takes what was sent."""
        if self._transport is not None and self._stalled is None:
            self._transport.pause_reading()
            self._stalled = asyncio.get_running_loop().call_later(self._host.limits.write_seconds, self._stuck)

    def resume_writing(self) -> None:
        """Go on."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        self._work()

    def reset(self, kind: ResetKind) -> bool:
        """Tell the phone to reset; return whether it is registered."""
        machine = self._machine
        if machine is None or self.closed or machine.phase is not ServerPhase.REGISTERED:
            return False
        machine.send(kind, monotonic())
        self._flush()
        return True

    def tell(self, messages: Iterable[Laid]) -> None:
        """Tell the phone something about calls; nothing, if it is not registered any more."""
        machine = self._machine
        for message in messages:
            if machine is None or self.closed or machine.phase is not ServerPhase.REGISTERED:
                return
            machine.send(message, monotonic())
        self._flush()

    def close(self) -> None:
        """Close after what was written is sent, within the time for that."""
        if self._transport is not None and not self.closed:
            self._transport.close()
            if self._stalled is None and not self.closed:
                self._stalled = asyncio.get_running_loop().call_later(self._host.limits.write_seconds, self._stuck)

    def drain(self) -> None:
        """Close, since the service takes nothing new."""
        self.close()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _work(self) -> None:
        machine, transport = self._machine, self._transport
        if machine is None or transport is None or self.closed or self._stalled is not None:
            return
        now, came = monotonic(), self._came
        self._came = b""
        self._turn(machine, came, now)
        timer = machine.next_timer()
        if timer is None:
            self.close()
            return
        if timer <= now:
            transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._work)
            return
        self._watch()
        if self._asking is not None:
            transport.pause_reading()
        elif not transport.is_closing():
            transport.resume_reading()

    def _turn(self, machine: ServerRegistration, data: bytes, now: float) -> None:
        try:
            for event in machine.receive(data, now):
                self._happened(event)
            if machine.closed:
                machine.receive(b"", now)  # a fault comes after what was right before it
        except RemoteProtocolError as error:
            self._host.counts["malformed"] += 1
            why = f"{shown(self.device) or self.client}: {error}"
            self._host.ended(self, why, refused=f"{why} ({self.client})" if self.device else why)
        self._flush()

    def _happened(self, event: Event) -> None:
        host = self._host
        match event:
            case AskDevice(register=register):
                self._asking = asyncio.get_running_loop().create_task(self._ask(register.device))
            case AskServers():
                self._telling = asyncio.get_running_loop().create_task(self._tell_servers())
            case Registered():
                host.counts["registrations"] += 1
                host.registered(self, event)
            case Rejected(device=device, text=text, why=why):
                host.counts["rejected"] += 1
                line = f"{device} rejected: {text}"
                host.ended(self, line, refused=f"{line}{f' ({why})' if why else ''}, from {self.client}")
            case Reported(text=text, xml=xml):
                host.counts["alarms"] += 1
                report = read_report(text) if xml else None
                if report is not None and (report.ctl is not None or report.itl is not None):
                    host.reported(self, report.ctl, report.itl)
            case CallSaid(message=message):
                host.said(self, message)
            case Left():
                host.counts["unregistered"] += 1
                host.ended(self, f"{self.device} unregistered")
            case Ended(reason=reason, why=why):
                host.counts[_COUNTED[reason]] += 1
                host.ended(self, f"{shown(self.device) or self.client}: {why}")

    async def _ask(self, device: str) -> None:
        """Ask the directory in a thread; one that does not answer is no reason to tell a phone no."""
        try:
            found = await asyncio.to_thread(self._host.directory.find, device)
        except MixedModeError as error:
            self._host.counts["directory_failures"] += 1
            self._host.ended(self, f"{device}: the directory cannot be asked: {error}")
            self.abort()
            return
        finally:
            self._asking = None
        machine = self._machine
        if machine is not None and not self.closed and not machine.closed:
            self.known = found if isinstance(found, KnownDevice) else None
            machine.send(found if isinstance(found, Refusal) else found.facts, monotonic())
            self._work()

    async def _tell_servers(self) -> None:
        """Name the servers of the phone's group; this one alone where they are not known."""
        secure = self.peer.cipher is not None
        try:
            found = await asyncio.to_thread(self._host.directory.servers, self.device, secure=secure)
        except MixedModeError:
            self._host.counts["directory_failures"] += 1
            found = ()
        machine = self._machine
        if machine is not None and self._transport is not None and not self.closed and not machine.closed:
            host, port = self._transport.get_extra_info("sockname")[:2]
            here = () if ":" in host else (ServerEntry(host, port, host),)
            machine.send(Servers(found or here), monotonic())
            self._flush()

    def _flush(self) -> None:
        if self._machine is not None and self._transport is not None:
            data = self._machine.bytes_to_send()
            # One that broke while what came before is worked on would log each of a thousand writes.
            if data and not self._transport.is_closing():
                self._transport.write(data)

    def _watch(self) -> None:
        """Look at the deadline when it is due; one that moves later costs nothing until then."""
        machine = self._machine
        due_at = None if machine is None or self.closed else machine.next_timer()
        if due_at is None:
            return
        if self._timer is not None:
            if due_at >= self._due_at:
                return
            self._timer.cancel()
        self._due_at = due_at
        pause = max(due_at - monotonic(), 0.0) + 0.001
        self._timer = asyncio.get_running_loop().call_later(pause, self._due)

    def _due(self) -> None:
        self._timer = None
        machine = self._machine
        if machine is None or self.closed or machine.closed:
            return
        self._turn(machine, b"", monotonic())
        if machine.phase is ServerPhase.ENDED:
            self.abort()
        elif machine.closed:
            self.close()
        else:
            self._watch()

    def _stuck(self) -> None:
        self._host.counts["stuck"] += 1
        self.abort()


def _time_of_day() -> datetime:
    return datetime.now(UTC).astimezone()


_COUNTED = {
    EndReason.SILENT: "silent",
    EndReason.NO_REGISTER: "no_register",
    EndReason.NO_ANSWER: "directory_failures",
}
