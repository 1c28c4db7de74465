"""One run of a command: what its handler reads, and how it speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.results import OperationResult, Plan
from mixedmode.cluster.facade import Cluster
from mixedmode.control.acts import Act
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.login import Login
from mixedmode.faces.shell.model import Parsed
from mixedmode.faces.shell.talk import AdminIO
from mixedmode.faces.shell.texts import Text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a command.

    Attributes:
        session: For whom and where.
        parsed: The command and its arguments.
        io: The other side.
    """

    session: Login
    parsed: Parsed
    io: AdminIO

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.session.cluster

    @property
    def node(self) -> str:
        """The name of the node that the administrator is logged in to."""
        return self.session.node

    def value(self, name: str) -> str:
        """Return an argument, empty if it is not there."""
        return self.parsed.values.get(name, "")

    def flag(self, name: str) -> bool:
        """Return whether a flag is there."""
        return name in self.parsed.flags

    async def write(self, *lines: str) -> None:
        """Write lines."""
        for line in lines:
            await self.io.write(line)

    async def say(self, text: Text, /, **values: object) -> None:
        """Write a text of the table."""
        await self.write(*text.lines(**values))

    async def ask(self, text: Text, /, *, secret: bool = False, **values: object) -> str:
        """Ask a question of the table; return what was typed, without the blanks around it."""
        answer = await self.io.ask(text.line(**values), secret=secret)
        return answer if secret else answer.strip()

    async def agrees(self, text: Text, /, **values: object) -> bool:
        """Ask a question of the table; return whether the answer was yes."""
        answer = await self.io.ask(text.line(**values))
        return answer.strip().lower() in {"y", "yes"}

    async def blocking(self, function: Callable[[], T]) -> T:
        """Run what waits for the database or for files, beside the event loop."""
        return await asyncio.to_thread(function)

    async def plan(self, operation: Operation) -> Plan:
        """Return what an operation would do now."""
        control, principal = self.session.control, self.session.principal
        return await self.blocking(lambda: control.plan(principal, operation))

    async def operate(self, operation: Operation) -> OperationResult:
        """Run an operation to its end, in the name of the session's account; it is audited."""
        control, principal = self.session.control, self.session.principal
        return await self.blocking(lambda: control.run(principal, operation))

    async def do(self, act: Act, change: Callable[[], T], **details: object) -> T:
        """Change something that is no operation, in the name of the session's account; see :meth:`.door.Control.do`."""
        control, principal = self.session.control, self.session.principal
        return await self.blocking(lambda: control.do(principal, act, change, **details))

    async def tell_undelivered(self, result: OperationResult) -> None:
        """Write which nodes have not got their file yet."""
        for node, why in result.undelivered.items():
            await self.say(texts.UNDELIVERED, node=node, why=why)
