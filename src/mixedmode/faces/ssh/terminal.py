"""A session over one SSH channel: prompt, line editing, history, completion, paging, idle time.

Rules:

1. With a terminal, lines are edited and completed here; without one (a pipe) what is read is written back, so that
   the output reads as a transcript.
2. A line that is not finished within the idle time ends the session; so does a client that does not read.
3. What is typed for a password is neither shown nor kept.
4. Ctrl-C gives up the line, the question or the command, and goes back to the prompt; what an operation has begun
   comes to its end. Ctrl-D at a question is a no, at the prompt it ends the session.
5. A session gives way to others after a moment's work, however much is typed or written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from time import monotonic
from typing import Any, TypeVar

import asyncssh

from mixedmode.errors import MixedModeError
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.session import AdminSession, Outcome
from mixedmode.faces.shell.talk import INPUT_ENDED, BreakError, IdleError, InputEndedError
from mixedmode.faces.shell.tree import LINE_LIMIT
from mixedmode.faces.ssh.line_editor import Event, LineEditor
from mixedmode.faces.ssh.outlet import Outlet
from mixedmode.faces.ssh.typed import History, TypedInput
from mixedmode.printable import printable, printable_block

PROMPT = texts.PROMPT.line()
_DEFAULT_HEIGHT = 24
_AT_ONCE = 512
"""Characters that are edited before the line is drawn."""
_TURN_SECONDS = 0.01

T = TypeVar("T")


class SessionClosedError(MixedModeError):
    """The session may not go on: its account was removed, or its client is gone."""

    exit_code = 1
    default_code = "session-closed"


class SshTerminal:
    """The other side of a session, at the end of an SSH channel.

    Args:
        process: The channel.
        session: The session.
        idle_seconds: How long to wait for a line, and for a reader.
        allowed: Looks whether the session may go on, before each line; calls :meth:`end` if not.
    """

    def __init__(
        self,
        process: asyncssh.SSHServerProcess[str],
        session: AdminSession,
        idle_seconds: float,
        *,
        allowed: Callable[[], Awaitable[None]],
    ) -> None:
        self._process = process
        self._out = Outlet(process.stdout)
        self._allowed = allowed
        self._session = session
        self._idle = idle_seconds
        self._terminal = process.get_terminal_type()
        self._typed = TypedInput(process, watched=self._watched, stirred=self._stirred, resized=self._resize)
        self._editor: LineEditor | None = None
        self._job: asyncio.Task[Any] | None = None
        self._redrawing: asyncio.Task[None] | None = None
        self._reason = ""
        self._turn = monotonic()

    @property
    def _watched(self) -> bool:
        return self._terminal is not None

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
        """Write a prompt and return the line that was typed.

        Raises:
            InputEndedError: The input ended, or Ctrl-D was typed.
            IdleError: Nothing was typed for too long.
        """
        line = await self._read(prompt, secret=secret)
        if line is None:
            raise InputEndedError(INPUT_ENDED)
        return line

    def end(self, reason: str) -> None:
        """Have the session end now, whatever it does."""
        self._reason = reason
        self._stirred()

    async def serve(self, command: str | None) -> int:
        """Run the lines of a command that came with the connection, or lines until the client leaves.

        Returns:
            The exit code of the first line that failed, or of the last one that was typed.

        Raises:
            SessionClosedError: It may not go on.
            IdleError: Nothing was typed, or nothing was read, for too long.
        """
        pump = asyncio.create_task(self._typed.pump())
        try:
            return await (self._converse() if command is None else self._run_command(command))
        except BreakError:
            return 1
        finally:
            beside = (pump, *((self._redrawing,) if self._redrawing else ()))
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            with contextlib.suppress(OSError):
                self._out.flush()

    def say(self, text: str) -> None:
        """Write without waiting; for the last words of a session."""
        self._out.put(text.replace("\n", "\r\n") if self._watched else text)
        self._out.flush()

    async def _converse(self) -> int:
        await self.write(texts.WELCOME.line())
        await self.write("")
        outcome = Outcome()
        while not outcome.ended:
            await asyncio.sleep(0)
            try:
                line = await self._unless_broken(self._read(PROMPT, at_prompt=True))
                if line is None:
                    break
                if not line.strip():
                    continue
                outcome = await self._unless_broken(self._run(line))
            except BreakError:
                await self._put("^C\n")
        return outcome.exit_code

    async def _run_command(self, command: str) -> int:
        for line in command.splitlines():
            outcome = await self._unless_broken(self._run(line))
            if outcome.exit_code or outcome.ended:
                return outcome.exit_code
        return 0

    async def _run(self, line: str) -> Outcome:
        await self._allowed()
        if self._reason:
            raise SessionClosedError(self._reason)
        return await self._session.run(line, self)

    async def _unless_broken(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what comes of some work, unless Ctrl-C or the end of the session comes first (rule 4)."""
        self._job = job = asyncio.create_task(work)
        if self._typed.gone or self._reason:
            job.cancel()
        try:
            await asyncio.wait((job,))
        finally:
            self._job = None
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        if not job.cancelled():
            return job.result()
        if self._reason or self._typed.gone:
            raise SessionClosedError(self._reason or "the client left")
        raise BreakError("interrupted")

    def _stirred(self) -> None:
        if self._job is not None:
            self._job.cancel()

    async def _put(self, text: str) -> None:
        shown = text.replace("\n", "\r\n") if self._watched else text
        await self._send(shown)

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(self._idle):
                self._out.put(text)
                await self._out.drain()
        except TimeoutError as error:
            raise IdleError(f"the client did not read for {self._idle:.0f} seconds") from error
        if monotonic() - self._turn > _TURN_SECONDS:
            await asyncio.sleep(0)
            self._turn = monotonic()

    async def _read(self, prompt: str, *, secret: bool = False, at_prompt: bool = False) -> str | None:
        """Return a line without its end, None if there is none."""
        shown = printable_block(prompt)
        await self._put(shown)
        try:
            async with asyncio.timeout(self._idle):
                if self._watched:
                    line = await self._edited(shown, secret=secret, at_prompt=at_prompt)
                else:
                    line = await self._typed.line(LINE_LIMIT)
        except TimeoutError as error:
            raise IdleError(texts.IDLE.line(seconds=f"{self._idle:.0f}")) from error
        if line is None:
            await self._put("\n")
            return None
        if not self._watched:
            await self._put("\n" if secret else f"{printable(line.rstrip())}\n")
        return line.rstrip("\r\n")

    async def _edited(self, prompt: str, *, secret: bool, at_prompt: bool) -> str | None:
        self._editor = editor = LineEditor(
            prompt,
            limit=LINE_LIMIT,
            width=self._process.get_terminal_size()[0] or 80,
            hidden=secret,
            terminal=self._terminal or "",
        )
        history = History(self._session.history if at_prompt else ())
        try:
            while text := await self._typed.take(_AT_ONCE):
                at = 0
                while at < len(text):
                    at, event = editor.step(text, at)
                    if event is Event.ENTER:
                        self._typed.give_back(text[at:])
                        await self._send(editor.finish())
                        return editor.line
                    if event is Event.END:
                        self._typed.give_back(text[at:])
                        return None
                    if event is not None:
                        await self._serve_key(event, editor, history, at_prompt=at_prompt)
                await self._send(editor.render())
                await asyncio.sleep(0)
        finally:
            self._editor = None
        return None

    async def _serve_key(self, event: Event, editor: LineEditor, history: History, *, at_prompt: bool) -> None:
        if event is Event.QUERY:
            await self._help(editor, at_prompt=at_prompt)
        elif not at_prompt:
            editor.ring()
        elif event is Event.COMPLETE:
            await self._complete(editor)
        else:
            line = history.step(-1 if event is Event.OLDER else 1)
            editor.ring() if line is None else editor.replace(line)

    async def _complete(self, editor: LineEditor) -> None:
        line, position = editor.line, editor.position
        try:
            completed, candidates = await asyncio.to_thread(self._session.complete, line[:position])
        except MixedModeError:
            editor.ring()
            return
        if completed != line[:position]:
            editor.replace(completed + line[position:], len(completed))
        elif candidates:
            await self._show(editor, ["  ".join(candidates)])
        else:
            editor.ring()

    async def _help(self, editor: LineEditor, *, at_prompt: bool) -> None:
        """Help at once when ``?`` follows whole words; inside a word or a query it is a character."""
        line = editor.line
        words = line.split()
        inside = editor.position != len(line) or (line and line[-1] != " ") or words[:2] == ["run", "sql"]
        if not at_prompt or inside:
            editor.insert("?")
            return
        try:
            lines = await asyncio.to_thread(self._session.help, words)
        except MixedModeError:
            editor.ring()
            return
        await self._show(editor, lines)

    async def _show(self, editor: LineEditor, lines: Sequence[str]) -> None:
        await self._send(editor.render())
        await self._put("\n" + "".join(f"{printable(line)}\n" for line in lines))
        editor.written_over()

    def _resize(self, width: int) -> None:
        if self._editor is not None:
            self._editor.resize(width or 80)
            # One at a time: a client that does not read may change its size as often as it likes.
            if self._redrawing is None or self._redrawing.done():
                self._redrawing = asyncio.create_task(self._redraw(self._editor))

    async def _redraw(self, editor: LineEditor) -> None:
        if editor is self._editor:
            with contextlib.suppress(asyncssh.Error, OSError, IdleError):
                await self._send(editor.render())
