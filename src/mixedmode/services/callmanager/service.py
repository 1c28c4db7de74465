"""The CallManager service, registration by SCCP, plain and by TLS, calls, and reset.

Rules:

1. Phones connect to the plain port (2000) or by TLS (2443); its security mode decides which one a device must take
   (:mod:`mixedmode.protocols.sccp.registration.server`, rule 1). Who takes the other is told "Security Error".
2. A device is registered once: a new registration ends the older connection, as when a phone lost its power.
3. Connections are bounded, in all and for each client address; what is too much is closed at once, and when there is
   no room at all, a connection that has not registered (:mod:`.gate`). No thread or task belongs to a connection,
   except during its handshake and while the directory is asked.
4. Keys and anchors are read when the service starts: after a certificate was regenerated it must be restarted, as the
   seed says. Devices and the cluster's mode are read at each registration.
5. Calls are switched in one place (:mod:`.desk`), of phones that are registered with this node.
6. Draining tells phones nothing: their connections are closed, and they go to the next node of their group.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address

from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.media import OpenReceiveChannel, StartMediaTransmission
from mixedmode.protocols.sccp.messages.fields import shown
from mixedmode.protocols.sccp.messages.registering import ResetKind
from mixedmode.protocols.sccp.registration.admission import DeviceFacts
from mixedmode.protocols.sccp.registration.server import ServerSettings
from mixedmode.protocols.sccp.registration.server_events import Registered
from mixedmode.services.callmanager.connection import CallManagerLimits, PhoneConnection
from mixedmode.services.callmanager.desk import CallDesk
from mixedmode.services.callmanager.directory import Directory, RegisteredPhone
from mixedmode.services.callmanager.notes import Notes
from mixedmode.services.callmanager.switch.model import Station
from mixedmode.services.callmanager.tls import PhoneTrust, phone_context
from mixedmode.services.net.doors import TcpDoor
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.net.service import NOWHERE, Address, Service
from mixedmode.services.sightings.collector import Sightings


class CallManagerService(Service):
    """A CallManager.

    Args:
        directory: Knows the devices.
        trust: The server's keys, and who vouches for phones.
        host: Address to listen on; ``0.0.0.0`` and ``::`` mean all.
        port: TCP port without TLS; 0 chooses a free one.
        tls_port: TCP port with TLS; 0 chooses a free one.
        tls_elsewhere: Whether any free TLS port will do when the wanted one is taken, as in a lab.
        floor: The oldest TLS that it speaks; phones of the 7900 series know only 1.0.
        settings: How phones are treated: keepalive interval and more.
        limits: What phones may use.
        log: Told a line on each phone that comes, goes or is refused, and on each call that ended.

    Attributes:
        calls: The calls.
        seen: Told who registers and what phones report, in the directory's place; None: the directory is.
        refused: Told a line on each phone, or stranger, that is refused.
    """

    def __init__(
        self,
        directory: Directory,
        trust: PhoneTrust,
        *,
        host: str = "127.0.0.1",
        port: int = 2000,
        tls_port: int = 2443,
        tls_elsewhere: bool = False,
        floor: TlsFloor = TlsFloor.TLS_1_2,
        settings: ServerSettings | None = None,
        limits: CallManagerLimits | None = None,
        log: Callable[[str], None] = lambda _line: None,
    ) -> None:
        super().__init__("the CallManager service")
        self.directory = directory
        self.settings = settings or ServerSettings()
        self.limits = limits or CallManagerLimits()
        self.guests: Guests[PhoneConnection] = Guests(Gate(self.limits.connections, self.limits.per_address))
        self._trust = trust
        self._floor = floor
        self._log = log
        self.seen: Sightings | None = None
        self.refused: Callable[[str], None] = lambda _line: None
        make = partial(PhoneConnection, self)
        self._plain = TcpDoor("CallManager", (host, port), self.guests, make)
        self._secure = TcpDoor(
            "CallManager",
            (host, tls_port),
            self.guests,
            make,
            handshake_seconds=self.limits.handshake_seconds,
            failed=self._handshake_failed,
            elsewhere=tls_elsewhere,
        )
        self._secure_address = NOWHERE
        self._phones: dict[str, tuple[RegisteredPhone, PhoneConnection]] = {}
        self._notes = Notes(directory)
        self.calls = CallDesk(directory, self._connection_of, self.limits.calls, log, self._refuse)
        self._writer: asyncio.Task[None] | None = None
        self._planner: asyncio.Task[None] | None = None

    @property
    def tls_port(self) -> int:
        """The port with TLS."""
        return self._secure_address[1]

    def _levels(self) -> Mapping[str, int]:
        return self.guests.counted()

    async def _open(self) -> Address:
        """Load the keys and listen on both ports."""
        self._secure.tls = await asyncio.to_thread(phone_context, self._trust, self._floor)
        address = await self._plain.open()
        self._secure_address = await self._secure.open()
        await self.calls.refresh()
        self._writer = asyncio.create_task(self._notes.run())
        self._planner = asyncio.create_task(self.calls.run())
        return address

    async def _finish(self, timeout: float) -> int:
        """Close the connections of those that are there (rule 6)."""
        self._shut_doors()
        self.guests.drain()
        return await self.guests.gone(timeout)

    async def _close(self) -> None:
        self._shut_doors()
        self.calls.close()
        for task in (self._writer, self._planner):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._writer = self._planner = None
        self.guests.abort()
        await self._notes.flush()

    def _shut_doors(self) -> None:
        self._plain.close()
        self._secure.close()

    def _works(self) -> bool:
        return self._writer is not None and not self._writer.done()

    def phones(self) -> tuple[RegisteredPhone, ...]:
        """Return the registered phones by name."""
        return tuple(phone for _, (phone, _) in sorted(self._phones.items()))

    def phone(self, name: str) -> RegisteredPhone | None:
        """Return a registered phone, None if it is not registered here."""
        found = self._phones.get(name)
        return None if found is None else found[0]

    def reset_device(self, name: str, kind: ResetKind = ResetKind.RESET) -> bool:
        """Tell one phone to reset, restart or apply its configuration.

        Returns:
            Whether it is registered here.
        """
        found = self._phones.get(name)
        told = found is not None and found[1].reset(kind)
        self.counts["resets"] += told
        return told

    def reset_all(self, kind: ResetKind = ResetKind.RESET) -> int:
        """Tell every registered phone to reset, restart or apply its configuration; return how many were told."""
        return sum(self.reset_device(name, kind) for name in list(self._phones))

    def drop(self, revoked: Collection[bytes]) -> None:
        """End the connections that were registered by a certificate which is revoked by now.

        Args:
            revoked: SHA-256 of each.
        """
        if not revoked:
            return
        for name, (_, connection) in list(self._phones.items()):
            if connection.peer.security.certificate in revoked:
                self.counts["revoked"] += 1
                self.ended(connection, f"{name}: its certificate was revoked", refused=f"{name}: its certificate was"
                           f" revoked, its connection from {connection.client} is ended")  # fmt: skip
                connection.abort()

    # What connections tell.

    def registered(self, connection: PhoneConnection, event: Registered) -> None:
        """A phone is registered (rule 2)."""
        register, known, peer = event.register, connection.known, connection.peer
        name = register.device
        older = self._phones.pop(name, None)
        phone = RegisteredPhone(
            name,
            known.model if known is not None else "",
            register.device_type,
            connection.client,
            datetime.now(UTC),
            event.mode.label,
            peer.certificate,
            peer.cipher,
            shown(register.load),
            event.protocol,
            certificate_until=peer.security.until,
        )
        self._phones[name] = (phone, connection)
        connection.place.settle()
        security = peer.security
        facts = DeviceFacts() if known is None else known.facts
        address = source_of_media(phone.address)
        self.calls.came(Station(name, event.protocol, facts.lines, event.mode, security, facts.secure_tone, address))
        if older is not None and older[1] is not connection:
            self.counts["replaced"] += 1
            older[1].abort()
        self.counts["registered"] = len(self._phones)
        if self.seen is None:
            self._notes.add(name)
        else:
            self.seen.registered(name, phone.address, phone.security)
        self._log(f"{name} registered, {phone.security}, {phone.cipher or 'no TLS'}, from {phone.address}")

    def reported(self, connection: PhoneConnection, ctl: str | None, itl: str | None) -> None:
        """A registered phone said which lists it holds."""
        name = connection.device
        found = self._phones.get(name)
        if found is not None and found[1] is connection:
            self._phones[name] = (replace(found[0], ctl_hash=ctl, itl_hash=itl), connection)
            if self.seen is None:
                self._notes.add(name, ctl=ctl, itl=itl)
            else:
                self.seen.reported(name, ctl, itl)

    def said(self, connection: PhoneConnection, message: Laid) -> None:
        """A registered phone said something about calls."""
        name = connection.device
        if isinstance(message, OpenReceiveChannel | StartMediaTransmission):
            # Only a server says that; whoever says it to one wants it to answer with the keys of a call.
            self.counts["keys_asked"] += 1
            why = f"{name} asks for media keys, from {connection.client}; it is told nothing"
            self._log(why)
            self._refuse(why)
        elif self._connection_of(name) is connection:
            self.calls.said(name, message)

    def _refuse(self, line: str) -> None:
        self.refused(line)

    def ended(self, connection: PhoneConnection, why: str, *, refused: str = "") -> None:
        """A connection is over."""
        self._forget(connection)
        self._log(why)
        if refused:
            self.refused(refused)

    def left(self, connection: PhoneConnection) -> None:
        """Forget a connection that has been closed."""
        if self._forget(connection):
            self.counts["lost"] += 1
            self._log(f"{connection.device} lost its connection")
        self.guests.left(connection)

    def _forget(self, connection: PhoneConnection) -> bool:
        name = connection.device
        found = self._phones.get(name)
        if found is None or found[1] is not connection:
            return False
        del self._phones[name]
        self.calls.went(name)
        self.counts["registered"] = len(self._phones)
        return True

    def _connection_of(self, name: str) -> PhoneConnection | None:
        found = self._phones.get(name)
        return None if found is None else found[1]

    def _handshake_failed(self, place: Place, error: Exception) -> None:
        # Everything that a client can do wrong in a handshake, a certificate that nobody vouches for among it.
        if isinstance(error, ssl.SSLCertVerificationError):
            why = f"{place.address}: its certificate is refused: {error.verify_message}"
        elif isinstance(error, ssl.SSLError):
            reason = (error.reason or "it is no TLS").lower().replace("_", " ")
            why = f"{place.address}: the TLS handshake failed: {reason}"
        else:
            return
        self._log(why)
        self.refused(why)


def source_of_media(client: str) -> str:
    """Return a client's address as messages hold it: IPv4 where IPv6 maps it, without a zone; empty for no address."""
    try:
        found = ip_address(client.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


__all__ = ["CallManagerLimits", "CallManagerService", "RegisteredPhone", "ResetKind"]
