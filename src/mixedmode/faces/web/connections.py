"""One connection of a browser: uvicorn's HTTP/1.1 behind the door that all services have, with deadlines of its own.

Rules:

1. The first byte of a request and the end of its header are :data:`HEADER_SECONDS` apart at most, whatever trickles in
   between; so are the end of the handshake and the first header. Between requests a connection waits for
   ``timeout_keep_alive``.
2. A header has at most :data:`HEADER_BYTES`; of a body the application takes care (:mod:`.guards`).
3. Who has not signed in makes room for others when the door is full; who has, is kept
   (:mod:`mixedmode.services.net.gate`, rule 3).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from mixedmode.services.net.gate import Place
from mixedmode.services.net.guests import Guests

HEADER_SECONDS: Final = 10.0
HEADER_BYTES: Final = 16 << 10
KEEP_ALIVE_SECONDS: Final = 20


class Browser(H11Protocol):
    """A connection.

    Args:
        config: Of the server; loaded.
        state: Of the server.
        place: The client's.
        guests: Where the connection is counted.
    """

    def __init__(self, config: Config, state: ServerState, place: Place, guests: Guests[Any]) -> None:
        super().__init__(config, state, {"keep": place.settle})
        self._place, self._guests = place, guests
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        self.scheme = "https"
        self._guests.entered(self, self._place)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._forget()
        self._guests.left(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a header that is not whole yet has its time (rule 1)."""
        super().data_received(data)
        self._timed()

    def on_response_complete(self) -> None:
        """Go on with the next request, of which a part may be here already."""
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self._timed()

    def drain(self) -> None:
        """Take nothing new and end when nothing is under way."""
        self.shutdown()

    def abort(self) -> None:
        """End at once."""
        self.transport.abort()

    def _timed(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget()
        elif self._deadline is None:
            self._expect()

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def browsers(config: Config, state: ServerState, guests: Guests[Any]) -> Callable[[Place], asyncio.Protocol]:
    """Return what makes a connection for each client of a door."""
    return lambda place: Browser(config, state, place, guests)
