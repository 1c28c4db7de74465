"""The one door of every TCP service: listening, accepting, limits, places, TLS, and handing over to the protocol.

Rules:

1. Each connection has its place from its first moment, before anything of it is read; the gate says how many there
   may be, in all and from one source, who has to go, and what is kept for this machine
   (:mod:`mixedmode.services.net.gate`). What is one too many is closed at once, or told so where the service has words.
2. With TLS the handshake has its time from the first moment on, so a client that sends nothing is ended by it; the
   protocol is made when the handshake has succeeded. Without TLS it is made at once and has its own first deadline.
3. A bounded number of connections is taken at a time, so that those that are served have their turn; the door rests for
   a moment when the system has no room for another: asking again at once would only burn the processor.
4. Without TLS the event loop's own server accepts: its transports are the fastest there are.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from mixedmode.causes import cannot_listen
from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.services.net.gate import Place
from mixedmode.services.net.guests import Guests
from mixedmode.services.net.service import Address
from mixedmode.services.net.tls_handshakes import Handshakes

BACKLOG: Final = 4096
_ACCEPT_AT_ONCE: Final = 64
_PAUSE_SECONDS: Final = 0.1
"""Until connections are taken again when there are no more file descriptors."""
Tls = ssl.SSLContext | Callable[[], ssl.SSLContext]
"""Keys and versions; or what says them for each connection anew, and may block."""


def listen(what: str, host: str, port: int, *, backlog: int = BACKLOG, reuse_port: bool = False) -> socket.socket:
    """Return a listening socket that does not block.

    Args:
        what: The service, as it stands at the beginning of an error: ``CallManager``.
        host: Address; ``0.0.0.0`` and ``::`` mean all.
        port: TCP port; 0 chooses a free one.
        backlog: Connections that may wait to be taken.
        reuse_port: Let several processes share the port.

    Raises:
        RemoteError: The address cannot be had.
    """
    listener = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections have it from here: a call less for each of them.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(backlog)
    except (OSError, UnicodeError) as error:
        if listener is not None:
            listener.close()
        raise cannot_listen(what, host, port, error) from error
    return listener


def accept(listener: socket.socket) -> tuple[socket.socket, str]:
    """Return the next connection, which does not block, with its client's address.

    Raises:
        OSError: There is none, or no room for it.
    """
    client, address = listener.accept()
    client.setblocking(False)
    return client, str(address[0])


def _tell_nobody(_place: Place, _error: Exception) -> None:
    """Everything that a client can do wrong in a handshake; the log of a server need not repeat it."""


class TcpDoor:
    """A door.

    Args:
        what: The service, as it stands at the beginning of an error.
        where: The address; port 0 chooses a free one.
        guests: Who is there, through this door and others of the service.
        make: Returns the protocol for a client that is ready, after its handshake if there is one.
        handshake_seconds: For the TLS handshake.
        failed: Told of each handshake that failed.
        refusal: Says what a client without TLS is told when there is no place for it.
        elsewhere: Whether any free port will do when the wanted one is taken.
        backlog: Connections that may wait to be taken.
        reuse_port: Let several processes share the port.

    Attributes:
        tls: Keys and versions, None without TLS. They may be replaced by others while the door is open.
    """

    def __init__(
        self,
        what: str,
        where: Address,
        guests: Guests[Any],
        make: Callable[[Place], asyncio.Protocol],
        *,
        handshake_seconds: float = 10.0,
        failed: Callable[[Place, Exception], None] = _tell_nobody,
        refusal: Callable[[], bytes] = bytes,
        elsewhere: bool = False,
        backlog: int = BACKLOG,
        reuse_port: bool = False,
    ) -> None:
        self.tls: Tls | None = None
        self._what, self._where = what, where
        self._guests = guests
        self._make = make
        self._failed = failed
        self._refusal = refusal
        self._elsewhere = elsewhere
        self._backlog, self._reuse_port = backlog, reuse_port
        self._handshakes = Handshakes(handshake_seconds, self._handshake_failed)
        self._asking: set[asyncio.Task[ssl.SSLContext]] = set()
        self._server: asyncio.Server | Acceptor | None = None

    async def open(self) -> Address:
        """Listen and take connections; return where.

        Raises:
            RemoteError: The address cannot be had.
        """
        listener = self._listen()
        name = listener.getsockname()
        if self.tls is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: _Newcomer(self), sock=listener, backlog=self._backlog)
        else:
            self._server = Acceptor(listener, self._take, self._no_room)
        return str(name[0]), int(name[1])

    def close(self) -> None:
        """Take no more connections and end the handshakes; guests stay. Closing twice does no harm."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._handshakes.close()
        for task in list(self._asking):
            task.cancel()

    def receive(self, transport: asyncio.Transport) -> None:
        """Give a connection without TLS its protocol, or turn it away."""
        address = (transport.get_extra_info("peername") or ("",))[0]
        place = self._guests.admit(str(address))
        if place is None:
            transport.write(self._refusal())
            transport.close()
            return
        place.drop = transport.abort
        protocol = self._made(place)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)

    def _listen(self) -> socket.socket:
        host, port = self._where
        try:
            return listen(self._what, host, port, backlog=self._backlog, reuse_port=self._reuse_port)
        except RemoteError:
            if not self._elsewhere or port == 0:
                raise
            return listen(self._what, host, 0, backlog=self._backlog)

    def _take(self, client: socket.socket, address: str) -> None:
        tls = self.tls
        place = None if tls is None else self._guests.admit(address)
        if place is None or tls is None:
            client.close()
        elif isinstance(tls, ssl.SSLContext):
            self._shake_hands(client, place, tls)
        else:
            task = asyncio.get_running_loop().create_task(asyncio.to_thread(tls))
            place.drop = task.cancel
            self._asking.add(task)
            task.add_done_callback(partial(self._asked, client, place))

    def _asked(self, client: socket.socket, place: Place, task: asyncio.Task[ssl.SSLContext]) -> None:
        """Shake hands with what was said for this connection, unless it has to go."""
        self._asking.discard(task)
        error = None if task.cancelled() else task.exception()
        if not task.cancelled() and error is None:
            self._shake_hands(client, place, task.result())
            return
        client.close()
        if isinstance(error, MixedModeError):
            self._handshake_failed(place, error)
            return
        place.leave()
        if error is not None:
            raise error

    def _shake_hands(self, client: socket.socket, place: Place, context: ssl.SSLContext) -> None:
        place.drop = self._handshakes.begin(client, place, context, self._shaken).abort

    def _shaken(self, place: Place) -> asyncio.Protocol:
        self._guests.handshakes += 1
        return self._made(place)

    def _made(self, place: Place) -> asyncio.Protocol:
        """Return a protocol; where there is none, nobody else gives the place back."""
        try:
            return self._make(place)
        except BaseException:
            place.leave()
            raise

    def _handshake_failed(self, place: Place, error: Exception) -> None:
        self._guests.handshake_failures += 1
        self._failed(place, error)
        place.leave()

    def _no_room(self) -> None:
        self._guests.accept_failures += 1


class _Newcomer(asyncio.Protocol):
    """A connection without TLS until it has a place; what is turned away is not listened to."""

    __slots__ = ("_door",)

    def __init__(self, door: TcpDoor) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Come in."""
        self._door.receive(cast(asyncio.Transport, transport))


class Acceptor:
    """Takes connections from a listening socket of its own (rule 3).

    Args:
        listener: The socket, which is the acceptor's from now on.
        take: Given each connection, not blocking and without Nagle's delay, with its client's address.
        failed: Told when the system has no room for another connection.
    """

    def __init__(
        self, listener: socket.socket, take: Callable[[socket.socket, str], None], failed: Callable[[], None]
    ) -> None:
        self._listener = listener
        self._take, self._failed = take, failed
        self._resume: asyncio.TimerHandle | None = None
        self._open()

    def close(self) -> None:
        """Take none any more. Closing twice does no harm."""
        self._rest()
        self._listener.close()

    def _open(self) -> None:
        self._resume = None
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _rest(self) -> None:
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            try:
                client, address = accept(self._listener)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                if self._listener.fileno() < 0:
                    return  # closed meanwhile
                self._failed()
                self._rest()
                self._resume = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._open)
                return
            self._take(client, address)
