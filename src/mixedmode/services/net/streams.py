"""Guests that a coroutine serves, for protocols whose few clients take turns with the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from mixedmode.services.net.gate import Place
from mixedmode.services.net.guests import Guests

_READ_AHEAD: Final = 1 << 17
_log = logging.getLogger(__name__)


class StreamGuest(asyncio.StreamReaderProtocol):
    """A connection with a coroutine, which ends when the coroutine does.

    Args:
        guests: Where it is counted.
        place: The client's place at the door.
        serve: Serves it; a broken connection is for it to catch.
        drained: Called when nothing new shall be taken.

    Attributes:
        reader: Bytes of the client.
        writer: Bytes to the client.
    """

    writer: asyncio.StreamWriter

    def __init__(
        self,
        guests: Guests[StreamGuest],
        place: Place,
        serve: Callable[[StreamGuest], Coroutine[Any, Any, None]],
        drained: Callable[[StreamGuest], None] = lambda _guest: None,
    ) -> None:
        self.place = place
        self.reader = asyncio.StreamReader(_READ_AHEAD)
        super().__init__(self.reader)
        self._guests = guests
        self._serve = serve
        self._drained = drained
        self._served: asyncio.Task[None] | None = None
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self.writer = asyncio.StreamWriter(transport, self, self.reader, loop)  # type: ignore[arg-type]
        self._guests.entered(self, self.place)
        self._served = loop.create_task(self._serve(self))
        # Not the coroutine's own end: one that is cancelled before its first step has none.
        self._served.add_done_callback(self._ended)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the coroutine see the end, and leave when it has ended too."""
        super().connection_lost(exc)
        self._lost = True
        self._leave_if_over()

    def drain(self) -> None:
        """Take nothing new."""
        self._drained(self)

    def abort(self) -> None:
        """End what serves it, and with it the connection."""
        if self._served is not None:
            self._served.cancel()

    def _ended(self, served: asyncio.Task[None]) -> None:
        if not served.cancelled() and (error := served.exception()) is not None:
            _log.error("a connection of %s failed", self.place.address, exc_info=error)
        self.writer.close()
        self._leave_if_over()

    def _leave_if_over(self) -> None:
        if self._lost and (self._served is None or self._served.done()):
            self._guests.left(self)
