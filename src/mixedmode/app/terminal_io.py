"""The terminal as a wizard talks to it."""

from __future__ import annotations

import asyncio
import getpass
import sys

from mixedmode.admin.shell.talk import BreakError


class TerminalIO:
    """Standard input and output."""

    @property
    def page_height(self) -> int | None:
        """Nothing is paged."""
        return None

    async def write(self, line: str) -> None:
        """Write a line."""
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Ask for a line; a secret one is not shown.

        Raises:
            BreakError: There is no more input.
        """
        return await asyncio.to_thread(_read, prompt, secret=secret)


def _read(prompt: str, *, secret: bool) -> str:
    try:
        if secret and sys.stdin.isatty():
            return getpass.getpass(prompt)
        return input(prompt)
    except EOFError as error:
        raise BreakError("there is no more input: nothing was changed") from error
