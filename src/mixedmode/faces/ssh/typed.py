"""What a client of the command line types, read ahead, so that Ctrl-C and a client that leaves are heard at any time.

Rules:

1. Ctrl-C on a terminal takes back everything that was typed and not read yet, as terminals do. Without a terminal
   it is a character; an SSH break or the signal INT means it there too.
2. A bounded part is read ahead; then the client waits (SSH's window), and so does what is behind in its line.
3. The end of the input and the end of the client are told apart: what was sent before the end is still obeyed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import asyncssh

AHEAD: Final = 1 << 16
"""Characters that are read ahead."""
_READ: Final = 4096
_BREAK: Final = "\x03"
_ENDING_SIGNALS: Final = frozenset({"HUP", "TERM", "QUIT", "KILL"})


class TypedInput:
    """The input of one session.

    Args:
        process: The channel.
        watched: Whether a terminal is at the other end.
        stirred: Called at Ctrl-C, and when the client is gone.
        resized: Told the new width of the terminal.

    Attributes:
        gone: Whether nobody is there any more.
    """

    def __init__(
        self,
        process: asyncssh.SSHServerProcess[str],
        *,
        watched: bool,
        stirred: Callable[[], None],
        resized: Callable[[int], None],
    ) -> None:
        self.gone = False
        self._stirred = stirred
        self._process = process
        self._watched = watched
        self._resized = resized
        self._text = ""
        self._at = 0
        self._ended = False
        self._returned = False
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def pump(self) -> None:
        """Read until the client leaves."""
        try:
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(self._read_all())
                # A client may leave while its input waits for room.
                await self._process.channel.wait_closed()
                reading.cancel()
        finally:
            self._text, self._at = "", 0  # nobody sees what would become of it
            self._end()
            self.gone = True
            self._stirred()

    async def _read_all(self) -> None:
        try:
            while await self._read():
                await self._room.wait()
        except (asyncssh.Error, OSError):
            self._process.channel.abort()
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._more.set()

    async def take(self, most: int) -> str:
        """Return the next characters, ``most`` of them or less; empty at the end of the input."""
        while self._at >= len(self._text):
            if self._ended:
                return ""
            self._more.clear()
            await self._more.wait()
        taken = self._text[self._at : self._at + most]
        self._at += len(taken)
        if self._at >= AHEAD // 2 or self._at >= len(self._text):
            self._text, self._at = self._text[self._at :], 0
        if len(self._text) - self._at < AHEAD:
            self._room.set()
        return taken

    def give_back(self, text: str) -> None:
        """Put back the end of what was taken last."""
        if self._at >= len(text):
            self._at -= len(text)
        else:
            self._text, self._at = text + self._text[self._at :], 0

    async def line(self, limit: int) -> str | None:
        """Return the next line with its end, without one at the end of the input; None if there is nothing.

        Args:
            limit: What is longer is cut after so many characters; what is left of it is thrown away.
        """
        found = ""
        while text := await self.take(_READ):
            line, end, rest = text.partition("\n")
            found += (line + end)[: limit + 1 - len(found)] if len(found) <= limit else ""
            if end:
                self.give_back(rest)
                return found if found.endswith("\n") else f"{found}\n"
        return found or None

    async def _read(self) -> bool:
        try:
            text = await self._process.stdin.read(_READ)
        except asyncssh.TerminalSizeChanged as size:
            self._resized(size.width)
            return True
        except asyncssh.BreakReceived:
            self._interrupt("")
            return True
        except asyncssh.SignalReceived as received:
            if received.signal in _ENDING_SIGNALS:
                raise ConnectionResetError from received
            if received.signal == "INT":
                self._interrupt("")
            return True
        if not text:
            return False
        at = -1
        if self._watched:
            text = self._one_end_a_line(text)
            at = text.rfind(_BREAK)
        if at >= 0:
            self._interrupt(text[at + 1 :])
            return True
        self._text += text
        self._more.set()
        if len(self._text) - self._at >= AHEAD:
            self._room.clear()
        return True

    def _one_end_a_line(self, text: str) -> str:
        """Return what a terminal sent with lines that end in CR; pasted ones may end in CR and LF."""
        rest = text.removeprefix("\n") if self._returned else text
        self._returned = text.endswith("\r")
        return rest.replace("\r\n", "\r")

    def _interrupt(self, rest: str) -> None:
        self._text, self._at = rest, 0
        self._room.set()
        self._stirred()
        if rest:
            self._more.set()


class History:
    """A walk through the lines of a session, from behind its last one."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._at = len(self._lines)

    def step(self, by: int) -> str | None:
        """Return the line there, empty behind the last one; None if there is none."""
        if not 0 <= self._at + by <= len(self._lines):
            return None
        self._at += by
        return self._lines[self._at] if self._at < len(self._lines) else ""
