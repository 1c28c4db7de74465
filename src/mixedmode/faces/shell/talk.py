"""How a command writes and asks: over SSH, on a terminal, or from a script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from mixedmode.errors import UsageError
from mixedmode.faces.shell import texts

INPUT_ENDED = "there is no more input"


class TalkError(UsageError):
    """The other side cannot be talked to; this ends a command wherever it is."""


class BreakError(TalkError):
    """Ctrl-C was typed: the command ends, the session goes on."""

    default_code = "break"


class InputEndedError(TalkError):
    """The input ended, or Ctrl-D was typed, where an answer was needed: that is a no, and the command ends."""

    default_code = "end-of-input"


class IdleError(TalkError):
    """Nothing was typed, or nothing was read, for too long: the session ends."""

    default_code = "idle"


class AdminIO(Protocol):
    """The other side of a session."""

    @property
    def page_height(self) -> int | None:
        """Lines of the terminal; None if nobody watches, so that nothing is paged."""

    async def write(self, line: str) -> None:
        """Write a line (without its end).

        Raises:
            IdleError: The other side does not read.
        """

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Write a prompt and return the line that was typed.

        Args:
            prompt: Written without an end of line.
            secret: Do not show what is typed.

        Raises:
            IdleError: Nothing was typed for too long.
            BreakError: Ctrl-C was typed.
            InputEndedError: There is no more input.
        """


class ScriptedIO:
    """Answers from a list, and keeps the transcript as an administrator would see it.

    Args:
        answers: To the questions, in order; when they are used up, the input has ended.

    Attributes:
        lines: Everything written, a prompt with its answer on one line.
    """

    def __init__(self, answers: Iterable[str] = ()) -> None:
        self.lines: list[str] = []
        self._answers = list(answers)

    @property
    def page_height(self) -> int | None:
        """Nobody watches."""
        return None

    @property
    def unused(self) -> list[str]:
        """Answers that nobody asked for yet."""
        return list(self._answers)

    async def write(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Give the next answer."""
        if not self._answers:
            self.lines.append(prompt)
            raise InputEndedError(INPUT_ENDED)
        answer = self._answers.pop(0)
        self.lines.append(prompt + ("" if secret else answer))
        return answer


async def write_paged(io: AdminIO, lines: Sequence[str]) -> None:
    """Write lines a page at a time, as ``file view`` does; all at once when nobody watches."""
    height = io.page_height
    if height is None or len(lines) < height:
        for line in lines:
            await io.write(line)
        return
    page = max(height - 2, 1)
    last_start = (len(lines) - 1) // page * page
    start = 0
    while True:
        end = min(start + page, len(lines))
        for line in lines[start:end]:
            await io.write(line)
        if end == len(lines):
            await io.write(texts.END_OF_PAGES.line())
        try:
            answer = (await io.ask(texts.PAGE.line(first=start + 1, last=end, total=len(lines)))).strip().lower()
        except InputEndedError:
            return
        moves = {"": start + page, "n": start + page, "p": start - page, "b": 0, "e": last_start}
        if answer not in moves or (answer in {"", "n"} and end == len(lines)):
            return
        start = max(moves[answer], 0)
