"""TLS handshakes under way: counted out when they end, and ended when they take too long."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Generic, TypeVar

from mixedmode.services.tls_transport import TlsTransport

P = TypeVar("P", bound=asyncio.Protocol)


class Handshakes(Generic[P]):
    """The handshakes of one service.

    Args:
        seconds: For one of them.
        failed: Told of a connection whose handshake failed, with the reason; its protocol hears nothing else.
    """

    def __init__(self, seconds: float, failed: Callable[[P, Exception], None]) -> None:
        self._seconds = seconds
        self._failed = failed
        self._under_way: dict[TlsTransport, tuple[float, P]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, client: socket.socket, peer: str, context: ssl.SSLContext, protocol: P) -> None:
        """Shake hands on a connection; then the protocol is told that it is made."""
        transport = TlsTransport(client, peer, context, protocol, self._ended)
        loop = asyncio.get_running_loop()
        self._under_way[transport] = loop.time() + self._seconds, protocol
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look)

    def close(self) -> None:
        """End all of them. Closing twice does no harm."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transport in list(self._under_way):
            transport.abort()

    def _ended(self, transport: TlsTransport, error: Exception | None) -> None:
        _, protocol = self._under_way.pop(transport)
        if error is not None:
            self._failed(protocol, error)

    def _look(self) -> None:
        """End those that are late; the oldest is the first, since all have the same time."""
        self._timer = None
        loop = asyncio.get_running_loop()
        late = []
        for transport, (deadline, _) in self._under_way.items():
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._look)
                break
            late.append(transport)
        for transport in late:
            transport.abort()
