"""A listening TCP socket of CallManager: takes connections a few at a time, rests when there is no room for more."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from mixedmode.errors import RemoteError

_BACKLOG: Final = 4096
_ACCEPT_AT_ONCE: Final = 64
_PAUSE_SECONDS: Final = 0.1
"""Until connections are taken again when there are no more file descriptors."""


class PhonePort:
    """One port.

    Args:
        host: Address; ``0.0.0.0`` and ``::`` mean all.
        port: TCP port; 0 chooses a free one.
        admit: Given each connection, not blocking, with its client's address.
        failed: Told when the system has no room for another connection.

    Raises:
        RemoteError: The address cannot be had.
    """

    def __init__(
        self, host: str, port: int, admit: Callable[[socket.socket, str], None], failed: Callable[[], None]
    ) -> None:
        self._admit, self._failed = admit, failed
        self._resume: asyncio.TimerHandle | None = None
        self._listener = _listen(host, port)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        name = self._listener.getsockname()
        return str(name[0]), int(name[1])

    def take(self) -> None:
        """Take connections from now on."""
        self._resume = None
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def rest(self) -> None:
        """Take no connections."""
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
                client, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # Out of file descriptors: asking again at once would only burn the processor.
                self._failed()
                self.rest()
                self._resume = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self.take)
                return
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._admit(client, str(address[0]))


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
            f"CallManager cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            next_step="choose another port, or stop what uses it",
        ) from error
    return listener
