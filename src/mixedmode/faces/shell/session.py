"""A session: an account, logged in to a node, whose lines are run one after the other.

Rules:

1. A command runs only when the account's level, the node and the version allow it and its question was answered with
   yes; anything else than yes cancels, the end of the input at any question too.
2. Errors become lines and an exit code; a session goes on after them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from functools import cached_property

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import PublisherOnlyError
from mixedmode.control.acts import Act
from mixedmode.control.services import ServiceControl
from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.faces.shell import texts, tree
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.login import Login
from mixedmode.faces.shell.model import BadCommandError, Command, Parsed
from mixedmode.faces.shell.talk import AdminIO, InputEndedError, TalkError

ENDING = frozenset({"exit", "quit", "logout"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line.

    Attributes:
        exit_code: 0 when it did what was asked, else that of its error (see :mod:`mixedmode.errors`).
        ended: Whether the session shall end.
        error: What went wrong, if something did.
    """

    exit_code: int = 0
    ended: bool = False
    error: MixedModeError | None = None


class AdminSession(Login):
    """A login whose lines are run.

    Args:
        cluster: As of :class:`.login.Login`, like the others.
        node: See there.
        user: See there.
        privilege: See there.
        source: See there.
        services: See there.
        zone: See there.
        warns: See there.
        commands: The command tree; by default the whole one.
    """

    def __init__(
        self,
        cluster: Cluster,
        node: str,
        user: str = "administrator",
        *,
        privilege: int = 4,
        source: str = "console",
        services: ServiceControl | None = None,
        zone: tzinfo | None = None,
        warns: bool = True,
        commands: Sequence[Command] | None = None,
    ) -> None:
        super().__init__(
            cluster, node, user, privilege=privilege, source=source, services=services, zone=zone, warns=warns
        )
        self._commands = commands

    @cached_property
    def _all(self) -> tuple[Command, ...]:
        if self._commands is None:  # nobody needs them before somebody logs in
            from mixedmode.faces.shell.table import COMMANDS

            return COMMANDS
        return tuple(self._commands)

    def fork(self) -> AdminSession:
        """Return a session of the same account on the same node, with a history of its own."""
        return AdminSession(
            self.cluster,
            self.node,
            self.user,
            privilege=self.privilege,
            source=self.source,
            services=self.services,
            zone=self._zone,
            warns=self.warns,
            commands=self._commands,
        )

    def commands(self) -> tuple[Command, ...]:
        """Return the commands that exist in the active version and that the account's level allows."""
        version = self.cluster.version
        return tuple(c for c in self._all if c.exists(version) and c.privilege <= self.privilege)

    def complete(self, line: str) -> tuple[str, list[str]]:
        """Complete the last word of a line; see :func:`.tree.complete`."""
        return tree.complete(line, self.commands(), self)

    def help(self, words: Sequence[str] = ()) -> list[str]:
        """Return what help prints for some words."""
        return tree.help_lines(words, self.commands())

    async def run(self, line: str, io: AdminIO) -> Outcome:
        """Run one line.

        Args:
            line: As it was typed.
            io: Where to write and ask.

        Raises:
            TalkError: There is nobody to write to or to ask any more.
        """
        words = line.split()
        if not words or (len(words) == 1 and words[0].lower() in ENDING):
            return Outcome(ended=bool(words))
        self.history.append(line.strip())
        asked = _asked_help(words)
        try:
            if asked is None:
                return await self._run(await asyncio.to_thread(self._parse, line.strip()), io)
            await _write_all(io, await asyncio.to_thread(self.help, asked))
        except InputEndedError:
            await _write_all(io, texts.CANCELLED.lines())
            return Outcome(1)
        except TalkError:
            raise
        except MixedModeError as error:
            return await _report(io, texts.INVALID if isinstance(error, BadCommandError) else texts.FAILED, error)
        except (OSError, TimeoutError) as error:
            problem = RemoteError(f"the node could not do it: {error.strerror or 'it took too long'}", where=self.node)
            return await _report(io, texts.FAILED, problem)
        return Outcome()

    def _parse(self, line: str) -> Parsed:
        version = self.cluster.version
        parsed = tree.parse(line, [command for command in self._all if command.exists(version)])
        command = parsed.command
        self.control.allow(self.principal, Act(command.name, command.privilege))
        if command.publisher_only:
            publisher = self.cluster.publisher.name
            if publisher != self.node:
                raise PublisherOnlyError(
                    texts.PUBLISHER_ONLY.line(command=command.name),
                    where=self.node,
                    next_step=f"log in to {publisher} and run it there",
                )
        return parsed

    async def run_aside(self, line: str, io: AdminIO) -> None:
        """Run a line in the name of the same account, without a trace in the history."""
        await self.fork().run(line, io)

    async def _run(self, parsed: Parsed, io: AdminIO) -> Outcome:
        call = Call(self, parsed, io)
        question = await parsed.command.confirm(call) if parsed.command.confirm else None
        if question is not None:
            await _write_all(io, question.before)
            answer = (await io.ask(question.prompt)).strip().lower()
            if answer not in question.yes:
                await _write_all(io, texts.CANCELLED.lines())
                return Outcome(1)
        await parsed.command.handler(call)
        return Outcome()


def _asked_help(words: Sequence[str]) -> Sequence[str] | None:
    """Return the words that help is asked for, None if it is not."""
    if words[0].lower() in {"help", "?"}:
        return words[1:]
    return words[:-1] if words[-1] == "?" else None


async def _report(io: AdminIO, text: texts.Text, error: MixedModeError) -> Outcome:
    await _write_all(io, [*text.lines(), *error.diagnostics().split("\n")])
    return Outcome(error.exit_code, error=error)


async def _write_all(io: AdminIO, lines: Sequence[str]) -> None:
    for line in lines:
        await io.write(line)
