"""A transcript of a guided run for the change record: what was asked, typed, printed and found, with times.

The file is its owner's alone (0600) and only grows; each line has its time, UTC. Passwords never come here: they go
from where they are kept to the SSH client. One that a person types at the wrong question, or that a node prints, is
blotted out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from mixedmode.causes import file_error
from mixedmode.faces.shell.talk import AdminIO
from mixedmode.live.shell.blots import HIDDEN, Blots

_PRIVATE: Final = 0o600


class Transcript:
    """A transcript.

    Args:
        path: The file; made if needed. None keeps none.
        now: The time, UTC.
    """

    def __init__(self, path: Path | None, now: Callable[[], datetime]) -> None:
        self.path, self._now = path, now
        self._blots = Blots()

    def hide(self, secret: str) -> None:
        """Blot a secret out wherever it stands."""
        self._blots.hide(secret)

    def note(self, *lines: str, of: str = "") -> None:
        """Add lines.

        Args:
            lines: What was said.
            of: The node, where it was said there.

        Raises:
            UsageError: The file cannot be written, or others could read it.
        """
        if self.path is None or not lines:
            return
        moment = self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
        begin = f"{moment} {f'[{of}] ' if of else ''}"
        text = "".join(f"{begin}{self._blots.of(line)}".rstrip() + "\n" for line in lines)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            file = os.open(self.path, flags, _PRIVATE)
            try:
                if os.name == "posix":
                    os.fchmod(file, _PRIVATE)
                data = text.encode()
                while data:
                    data = data[os.write(file, data) :]
            finally:
                os.close(file)
        except OSError as error:
            raise file_error(error) from error


class WrittenIO:
    """A person whose every word and everything he is told goes into a transcript; secrets do not.

    Args:
        io: The person.
        transcript: Where it goes.
    """

    def __init__(self, io: AdminIO, transcript: Transcript) -> None:
        self._io, self._transcript = io, transcript

    @property
    def page_height(self) -> int | None:
        """Lines of the terminal."""
        return self._io.page_height

    async def write(self, line: str) -> None:
        """Write a line."""
        self._transcript.note(line)
        await self._io.write(line)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Ask, and return the line that was typed."""
        answer = await self._io.ask(prompt, secret=secret)
        self._transcript.note(f"{prompt}{HIDDEN if secret else answer}")
        return answer
