"""Logs in to a node's ``admin:`` prompt over SSH and runs commands there, one after the other.

Rules:

1. Who may log in where is decided by :mod:`.login`.
2. What may be typed and answered is decided by :mod:`.prompt`; after any surprise the session is closed, and nothing is
   typed any more. A question that was left open is thereby a no.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Self

from mixedmode.live.shell.login import SshAccount, connected, lost
from mixedmode.live.shell.prompt import Asked, Done, Patience, Prompt, Said, Send
from mixedmode.live.shell.questions import Question, seconds_for

Decide = Callable[[Question, str], Awaitable[str | None]]
"""Answers a question that the node asks, given its text; None leaves it."""
_READ_BYTES: Final = 1 << 15
_TERMINAL: Final[Mapping[str, Any]] = {"term_type": "vt100", "term_size": (500, 2000)}
"""So wide and high that neither lines are broken nor pages wait for a key, where a node goes by that."""
_CLOSE_SECONDS: Final = 5.0


class AdminShell:
    """A session; made by :meth:`open`.

    Args:
        account: Who and where.
        connection: Logged in.
        process: With a terminal.
        patience: How long and how much.
    """

    def __init__(self, account: SshAccount, connection: Any, process: Any, patience: Patience) -> None:
        self.account = account
        self._connection, self._process = connection, process
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._prompt = Prompt(account.where, self._now(), patience)
        self._usable = True

    @classmethod
    async def open(cls, account: SshAccount, patience: Patience | None = None) -> AdminShell:
        """Log in, and wait for the prompt.

        Raises:
            CheckFailedError: The host key is not known, or is another one; or the node asks something else.
            UsageError: The login was refused, or the key file cannot be used.
            RemoteError: The node does not answer, or its prompt does not come.
        """
        import asyncssh

        patience = patience or Patience()
        connection = await connected(account, patience)
        shell: AdminShell | None = None
        try:
            process = await connection.create_process(encoding=None, stderr=asyncssh.STDOUT, **_TERMINAL)
            shell = cls(account, connection, process, patience)
            await shell._spoken([], None)
        except (asyncssh.Error, OSError, ValueError) as error:
            connection.abort()
            raise lost(account, error) from error
        except BaseException:
            if shell is not None:
                await shell.close()
            connection.abort()
            raise
        return shell

    async def run(
        self,
        line: str,
        answers: Mapping[str, str] | None = None,
        *,
        decide: Decide | None = None,
        seconds: float | None = None,
        secret: bool = False,
    ) -> tuple[str, ...]:
        """Type a command; return what it printed.

        Args:
            line: The command.
            answers: To its questions, by their names.
            decide: Asked for every other known question; None leaves those.
            seconds: That it may take; by default as its kind needs.
            secret: Whether the answers are secrets.

        Raises:
            UnexpectedPromptError: The node asks something else; nothing was typed there.
            NoPromptError: It did not end in time.
            ConnectionLostError: The session ended before it did.
        """
        if not self._usable:
            raise self._prompt.ended()
        said = self._prompt.type(line, self._now(), seconds or seconds_for(line), answers, secret)
        return await self._spoken(said, decide)

    @property
    def gone(self) -> bool:
        """Whether the session has ended."""
        return not self._usable or self._process.channel.is_closing()

    async def close(self) -> None:
        """Leave."""
        self._usable = False
        self._connection.abort()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _spoken(self, said: list[Said], decide: Decide | None) -> tuple[str, ...]:
        """Speak until the prompt is back."""
        import asyncssh

        try:
            while True:
                for each in said:
                    match each:
                        case Send(text):
                            self._process.stdin.write(text.encode())
                        case Asked(question, text):
                            answer = None if decide is None else await decide(question, text)
                            said = self._prompt.answer(answer, self._now())
                            break
                        case Done(lines):
                            return lines
                else:
                    said = await self._heard()
        except (asyncssh.Error, OSError, ValueError) as error:
            await self.close()
            raise self._prompt.ended() from error
        except BaseException:
            await self.close()
            raise

    async def _heard(self) -> list[Said]:
        """Return what comes of the next text, or of the time."""
        wait = self._prompt.due - self._now()
        # In a loop that is late the time is over before what has come meanwhile was looked at.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(max(wait, 0)):
                data = await self._process.stdout.read(_READ_BYTES)
        except TimeoutError:
            return self._prompt.tick(self._now())
        if not data:
            raise self._prompt.ended()
        return self._prompt.received(self._decoder.decode(data), self._now())

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
