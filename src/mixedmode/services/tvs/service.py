"""The TVS service: TLS connections, each with a state machine and a deadline, in front of the look-up.

Rules:

1. A connection costs nothing but memory until its client does something: the handshake, a request and silence between
   requests have their time, and nobody waits for anybody else. There is no thread, task or timer for a
   connection.
2. Connections are bounded, in all and for each client address; what is too much is closed at once, and when there is
   no room at all, a connection of who has most of them (:mod:`.gate`): to phones a lost connection is a second. A
   connection serves a bounded number of requests, one after the other, each of bounded size.
3. An answer goes out in one write. Bytes that are no request end the connection without a word, as CUCM's peers do.
4. What must be read from the database is read in a thread; its answer comes later, others come meanwhile.
5. A changed CTL file is taken into the cache within half a second, a regenerated TVS certificate into use within two.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from time import monotonic
from typing import Final

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.services.net.deadlines import Sweep
from mixedmode.services.net.doors import Door, accept, emptied, listen
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.server_tls import Credentials, TlsFloor, server_context
from mixedmode.services.net.tls_handshakes import Handshakes
from mixedmode.services.tvs.connection import TvsConnection, TvsLimits
from mixedmode.services.tvs.files import WatchedList
from mixedmode.services.tvs.lookup import TrustLookup
from mixedmode.services.tvs.trace import PrintedTrace, Trace

_WATCH_SECONDS: Final = 0.4
_CERTIFICATE_SECONDS: Final = 2.0


class TvsService:
    """A TVS server.

    Args:
        lookup: Answers requests.
        credentials: The server's keys.
        host: Address to listen on; ``0.0.0.0`` and ``::`` mean all.
        port: TCP port; 0 chooses a free one.
        floor: The oldest TLS that it speaks.
        limits: What clients may use.
        lists: Trust list files that are followed while the service runs.
        trace: Told the trace lines.

    Attributes:
        metrics: Counters by name; ``open`` is a level.
    """

    def __init__(
        self,
        lookup: TrustLookup,
        credentials: Credentials,
        *,
        host: str = "127.0.0.1",
        port: int = 2445,
        floor: TlsFloor = TlsFloor.TLS_1_2,
        limits: TvsLimits | None = None,
        lists: tuple[WatchedList, ...] = (),
        trace: Trace | None = None,
    ) -> None:
        self.lookup = lookup
        self.limits = limits or TvsLimits()
        self.trace = trace or PrintedTrace()
        self.metrics: Counter[str] = Counter()
        self._credentials = credentials
        self._where = (host, port)
        self._floor = floor
        self._lists = lists
        self._context: ssl.SSLContext | None = None
        self._mark = b""
        self._door: Door[socket.socket] | None = None
        self._gate = Gate(self.limits.connections, self.limits.per_address)
        self._handshakes: Handshakes[Place] = Handshakes(self.limits.handshake_seconds, self._handshake_failed)
        self._connections: set[TvsConnection] = set()
        self._sweep = Sweep(self._connections)
        self._watcher: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the service listens.

        Raises:
            UsageError: It has not been started.
        """
        if self._door is None:
            raise UsageError("the TVS service is not running", next_step="call start() first")
        return self._door.address

    @property
    def port(self) -> int:
        """The port that the service listens on."""
        return self.address[1]

    @property
    def healthy(self) -> bool:
        """Whether connections are taken."""
        return self._door is not None and self._watcher is not None and not self._watcher.done()

    async def start(self) -> None:
        """Read the lists, load the keys, and listen.

        Raises:
            RemoteError: The address cannot be had.
            UsageError: The keys are of no use, or the service runs already.
        """
        if self._door is not None:
            raise UsageError("the TVS service is running already")
        await self._load_credentials()
        for each in self._lists:
            self.trace(await asyncio.to_thread(each.refresh))
        self._door = Door(listen("TVS", *self._where), self._take, self._no_room, accept)
        self._door.open()
        self._sweep.start()
        self._watcher = asyncio.create_task(self._watch())

    async def drain(self, timeout: float = 5.0) -> int:
        """Take no more connections, close those that wait for a request, let the others have their answer.

        Returns:
            Connections left after ``timeout`` seconds.
        """
        if self._door is not None:
            self._door.rest()
        self._handshakes.close()
        for connection in list(self._connections):
            connection.drain()
        return await emptied(self._connections, timeout)

    async def stop(self) -> None:
        """Close everything. Stopping twice does no harm."""
        if self._door is not None:
            self._door.close()
            self._door = None
        self._sweep.stop()
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
            self._watcher = None
        self._handshakes.close()
        for connection in list(self._connections):
            connection.abort()
        self.trace.close()

    def entered(self, connection: TvsConnection) -> None:
        """Take a connection whose handshake succeeded."""
        self.metrics["handshakes"] += 1
        self._connections.add(connection)

    def left(self, connection: TvsConnection) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(connection)
        self._release(connection.place)

    def _take(self, client: socket.socket, address: str) -> None:
        if self._context is not None and (place := self._admit(address)) is not None:
            place.drop = self._handshakes.begin(client, place, self._context, self._connect).abort
        else:
            client.close()

    def _admit(self, address: str) -> Place | None:
        self.metrics["connections"] += 1
        place = self._gate.admit(address)
        if place is None:
            self.metrics["refused"] += 1
            return None
        self.metrics["open"] = self._gate.open
        self.metrics["dropped"] = self._gate.dropped
        return place

    def _connect(self, place: Place) -> TvsConnection:
        return TvsConnection(self, place)

    def _no_room(self) -> None:
        self.metrics["accept_failures"] += 1

    def _handshake_failed(self, place: Place, _error: Exception) -> None:
        # Everything that a client can do wrong in a handshake; the log of a server need not repeat it.
        self.metrics["handshake_failures"] += 1
        self._release(place)

    def _release(self, place: Place) -> None:
        place.leave()
        self.metrics["open"] = self._gate.open

    async def _load_credentials(self) -> None:
        self._mark = await asyncio.to_thread(self._credentials.mark)
        self._context = server_context(await asyncio.to_thread(self._credentials.signers), self._floor)

    async def _watch(self) -> None:
        """Follow the trust lists and the server's own certificate (rule 5)."""
        next_certificate = monotonic() + _CERTIFICATE_SECONDS
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for each in self._lists:
                lines = await asyncio.to_thread(each.refresh)
                if lines:
                    self.metrics["list_reloads"] += 1
                    self.trace(lines)
            if monotonic() >= next_certificate:
                # A cluster that does not answer now is asked again; the certificate in use stays in use.
                with contextlib.suppress(MixedModeError):
                    if await asyncio.to_thread(self._credentials.mark) != self._mark:
                        await self._load_credentials()
                        self.metrics["certificate_reloads"] += 1
                next_certificate = monotonic() + _CERTIFICATE_SECONDS


__all__ = ["TvsLimits", "TvsService"]
