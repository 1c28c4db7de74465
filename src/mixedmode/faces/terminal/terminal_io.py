"""The terminal as a wizard talks to it."""

from __future__ import annotations

import sys

from mixedmode.faces.shell.talk import InputEndedError
from mixedmode.pki.ask import EndOfInputError, ask_line
from mixedmode.printable import printable


class TerminalIO:
    """Standard input and output."""

    @property
    def page_height(self) -> int | None:
        """Nothing is paged."""
        return None

    async def write(self, line: str) -> None:
        """Write a line."""
        sys.stdout.write(f"{printable(line)}\n")
        sys.stdout.flush()

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Ask for a line; a secret one is not shown.

        The loop waits too: a wizard has nothing else to do, and a thread that reads would not end by Ctrl-C.

        Raises:
            InputEndedError: There is no more input.
            KeyboardInterrupt: Ctrl-C was typed.
        """
        try:
            return ask_line(prompt, secret=secret, out=sys.stdout)
        except EndOfInputError as error:
            raise InputEndedError("there is no more input: nothing was changed") from error
