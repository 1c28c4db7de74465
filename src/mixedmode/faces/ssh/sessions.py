"""The sessions on the connections of a node's SSH server: the ``admin:`` prompt, single commands, programs' requests.

Rules:

1. A connection has a bounded number of sessions.
2. A session ends when its account is removed or has a lower level now (:mod:`.open_shells`), or its client is gone;
   what it has started comes to its end.
3. A fault of this program ends one session and no more, and leaves a line in the log.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import asyncssh

from mixedmode.cluster.engine.principal import Principal
from mixedmode.control.accounts import AccountStore
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.shell.session import AdminSession
from mixedmode.faces.shell.talk import IdleError
from mixedmode.faces.ssh.open_shells import OpenShell, OpenShells
from mixedmode.faces.ssh.terminal import SessionClosedError, SshTerminal
from mixedmode.printable import printable

PER_CONNECTION: Final = 10
"""Sessions of one connection at once, as many as OpenSSH's server allows."""
REQUEST_BYTES: Final = 1 << 20
_OF_A_COPY: Final = (
    "The publisher's database does not answer: what is shown is of this node's own copy of it, and nothing can be "
    "changed.\n"
)
_log = logging.getLogger(__name__)

Subsystem = Callable[[Principal, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Answers a program's request: who asks, and the request."""
Open = Callable[[str, str], AdminSession]
"""Makes a session for an account and the address that it came from."""


class SshSessions:
    """The sessions of one node.

    Args:
        accounts: Who may have one.
        opened: Makes a session; may block.
        subsystems: What answers one JSON request of a program, by the subsystem's name.
        idle_seconds: Without a line.
        request_seconds: For a program's request.
    """

    def __init__(
        self,
        accounts: AccountStore,
        opened: Open,
        subsystems: Mapping[str, Subsystem],
        *,
        idle_seconds: float,
        request_seconds: float,
    ) -> None:
        self._opened = opened
        self._subsystems = subsystems
        self._seconds = idle_seconds, request_seconds
        self._shells = OpenShells(accounts)
        self._busy: set[asyncio.Task[None]] = set()
        self._of_connection: Counter[object] = Counter()
        self._watch: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._busy)

    def begin(self) -> None:
        """Watch the accounts from now on."""
        self._watch = asyncio.create_task(self._shells.watch())

    async def drain(self, seconds: float) -> int:
        """Let sessions end; return how many are left after ``seconds``."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=seconds)
        return len(self._busy)

    async def end(self) -> None:
        """End all sessions."""
        tasks = [*self._busy, *([self._watch] if self._watch else ())]
        self._watch = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, process: asyncssh.SSHServerProcess[str]) -> None:
        """Serve one session to its end."""
        task, connection = asyncio.current_task(), process.channel.get_connection()
        if task is not None:
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        self._of_connection[connection] += 1
        try:
            process.exit(await self._serve(process, connection))
        except (asyncssh.Error, OSError):
            process.close()  # the client went away
        finally:
            self._of_connection[connection] -= 1
            self._of_connection += Counter()

    async def _serve(self, process: asyncssh.SSHServerProcess[str], connection: object) -> int:
        user: str = process.get_extra_info("username")
        source: str = process.get_extra_info("source")
        try:
            self._check_room(connection)
            if process.subsystem:
                return await self._exchange(process, user, source)
            return await self._shell(process, await asyncio.to_thread(self._opened, user, source))
        except MixedModeError as error:
            process.stderr.write(f"{error.diagnostics()}\n")
            return error.exit_code
        except (asyncssh.Error, OSError):
            raise
        except Exception:  # noqa: BLE001 - rule 3
            _log.exception("a session of %s ended by a fault", user)
            process.stderr.write("the session ended by a fault of the node; its log says which\n")
            return 3

    def _check_room(self, connection: object) -> None:
        if self._of_connection[connection] > PER_CONNECTION:
            raise UsageError(f"a connection has up to {PER_CONNECTION} sessions", next_step="open another one")

    async def _shell(self, process: asyncssh.SSHServerProcess[str], session: AdminSession) -> int:
        terminal = SshTerminal(process, session, self._seconds[0], allowed=self._shells.look)
        shell = OpenShell(session.user, session.privilege, terminal.end)
        self._shells.opened(shell)
        if session.control.is_copy:
            process.stderr.write(_OF_A_COPY)
        try:
            return await terminal.serve(process.command)
        except IdleError as error:
            terminal.say(f"\n{printable(error.what)}\n")
            return 1
        except SessionClosedError as error:
            terminal.say(f"\nSession closed: {printable(error.what)}\n")
            return 1
        finally:
            self._shells.closed(shell)

    async def _exchange(self, process: asyncssh.SSHServerProcess[str], user: str, source: str) -> int:
        """Answer one request of a program: a line of JSON each way."""
        subsystem = self._subsystems.get(process.subsystem or "")
        if subsystem is None:
            process.stderr.write("only the command line is offered here\n")
            return 2
        session = await asyncio.to_thread(self._opened, user, source)
        try:
            async with asyncio.timeout(self._seconds[1]):
                line = await _line(process)
            request = json.loads(line)
            if not isinstance(request, dict):
                raise UsageError("the request is no JSON object")
            answer = await subsystem(session.principal, request)
        except (ValueError, RecursionError, TimeoutError, MixedModeError) as error:
            problem = error if isinstance(error, MixedModeError) else UsageError("the request is no line of JSON")
            process.stdout.write(json.dumps({"error": problem.as_document()}) + "\n")
            return problem.exit_code
        process.stdout.write(json.dumps(answer) + "\n")
        return 0


async def _line(process: asyncssh.SSHServerProcess[str]) -> str:
    """Return a program's line, bounded: the window of a session is smaller than a request may be."""
    found: list[str] = []
    size = 0
    while size <= REQUEST_BYTES:
        try:
            text = await process.stdin.read(1 << 15)
        except (asyncssh.TerminalSizeChanged, asyncssh.BreakReceived, asyncssh.SignalReceived):
            continue
        line, end, _ = text.partition("\n")
        found.append(line)
        size += len(line)
        if end or not text:
            return "".join(found)
    raise UsageError("the request is too long")
