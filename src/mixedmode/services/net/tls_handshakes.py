"""TLS handshakes under way: counted out when they end, and ended when they take too long."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

from mixedmode.services.net.gate import Place
from mixedmode.services.net.tls_channel import READ_BYTES, Channel
from mixedmode.services.net.tls_transport import TlsTransport


class Handshakes:
    """The handshakes of one service.

    Args:
        seconds: For one of them.
        failed: Told the client and the reason of each that failed.
    """

    def __init__(self, seconds: float, failed: Callable[[Place, Exception], None]) -> None:
        self._seconds = seconds
        self._failed = failed
        # One for all: memory for each reading would be got and given back each time.
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: dict[TlsTransport, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(
        self, client: socket.socket, place: Place, context: ssl.SSLContext, make: Callable[[Place], asyncio.Protocol]
    ) -> TlsTransport:
        """Shake hands on a connection; return its transport.

        Args:
            client: The connection, which does not block.
            place: Its client's place at the door.
            context: Keys and versions.
            make: Given the client when the handshake has succeeded; returns the protocol to tell from then on.
        """
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        transport = TlsTransport(loop, Channel(loop, client, context, self._buffer), place, make, self._ended)
        self._under_way[transport] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)
        return transport

    def close(self) -> None:
        """End all of them. Closing twice does no harm."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None
        for transport in list(self._under_way):
            transport.abort()

    def _ended(self, transport: TlsTransport, place: Place, error: Exception | None) -> None:
        del self._under_way[transport]
        if error is not None:
            self._failed(place, error)

    def _look(self) -> None:
        """End those that are late; the oldest is the first, since all have the same time."""
        self._timer = None
        loop = asyncio.get_running_loop()
        late = []
        for transport, deadline in self._under_way.items():
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._look)
                break
            late.append(transport)
        for transport in late:
            transport.abort()
