"""Where HTTPS connections come in: the listening socket, and handshakes that are counted from their first moment.

An event loop's own server tells of a TLS connection only after its handshake; who connects and says nothing would not
be counted until then. Hence sockets are accepted here, admitted by the service, and only then shake hands.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, Protocol

from mixedmode.errors import RemoteError
from mixedmode.services.http_limits import HttpCounters

BACKLOG: Final = 4096
_ACCEPT_AT_ONCE: Final = 64
_PAUSE_SECONDS: Final = 0.1
"""Until connections are taken again when there are no more file descriptors."""
_SHUTDOWN_SECONDS: Final = 1.0


class Admission(Protocol):
    """Who decides about connections."""

    counters: HttpCounters

    def admit(self, client: str) -> bool:
        """Count a connection from an address, or tell that it is too much."""

    def release(self, client: str) -> None:
        """Count a connection no longer."""


class Guest(asyncio.Protocol):
    """A connection that may come in.

    Attributes:
        made: Whether its handshake succeeded; from then on it is counted out by whom it belongs to.
    """

    __slots__ = ("made",)
    made: bool


class TlsDoor:
    """Accepts TLS connections.

    Args:
        listener: The listening socket, which is the door's from now on.
        context: Keys and versions.
        admission: Decides before the handshake.
        make: Makes the protocol of a connection from an address.
        handshake_seconds: For a handshake.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext,
        admission: Admission,
        make: Callable[[str], Guest],
        *,
        handshake_seconds: float,
    ) -> None:
        self._listener = listener
        self._context = context
        self._admission = admission
        self._make = make
        self._seconds = handshake_seconds
        self._loop = asyncio.get_running_loop()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._resume: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Take connections."""
        self._resume = None
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Take no more connections and end handshakes under way. Closing twice does no harm."""
        if self._listener.fileno() >= 0:
            self._pause()
            self._listener.close()
        for task in self._handshakes:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until the last handshake has ended."""
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _pause(self) -> None:
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        self._loop.remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            try:
                client, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # Out of file descriptors: asking again at once would only burn the processor.
                self._admission.counters.accept_failures += 1
                self._pause()
                self._resume = self._loop.call_later(_PAUSE_SECONDS, self.open)
                return
            host = str(address[0])
            if not self._admission.admit(host):
                client.close()
                continue
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._shake_hands(client, host))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, client: socket.socket, host: str) -> None:
        guest = self._make(host)
        try:
            await self._loop.connect_accepted_socket(
                lambda: guest,
                client,
                ssl=self._context,
                ssl_handshake_timeout=self._seconds,
                ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            )
        except (OSError, asyncio.CancelledError):
            # Everything that a client can do wrong in a handshake; the log of a server need not repeat it.
            self._admission.counters.handshake_failures += 1
            if not guest.made:
                client.close()
                self._admission.release(host)


def listen(host: str, port: int, *, reuse_port: bool) -> socket.socket:
    """Return a listening socket.

    Raises:
        RemoteError: The address cannot be had.
    """
    listener = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise RemoteError(
            f"the HTTP service cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            next_step="choose another port, or stop what uses it",
        ) from error
    return listener
