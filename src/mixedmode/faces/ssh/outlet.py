"""What a session writes, joined within a turn of the event loop: a long answer is a few packets, not one for a line."""

from __future__ import annotations

import asyncio
from typing import Protocol

_MOST = 16_384
"""Characters that are held back; a packet of SSH carries 32,768 bytes."""


class Writer(Protocol):
    """The end of a channel that takes text."""

    def write(self, data: str) -> None:
        """Take text; raise :exc:`OSError` if the other side is gone."""

    async def drain(self) -> None:
        """Wait until the other side has room."""


class Outlet:
    """Text on its way to a channel.

    Args:
        writer: The channel.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._held: list[str] = []
        self._size = 0
        self._due: asyncio.Handle | None = None
        self._failed: OSError | None = None

    def put(self, text: str) -> None:
        """Take text; it is sent at the end of this turn of the loop, at once if it is much.

        Raises:
            OSError: The other side is gone; what was put before it was known is lost.
        """
        if self._failed is not None:
            raise self._failed
        self._held.append(text)
        self._size += len(text)
        if self._size >= _MOST:
            self.flush()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_soon(self._turn_ended)

    def flush(self) -> None:
        """Send what was put.

        Raises:
            OSError: The other side is gone.
        """
        if self._due is not None:
            self._due.cancel()
            self._due = None
        text = "".join(self._held)
        self._held.clear()
        self._size = 0
        self._writer.write(text)

    async def drain(self) -> None:
        """Wait until the other side has room for more."""
        await self._writer.drain()

    def _turn_ended(self) -> None:
        try:
            self.flush()
        except OSError as error:
            self._failed = error
