"""Where TCP connections come in: the listening socket, taking what comes, and waiting for the last.

A door takes a bounded number of connections at a time, so that those that are served have their turn, and rests for a
moment when the system has no room for another: asking again at once would only burn the processor. How many there may
be is for :mod:`mixedmode.services.net.gate` to say.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sized
from time import monotonic
from typing import Final, Generic, TypeVar

from mixedmode.causes import cannot_listen

BACKLOG: Final = 4096
_ACCEPT_AT_ONCE: Final = 64
_PAUSE_SECONDS: Final = 0.1
"""Until connections are taken again when there are no more file descriptors."""
Client = TypeVar("Client")
"""A connection: a socket, or its descriptor."""


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


class Door(Generic[Client]):
    """Takes connections from a listening socket.

    Args:
        listener: The socket, which is the door's from now on.
        take: Given each connection, not blocking and without Nagle's delay, with its client's address.
        failed: Told when the system has no room for another connection.
        accept: Takes one, as :func:`accept` does.
    """

    def __init__(
        self,
        listener: socket.socket,
        take: Callable[[Client, str], None],
        failed: Callable[[], None],
        accept: Callable[[socket.socket], tuple[Client, str]],
    ) -> None:
        self._listener = listener
        self._take, self._failed, self._accept_one = take, failed, accept
        self._resume: asyncio.TimerHandle | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        name = self._listener.getsockname()
        return str(name[0]), int(name[1])

    def open(self) -> None:
        """Take connections from now on."""
        self._resume = None
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def rest(self) -> None:
        """Take no connections; they wait in the backlog."""
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def close(self) -> None:
        """Rest for good. Closing twice does no harm."""
        self.rest()
        self._listener.close()

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            try:
                client, address = self._accept_one(self._listener)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                if self._listener.fileno() < 0:
                    return  # closed meanwhile
                self._failed()
                self.rest()
                self._resume = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self.open)
                return
            self._take(client, address)


async def emptied(connections: Sized, timeout: float) -> int:
    """Wait until a collection of connections is empty; return how many are left after ``timeout`` seconds."""
    end = monotonic() + timeout
    # A look now and then costs connections nothing; telling a waiter would cost every one of them.
    while connections and monotonic() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return len(connections)
