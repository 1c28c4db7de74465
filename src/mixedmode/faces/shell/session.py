"""A session: an account, logged in to a node, whose lines are run one after the other.

Rules:

1. A command runs only when the account's level, the node and the version allow it and its question was answered with
   yes; anything else than yes cancels, the end of the input at any question too.
2. Errors become lines and an exit code; a session goes on after them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import PublisherOnlyError
from mixedmode.control.acts import Act
from mixedmode.control.door import Control
from mixedmode.control.services import OperationServices, ServiceControl
from mixedmode.errors import MixedModeError, RemoteError
from mixedmode.faces.shell import texts, tree
from mixedmode.faces.shell.model import BadCommandError, Command, Parsed
from mixedmode.faces.shell.talk import AdminIO, InputEndedError, TalkError

HISTORY_LIMIT = 200
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


class AdminSession:
    """An account on a node.

    Args:
        cluster: The cluster.
        node: The node that the account is logged in to.
        user: The account.
        privilege: Its level: 0, 1 or 4.
        source: Address it came from, or ``console``.
        services: The port to the services; by default the one that notes in the database what they shall do.
        zone: Time zone of printed dates; by default the machine's.
        commands: The command tree; by default the whole one.

    Attributes:
        control: The door that all that changes something passes.
        history: Lines that were run, oldest first.
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
        commands: Sequence[Command] | None = None,
    ) -> None:
        if commands is None:
            from mixedmode.faces.shell.table import COMMANDS

            commands = COMMANDS
        self.cluster = cluster
        self.node = cluster.node(node).name
        self.user = user
        self.privilege = privilege
        self.source = source
        self.services: ServiceControl = services or OperationServices(cluster)
        self.control = Control(cluster)
        self.history: deque[str] = deque(maxlen=HISTORY_LIMIT)
        self._zone = zone
        self._all = tuple(commands)

    @property
    def principal(self) -> Principal:
        """The account, as the audit log names it."""
        return Principal(self.user, self.privilege, self.source, self.node)

    @property
    def zone(self) -> tzinfo | None:
        """Time zone of dates that are printed or typed; None for the machine's."""
        return self._zone

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
            commands=self._all,
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

    def date(self, moment: datetime | float, *, padded: bool = True) -> str:
        """Return a moment as the system prints it, such as ``Fri Mar 06 19:45:13 CET 2015``.

        Args:
            moment: UTC, or seconds since 1970.
            padded: Write the day with a zero, as ``show ctl`` does, not with a blank.
        """
        return self.local(moment).strftime(f"%a %b {'%d' if padded else '%e'} %H:%M:%S %Z %Y")

    def local(self, moment: datetime | float) -> datetime:
        """Return a moment in the session's time zone."""
        if not isinstance(moment, datetime):
            moment = datetime.fromtimestamp(moment, UTC)
        return moment.astimezone(self._zone)

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

    async def _run(self, parsed: Parsed, io: AdminIO) -> Outcome:
        from mixedmode.faces.shell.call import Call

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
