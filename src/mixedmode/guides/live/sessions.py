"""The prompts of a cluster's nodes, opened when they are first used, one after another (live-cluster.md 0.4).

A node that refused a login, or whose host key is not to be trusted, is not tried again by this process: nodes lock
accounts that fail too often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from mixedmode.errors import CheckFailedError, MixedModeError, UsageError
from mixedmode.guides.live.transcript import Transcript
from mixedmode.live.allowed.shell import check_line
from mixedmode.live.shell.login import SshAccount
from mixedmode.live.shell.prompt import Patience
from mixedmode.live.shell.session import AdminShell, Decide

_NOTHING: Final[Mapping[str, str]] = {}
_IDLE_SECONDS: Final = 60.0
"""After which a prompt is opened anew: while a person thinks nobody answers the node's keep-alives."""


class Sessions:
    """The prompts.

    Args:
        account_of: Returns who logs in to a node; may ask a person for the password, once.
        transcript: Where it is written down.
        patience: How long and how much.
    """

    def __init__(
        self, account_of: Callable[[str], SshAccount], transcript: Transcript, patience: Patience | None = None
    ) -> None:
        self._account_of, self._transcript = account_of, transcript
        self._patience = patience
        self._open: dict[str, AdminShell] = {}
        self._refused: dict[str, MixedModeError] = {}
        self._used: dict[str, float] = {}

    async def run(
        self,
        node: str,
        line: str,
        answers: Mapping[str, str] = _NOTHING,
        *,
        decide: Decide | None = None,
        typing: Callable[[], None] = lambda: None,
    ) -> tuple[str, ...]:
        """Type a command at a node's prompt; return what it printed.

        Args:
            node: Its name.
            line: The command.
            answers: To its questions.
            decide: Answers the others.
            typing: Called once the prompt waits, right before the command is typed.

        Raises:
            MixedModeError: Nobody could log in, or it did not end as it should; that prompt is closed then.
        """
        shell = await self._shell(node)
        typing()
        self._transcript.note(f"admin:{line}", of=node)
        try:
            said = await shell.run(line, answers, decide=decide)
        except BaseException as error:
            self._transcript.note(f"-- {error}", of=node)
            await self._drop(node)
            raise
        self._transcript.note(*said, of=node)
        return said

    async def look(self, node: str, line: str) -> tuple[str, ...]:
        """Type what only reads (live-cluster.md 0.3); the transcript has the command alone.

        Raises:
            NotAllowedError: It may do something else.
            MixedModeError: Nobody could log in, or it did not end as it should.
        """
        check_line(line)
        shell = await self._shell(node)
        try:
            said = await shell.run(line)
        except BaseException as error:
            self._transcript.note(f"admin:{line}", f"-- {error}", of=node)
            await self._drop(node)
            raise
        self._transcript.note(f"(looked: {line})", of=node)
        return said

    async def _shell(self, node: str) -> AdminShell:
        """Return the prompt of a node; one whose connection ended meanwhile is opened anew."""
        shell, now = self._open.get(node), asyncio.get_running_loop().time()
        idle, self._used[node] = now - self._used.get(node, now), now
        if shell is not None and not shell.gone and idle < _IDLE_SECONDS:
            return shell
        if shell is not None:
            await shell.close()
        if node in self._refused:
            raise self._refused[node]
        account = self._account_of(node)
        self._transcript.note(f"-- login of {account.user} at {account.where}", of=node)
        try:
            self._open[node] = opened = await AdminShell.open(account, self._patience)
        except (UsageError, CheckFailedError) as error:
            self._refused[node] = error
            raise
        return opened

    async def _drop(self, node: str) -> None:
        shell = self._open.pop(node, None)
        if shell is not None and not shell.gone:
            await shell.close()

    async def close(self) -> None:
        """Leave every prompt."""
        for shell in self._open.values():
            await shell.close()
        self._open.clear()
