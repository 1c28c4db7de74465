"""The HTTP file service: phones' files over HTTP 6970 and HTTPS 6971, from the store that TFTP serves.

Rules:

1. A connection costs nothing but memory until its client does something; nobody waits for anybody else. There is no
   task, thread or timer for a connection: one sweep looks at all deadlines.
2. Connections are bounded, in all and for each client address. Over HTTP what is too much is told so (503), over HTTPS
   it is closed before the handshake, which would cost more than the file. When there is no room at all, a connection
   of who has most of them has to go, whatever it does (:mod:`.gate`): reading slowly must not hold a place.
3. Files come from memory. Only a store that says it must build a file is asked in a thread.
4. Over HTTPS signed configurations are served without their signature (:mod:`.http_files`).
5. A changed file or key is served when the store is reloaded or the service starts anew, as in CUCM.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from email.utils import formatdate
from functools import partial
from typing import Final

from mixedmode.errors import UsageError
from mixedmode.services.files.store import FileStore
from mixedmode.services.http.connection import HttpConnection
from mixedmode.services.http.files import HttpFiles
from mixedmode.services.http.limits import HttpCounters, HttpLimits
from mixedmode.services.net.deadlines import Sweep
from mixedmode.services.net.doors import BACKLOG, Door, accept, emptied, listen
from mixedmode.services.net.gate import Gate, Place
from mixedmode.services.net.tls_handshakes import Handshakes

_BUILDERS: Final = 2


class HttpService:
    """A read-only HTTP or HTTPS server.

    Args:
        store: The files.
        host: The address to listen on; ``0.0.0.0`` and ``::`` mean all.
        port: The TCP port; 0 chooses a free one.
        tls: Makes the context for HTTPS, anew at each start, with the keys of role TFTP in the ITL; may block. None is
            HTTP.
        limits: What clients may use.
        reuse_port: Let several services, one in each process, share the port.

    Attributes:
        files: The store's files as answers.
        counters: What was done.
        stamp: Server and Date, as every answer has them.
        draining: Whether connections end after the request under way.
    """

    def __init__(
        self,
        store: FileStore,
        *,
        host: str = "127.0.0.1",
        port: int = 6970,
        tls: Callable[[], ssl.SSLContext] | None = None,
        limits: HttpLimits | None = None,
        reuse_port: bool = False,
    ) -> None:
        self.files = HttpFiles(store, unsigned=tls is not None)
        self.limits = limits or HttpLimits()
        self.counters = HttpCounters()
        self.stamp = b""
        self.draining = False
        self._where = (host, port)
        self._tls = tls
        self._reuse_port = reuse_port
        self._address: tuple[str, int] | None = None
        self._door: asyncio.Server | Door[socket.socket] | None = None
        self._gate = Gate(self.limits.connections, self.limits.per_address)
        self._handshakes: Handshakes[Place] = Handshakes(self.limits.handshake_seconds, self._handshake_failed)
        self._builders: ThreadPoolExecutor | None = None
        self._connections: set[HttpConnection] = set()
        self._sweep = Sweep(self._connections, self._stamp)

    @property
    def address(self) -> tuple[str, int]:
        """Where the service listens.

        Raises:
            UsageError: It has not been started.
        """
        if self._address is None:
            raise UsageError("the HTTP service is not running", next_step="call start() first")
        return self._address

    @property
    def port(self) -> int:
        """The port that the service listens on."""
        return self.address[1]

    @property
    def metrics(self) -> dict[str, int]:
        """The counters by name."""
        return self.counters.snapshot()

    @property
    def healthy(self) -> bool:
        """Whether requests are taken."""
        return self._door is not None and not self.draining

    @property
    def builders(self) -> Executor:
        """The threads in which the store builds."""
        if self._builders is None:
            self._builders = ThreadPoolExecutor(_BUILDERS, "http-build")
        return self._builders

    async def start(self) -> None:
        """Load the keys and listen.

        Raises:
            RemoteError: The address cannot be had.
            MixedModeError: The keys are of no use, or the service runs already.
        """
        if self._address is not None:
            raise UsageError("the HTTP service is running already")
        self.draining = False
        context = None if self._tls is None else await asyncio.to_thread(self._tls)
        listener = listen("the HTTP service", *self._where, reuse_port=self._reuse_port)
        name = listener.getsockname()
        self._address = str(name[0]), int(name[1])
        self._sweep.start()
        if context is None:
            loop = asyncio.get_running_loop()
            self._door = await loop.create_server(lambda: HttpConnection(self), sock=listener, backlog=BACKLOG)
            return
        self._door = Door(listener, partial(self._take, context), self._no_room, accept)
        self._door.open()

    async def drain(self, timeout: float = 5.0) -> int:
        """Take no more connections, close those that wait for a request, let the others have their file.

        Returns:
            Connections left after ``timeout`` seconds.
        """
        self.draining = True
        if self._door is not None:
            self._door.close()
        self._handshakes.close()
        for connection in list(self._connections):
            connection.drain()
        return await emptied(self._connections, timeout)

    async def stop(self) -> None:
        """Close everything; files under way are cut off. Stopping twice does no harm."""
        self._sweep.stop()
        door, self._door = self._door, None
        if door is not None:
            door.close()
        self._handshakes.close()
        for connection in list(self._connections):
            connection.abort()
        if self._builders is not None:
            self._builders.shutdown(wait=False, cancel_futures=True)
            self._builders = None
        self._address = None

    def admit(self, client: str) -> Place | None:
        """Return a place for a connection from an address, None where it is too much (rule 2)."""
        self.counters.connections += 1
        place = self._gate.admit(client)
        if place is None:
            if self._gate.crowded(client):
                self.counters.dropped_client += 1
            else:
                self.counters.dropped_full += 1
            return None
        self.counters.open = self._gate.open
        self.counters.pushed_out = self._gate.dropped
        return place

    def entered(self, connection: HttpConnection) -> None:
        """Take a connection that can be served."""
        self._connections.add(connection)

    def left(self, connection: HttpConnection) -> None:
        """Forget an admitted connection that has ended."""
        self._connections.discard(connection)
        self.release(connection.place)

    def release(self, place: Place | None) -> None:
        """Count a connection no longer."""
        if place is not None:
            place.leave()
        self.counters.open = self._gate.open

    def _take(self, context: ssl.SSLContext, client: socket.socket, address: str) -> None:
        place = self.admit(address)
        if place is not None:
            place.drop = self._handshakes.begin(client, place, context, partial(HttpConnection, self)).abort
        else:
            client.close()

    def _no_room(self) -> None:
        self.counters.accept_failures += 1

    def _handshake_failed(self, place: Place, _error: Exception) -> None:
        # Everything that a client can do wrong in a handshake; the log of a server need not repeat it.
        self.counters.handshake_failures += 1
        self.release(place)

    def _stamp(self) -> None:
        self.stamp = f"\r\nServer: mixedmode\r\nDate: {formatdate(usegmt=True)}\r\n".encode()


__all__ = ["HttpLimits", "HttpService"]
