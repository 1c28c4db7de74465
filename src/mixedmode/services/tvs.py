"""The TVS service: TLS connections, each with a state machine and a deadline, in front of the look-up.

Rules:

1. A connection costs nothing but memory until its client does something: the handshake, a request and silence between
   requests have their time, and nobody waits for anybody else. There is no thread or task for a connection once its
   handshake is done.
2. Connections are bounded, in all and for each client address; what is too much is closed at once. A connection serves
   a bounded number of requests, one after the other, each of bounded size.
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

from mixedmode.errors import MixedModeError, RemoteError, UsageError
from mixedmode.services.tvs_connection import TvsConnection, TvsLimits
from mixedmode.services.tvs_files import WatchedList
from mixedmode.services.tvs_lookup import TrustLookup
from mixedmode.services.tvs_tls import Credentials, TlsFloor, server_context
from mixedmode.services.tvs_trace import PrintedTrace, Trace

_BACKLOG: Final = 4096
_ACCEPT_AT_ONCE: Final = 64
_PAUSE_SECONDS: Final = 0.1
"""Until connections are taken again when there are no more file descriptors."""
_WATCH_SECONDS: Final = 0.4
_CERTIFICATE_SECONDS: Final = 2.0
_SHUTDOWN_SECONDS: Final = 1.0


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
        self._listener: socket.socket | None = None
        self._addresses: Counter[str] = Counter()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._connections: set[TvsConnection] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._resume: asyncio.TimerHandle | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the service listens.

        Raises:
            UsageError: It has not been started.
        """
        if self._listener is None:
            raise UsageError("the TVS service is not running", next_step="call start() first")
        name = self._listener.getsockname()
        return str(name[0]), int(name[1])

    @property
    def port(self) -> int:
        """The port that the service listens on."""
        return self.address[1]

    @property
    def healthy(self) -> bool:
        """Whether connections are taken."""
        return self._listener is not None and self._watcher is not None and not self._watcher.done()

    async def start(self) -> None:
        """Read the lists, load the keys, and listen.

        Raises:
            RemoteError: The address cannot be had.
            UsageError: The keys are of no use, or the service runs already.
        """
        if self._listener is not None:
            raise UsageError("the TVS service is running already")
        await self._load_credentials()
        for each in self._lists:
            self.trace(await asyncio.to_thread(each.refresh))
        self._listener = _listen(*self._where)
        self._take_connections()
        self._watcher = asyncio.create_task(self._watch())

    async def drain(self, timeout: float = 5.0) -> int:
        """Take no more connections, close those that wait for a request, let the others have their answer.

        Returns:
            Connections left after ``timeout`` seconds.
        """
        self._take_no_connections()
        for handshake in self._handshakes:
            handshake.cancel()
        for connection in list(self._connections):
            connection.drain()
        end = monotonic() + timeout
        # A look now and then costs connections nothing; telling a waiter would cost every one of them.
        while self._connections and monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return len(self._connections)

    async def stop(self) -> None:
        """Close everything. Stopping twice does no harm."""
        self._take_no_connections()
        tasks = list(self._handshakes)
        if self._watcher is not None:
            tasks.append(self._watcher)
            self._watcher = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.trace.close()

    def left(self, connection: TvsConnection) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(connection)
        self._release(connection.client)

    def _take_connections(self) -> None:
        self._resume = None
        if self._listener is not None:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _take_no_connections(self) -> None:
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        listener = self._listener
        for _ in range(_ACCEPT_AT_ONCE):
            if listener is None:
                return
            try:
                client, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # Out of file descriptors: asking again at once would only burn the processor.
                self.metrics["accept_failures"] += 1
                self._take_no_connections()
                self._resume = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._take_connections)
                return
            self._admit(client, str(address[0]))

    def _admit(self, client: socket.socket, address: str) -> None:
        self.metrics["connections"] += 1
        if self.metrics["open"] >= self.limits.connections or self._addresses[address] >= self.limits.per_address:
            self.metrics["refused"] += 1
            client.close()
            return
        self.metrics["open"] += 1
        self._addresses[address] += 1
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._shake_hands(client, address))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    def _release(self, address: str) -> None:
        self.metrics["open"] -= 1
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    async def _shake_hands(self, client: socket.socket, address: str) -> None:
        connection = TvsConnection(self, address)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._context,
                ssl_handshake_timeout=self.limits.handshake_seconds,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except (OSError, asyncio.CancelledError):
            # Everything that a client can do wrong in a handshake; the log of a server need not repeat it.
            self.metrics["handshake_failures"] += 1
            if not connection.made:
                client.close()
                self._release(address)
            return
        self._connections.add(connection)
        if connection.ended:
            self._connections.discard(connection)

    async def _load_credentials(self) -> None:
        self._mark = await asyncio.to_thread(self._credentials.mark)
        signers = await asyncio.to_thread(self._credentials.signers)
        self._context = server_context(signers, self._floor)

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


def _listen(host: str, port: int) -> socket.socket:
    listener = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise RemoteError(
            f"TVS cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            next_step="choose another port, or stop what uses it",
        ) from error
    return listener


__all__ = ["TvsLimits", "TvsService"]
