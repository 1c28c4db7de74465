"""The CallManager service, as far as phones' trust is concerned: registration by SCCP, plain and by TLS, and reset.

Rules:

1. Phones connect to the plain port (2000) or by TLS (2443); its security mode decides which one a device must take
   (:mod:`mixedmode.protocols.sccp.registration.server`, rule 1). Who takes the other is told "Security Error".
2. A device is registered once: a new registration ends the older connection, as when a phone lost its power.
3. Connections are bounded, in all and for each client address; what is too much is closed at once, and when there is
   no room at all, a connection that has not registered (:mod:`.gate`). No thread or task belongs to a connection,
   except during its handshake and while the directory is asked.
4. Keys and anchors are read when the service starts: after a certificate was regenerated it must be restarted, as the
   seed says. Devices and the cluster's mode are read at each registration.
5. Draining tells phones nothing: their connections are closed, and they go to the next node of their group.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from mixedmode.errors import RemoteError, UsageError
from mixedmode.protocols.sccp.messages.fields import shown
from mixedmode.protocols.sccp.messages.registering import ResetKind
from mixedmode.protocols.sccp.registration.server import ServerSettings
from mixedmode.protocols.sccp.registration.server_events import Registered
from mixedmode.services.callmanager.connection import CallManagerLimits, PhoneConnection
from mixedmode.services.callmanager.directory import Directory, RegisteredPhone
from mixedmode.services.callmanager.notes import Notes
from mixedmode.services.callmanager.tls import PhoneTrust, phone_context
from mixedmode.services.net.doors import Door, accept, emptied, listen
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.server_tls import TlsFloor
from mixedmode.services.net.tls_handshakes import Handshakes


class CallManagerService:
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
        log: Told a line on each phone that comes, goes or is refused.

    Attributes:
        metrics: Counters by name; ``open`` and ``registered`` are levels.
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
        self.directory = directory
        self.settings = settings or ServerSettings()
        self.limits = limits or CallManagerLimits()
        self.metrics: Counter[str] = Counter()
        self._trust = trust
        self._host = host
        self._wanted = (port, tls_port)
        self._tls_elsewhere = tls_elsewhere
        self._floor = floor
        self._log = log
        self._context: ssl.SSLContext | None = None
        self._doors: tuple[Door[socket.socket], ...] = ()
        self._gate = Gate(self.limits.connections, self.limits.per_address)
        self._handshakes: Handshakes[Place] = Handshakes(self.limits.handshake_seconds, self._handshake_failed)
        self._entering: set[asyncio.Task[None]] = set()
        self._connections: set[PhoneConnection] = set()
        self._phones: dict[str, tuple[RegisteredPhone, PhoneConnection]] = {}
        self._notes = Notes(directory)
        self._writer: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the service listens without TLS.

        Raises:
            UsageError: It has not been started.
        """
        return self._running()[0].address

    @property
    def port(self) -> int:
        """The port without TLS."""
        return self.address[1]

    @property
    def tls_port(self) -> int:
        """The port with TLS."""
        return self._running()[1].address[1]

    @property
    def healthy(self) -> bool:
        """Whether phones are taken."""
        return bool(self._doors) and self._writer is not None and not self._writer.done()

    async def start(self) -> None:
        """Load the keys and listen.

        Raises:
            RemoteError: An address cannot be had.
            UsageError: The keys are of no use, or the service runs already.
        """
        if self._doors:
            raise UsageError("the CallManager service is running already")
        self._context = await asyncio.to_thread(phone_context, self._trust, self._floor)
        plain = Door(listen("CallManager", self._host, self._wanted[0]), self._take_plain, self._no_room, accept)
        try:
            secure = Door(self._listen_secure(), self._take_secure, self._no_room, accept)
        except RemoteError:
            plain.close()
            raise
        self._doors = (plain, secure)
        for door in self._doors:
            door.open()
        self._writer = asyncio.create_task(self._notes.run())

    async def drain(self, timeout: float = 5.0) -> int:
        """Take no more phones and close the connections of those that are there (rule 5).

        Returns:
            Connections left after ``timeout`` seconds.
        """
        for door in self._doors:
            door.rest()
        self._handshakes.close()
        for connection in list(self._connections):
            connection.close()
        return await emptied(self._connections, timeout)

    async def stop(self) -> None:
        """Close everything. Stopping twice does no harm."""
        for door in self._doors:
            door.close()
        self._doors = ()
        self._handshakes.close()
        tasks = list(self._entering)
        if self._writer is not None:
            tasks.append(self._writer)
            self._writer = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()
        await self._notes.flush()

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
        self.metrics["resets"] += told
        return told

    def reset_all(self, kind: ResetKind = ResetKind.RESET) -> int:
        """Tell every registered phone to reset, restart or apply its configuration; return how many were told."""
        return sum(self.reset_device(name, kind) for name in list(self._phones))

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
        )
        self._phones[name] = (phone, connection)
        connection.place.settle()
        if older is not None and older[1] is not connection:
            self.metrics["replaced"] += 1
            older[1].abort()
        self.metrics["registered"] = len(self._phones)
        self._notes.add(name)
        self._log(f"{name} registered, {phone.security}, {phone.cipher or 'no TLS'}, from {phone.address}")

    def reported(self, connection: PhoneConnection, ctl: str | None, itl: str | None) -> None:
        """A registered phone said which lists it holds."""
        name = connection.device
        found = self._phones.get(name)
        if found is not None and found[1] is connection:
            self._phones[name] = (replace(found[0], ctl_hash=ctl, itl_hash=itl), connection)
            self._notes.add(name, ctl=ctl, itl=itl)

    def ended(self, connection: PhoneConnection, why: str) -> None:
        """A connection is over."""
        self._forget(connection)
        self._log(why)

    def entered(self, connection: PhoneConnection) -> None:
        """Take a connection that is ready, after its handshake if there is one."""
        self._connections.add(connection)
        connection.place.drop = connection.abort

    def left(self, connection: PhoneConnection) -> None:
        """Forget a connection that has been closed."""
        if self._forget(connection):
            self.metrics["lost"] += 1
            self._log(f"{connection.device} lost its connection")
        self._connections.discard(connection)
        self._release(connection.place)

    def _forget(self, connection: PhoneConnection) -> bool:
        name = connection.device
        found = self._phones.get(name)
        if found is None or found[1] is not connection:
            return False
        del self._phones[name]
        self.metrics["registered"] = len(self._phones)
        return True

    # Connections.

    def _running(self) -> tuple[Door[socket.socket], ...]:
        if not self._doors:
            raise UsageError("the CallManager service is not running", next_step="call start() first")
        return self._doors

    def _listen_secure(self) -> socket.socket:
        wanted = self._wanted[1]
        try:
            return listen("CallManager", self._host, wanted)
        except RemoteError:
            if not self._tls_elsewhere or wanted == 0:
                raise
            return listen("CallManager", self._host, 0)

    def _no_room(self) -> None:
        self.metrics["accept_failures"] += 1

    def _take_plain(self, client: socket.socket, address: str) -> None:
        place = self._admit(client, address)
        if place is not None:
            task = asyncio.get_running_loop().create_task(self._enter(client, PhoneConnection(self, place)))
            place.drop = task.cancel
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)

    def _take_secure(self, client: socket.socket, address: str) -> None:
        if self._context is not None and (place := self._admit(client, address)) is not None:
            place.drop = self._handshakes.begin(client, place, self._context, partial(PhoneConnection, self)).abort

    def _admit(self, client: socket.socket, address: str) -> Place | None:
        self.metrics["connections"] += 1
        place = self._gate.admit(address)
        if place is None:
            self.metrics["refused"] += 1
            client.close()
            return None
        self.metrics["open"] = self._gate.open
        self.metrics["dropped"] = self._gate.dropped
        return place

    def _release(self, place: Place) -> None:
        place.leave()
        self.metrics["open"] = self._gate.open

    async def _enter(self, client: socket.socket, connection: PhoneConnection) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, client)
        except (OSError, asyncio.CancelledError):
            if not connection.made:
                client.close()
                self._release(connection.place)

    def _handshake_failed(self, place: Place, error: Exception) -> None:
        # Everything that a client can do wrong in a handshake, a certificate that nobody vouches for among it.
        self.metrics["handshake_failures"] += 1
        if isinstance(error, ssl.SSLCertVerificationError):
            self._log(f"{place.address}: its certificate is refused: {error.verify_message}")
        self._release(place)


__all__ = ["CallManagerLimits", "CallManagerService", "RegisteredPhone", "ResetKind"]
