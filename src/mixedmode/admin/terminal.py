"""A session over one SSH channel: prompt, line editing, history, completion, paging, idle time.

Rules:

1. With a terminal, lines are edited and completed here; without one (a pipe) what is read is written back, so that
   the output reads as a transcript.
2. A line that is not finished within the idle time ends the session; so does a client that does not read.
3. What is typed for a password is neither shown nor kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import asyncssh

from mixedmode.admin import texts
from mixedmode.admin.shell.session import AdminSession, Outcome
from mixedmode.admin.shell.talk import INPUT_ENDED, BreakError, IdleError, InputEndedError
from mixedmode.errors import MixedModeError
from mixedmode.printable import printable

PROMPT = texts.PROMPT.line()
_DEFAULT_HEIGHT = 24


class SshTerminal:
    """The other side of a session, at the end of an SSH channel.

    Args:
        process: The channel.
        session: The session.
        idle_seconds: How long to wait for a line, and for a reader.
    """

    def __init__(self, process: asyncssh.SSHServerProcess[str], session: AdminSession, idle_seconds: float) -> None:
        self._process = process
        self._session = session
        self._idle = idle_seconds
        self._watched = process.get_terminal_type() is not None
        self._at_prompt = False
        self._ended = False
        self._history_position = 0
        if self._watched:
            self._register_keys()

    @property
    def _editor(self) -> asyncssh.SSHLineEditorChannel:
        return cast("asyncssh.SSHLineEditorChannel", self._process.channel)

    @property
    def page_height(self) -> int | None:
        """Lines of the client's terminal, None without one."""
        if not self._watched:
            return None
        return self._process.get_terminal_size()[1] or _DEFAULT_HEIGHT

    async def write(self, line: str) -> None:
        """Write a line.

        Raises:
            IdleError: The client does not read.
        """
        await self._put(f"{printable(line)}\n")

    async def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Write a prompt and return the line that was typed."""
        line = await self._read(prompt, secret=secret)
        if line is None:
            raise InputEndedError(INPUT_ENDED)
        return line

    async def converse(self) -> int:
        """Run lines until the client leaves; return the exit code of the last one."""
        await self.write(texts.WELCOME.line())
        await self.write("")
        outcome = Outcome()
        while not outcome.ended:
            try:
                self._at_prompt = True
                line = await self._read(PROMPT)
                self._at_prompt = False
                if line is None:
                    break
                outcome = await self._session.run(line, self)
                self._history_position = len(self._session.history)
            except BreakError:
                await self.write("")
        return outcome.exit_code

    async def run_command(self, command: str) -> int:
        """Run the lines of a command that came with the connection; return the exit code of the first that failed."""
        for line in command.splitlines():
            outcome = await self._session.run(line, self)
            if outcome.exit_code or outcome.ended:
                return outcome.exit_code
        return 0

    async def _put(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._idle):
                self._process.stdout.write(text)
                await self._process.stdout.drain()
        except TimeoutError as error:
            raise IdleError(f"the client did not read for {self._idle:.0f} seconds") from error

    async def _read(self, prompt: str, *, secret: bool = False) -> str | None:
        await self._put(printable(prompt))
        if self._ended:
            await self._put("\n")
            return None
        if self._watched and secret:
            self._editor.set_echo(False)
        try:
            line = await self._read_line()
        finally:
            if self._watched and secret:
                self._editor.set_echo(True)
        if not self._watched:
            await self._put("\n" if secret else f"{printable(line.rstrip())}\n")
        elif secret:
            await self._put("\n")
        if not line.endswith("\n"):
            self._ended = True
        if not line:
            return None
        return line.rstrip("\r\n")

    async def _read_line(self) -> str:
        """Return a line with its end; without one at the end of input."""
        try:
            async with asyncio.timeout(self._idle):
                while True:
                    try:
                        return await self._process.stdin.readline()
                    except asyncssh.TerminalSizeChanged:
                        continue
        except asyncssh.BreakReceived as error:
            raise BreakError("interrupted") from error
        except TimeoutError as error:
            raise IdleError(texts.IDLE.line(seconds=f"{self._idle:.0f}")) from error

    def _register_keys(self) -> None:
        channel = self._editor
        channel.register_key("\t", self._complete)
        channel.register_key("?", self._help)
        for key in ("\x10", "\x1b[A", "\x1bOA"):
            channel.register_key(key, self._older)
        for key in ("\x0e", "\x1b[B", "\x1bOB"):
            channel.register_key(key, self._newer)

    def _complete(self, line: str, position: int) -> tuple[str, int] | bool:
        if not self._at_prompt:
            return False
        try:
            completed, candidates = self._session.complete(line[:position])
        except MixedModeError:
            return False
        if candidates and completed == line[:position]:
            self._show(["  ".join(candidates)])
        elif completed == line[:position]:
            return False
        return completed + line[position:], len(completed)

    def _help(self, line: str, position: int) -> tuple[str, int] | bool:
        """Help at once when ``?`` follows whole words; inside a word or a query it is a character."""
        words = line.split()
        if not self._at_prompt or position != len(line) or (line and line[-1] != " ") or words[:2] == ["run", "sql"]:
            return True
        try:
            self._show(self._session.help(words))
        except MixedModeError:
            return False
        return line, position

    def _show(self, lines: Sequence[str]) -> None:
        self._process.stdout.write("\n" + "".join(f"{printable(line)}\n" for line in lines) + PROMPT)

    def _older(self, line: str, position: int) -> tuple[str, int] | bool:
        return self._from_history(-1)

    def _newer(self, line: str, position: int) -> tuple[str, int] | bool:
        return self._from_history(1)

    def _from_history(self, step: int) -> tuple[str, int] | bool:
        history = self._session.history
        wanted = self._history_position + step
        if not self._at_prompt or not 0 <= wanted <= len(history):
            return False
        self._history_position = wanted
        line = history[wanted] if wanted < len(history) else ""
        return line, len(line)
