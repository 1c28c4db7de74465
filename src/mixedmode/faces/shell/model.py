"""What a command is: a row of the command tree.

Rules:

1. A row says all that decides whether a command may run: its words, its arguments, the privilege level, whether it
   runs on the publisher only, in which versions it exists, and what is asked before it runs.
2. A handler is called only when all of that holds; it reads the cluster and starts operations, nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum, auto
from typing import TYPE_CHECKING

from mixedmode.cluster.engine.operation import Operation, about
from mixedmode.cluster.model.versions import Version
from mixedmode.errors import UsageError

if TYPE_CHECKING:
    from mixedmode.faces.shell.call import Call
    from mixedmode.faces.shell.login import Login


class Kind(Enum):
    """How an argument is read."""

    WORD = auto()
    """One word."""
    REST = auto()
    """The rest of the line, as it is typed; for queries and service names."""
    FLAGS = auto()
    """Any of the choices, in any order, possibly none."""


Completer = Callable[["Login"], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument.

    Attributes:
        name: As help shows it.
        help: One line.
        kind: How it is read.
        required: Whether it must be there.
        choices: The words it may be; empty for any.
        candidates: Words that completion offers beside the choices.
        follows: Of a flag that takes words: for each of them, what it may be; empty for any.
    """

    name: str
    help: str = ""
    kind: Kind = Kind.WORD
    required: bool = True
    choices: tuple[str, ...] = ()
    candidates: Completer | None = None
    follows: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        operation: type[Operation],
        field_name: str,
        name: str = "",
        *,
        kind: Kind = Kind.WORD,
        required: bool | None = None,
        candidates: Completer | None = None,
    ) -> Argument:
        """Return the argument that gives an operation's field.

        Args:
            operation: Whose.
            field_name: Of the field.
            name: As help shows it; the field's own if left out.
            kind: How it is read.
            required: Whether it must be there; as the field has it if left out.
            candidates: Words that completion offers.
        """
        (found,) = (each for each in fields(operation) if each.name == field_name)
        needed = found.default is MISSING and found.default_factory is MISSING
        return cls(
            name or field_name,
            about(operation, field_name).help,
            kind,
            needed if required is None else required,
            candidates=candidates,
        )

    @property
    def usage(self) -> str:
        """As a line of usage shows it."""
        if self.kind is Kind.FLAGS:
            return "[" + "|".join(map(self._flag_usage, self.choices)) + "]"
        shown = "{" + "|".join(self.choices) + "}" if self.choices else self.name
        return shown if self.required else f"[{shown}]"

    def _flag_usage(self, flag: str) -> str:
        words = ("{" + "|".join(choices) + "}" if choices else "VALUE" for choices in self.follows.get(flag, ()))
        return " ".join((flag, *words))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before a command runs.

    Attributes:
        prompt: The question.
        before: Lines written before it.
        yes: The answers that let the command run; any other cancels it.
    """

    prompt: str
    before: tuple[str, ...] = ()
    yes: frozenset[str] = frozenset({"y", "yes"})


Handler = Callable[["Call"], Awaitable[None]]
Asker = Callable[["Call"], Awaitable[Question | None]]


def in_every_version(_version: Version) -> bool:
    """Return True: the command exists in every version."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the command tree.

    Attributes:
        path: Its words.
        summary: One line for help.
        handler: Runs it.
        arguments: In order.
        privilege: Level that an account needs: 0, 1 or 4.
        publisher_only: Whether it is refused on subscribers.
        confirm: Says what is asked first; None if nothing is.
        exists: Whether a version has the command.
    """

    path: tuple[str, ...]
    summary: str
    handler: Handler
    arguments: tuple[Argument, ...] = ()
    privilege: int = 1
    publisher_only: bool = False
    confirm: Asker | None = None
    exists: Callable[[Version], bool] = in_every_version

    @classmethod
    def of(
        cls,
        operation: type[Operation],
        summary: str,
        handler: Handler,
        arguments: tuple[Argument, ...] = (),
        *,
        confirm: Asker | None = None,
        exists: Callable[[Version], bool] = in_every_version,
    ) -> Command:
        """Return the command that an operation's title is; who may run it, and where, the operation says."""
        path = tuple(operation.title.split())
        level, publisher_only = operation.privilege, operation.publisher_only
        return cls(path, summary, handler, arguments, level, publisher_only, confirm, exists)

    @property
    def name(self) -> str:
        """Its words as one text."""
        return " ".join(self.path)

    @property
    def usage(self) -> str:
        """One line: words and arguments."""
        return " ".join((self.name, *(argument.usage for argument in self.arguments)))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A line that names a command.

    Attributes:
        values: Arguments that are there, by name; of a flag that takes words, these, by the flag.
        flags: The flags that are there.
    """

    command: Command
    values: Mapping[str, str]
    flags: frozenset[str]


class BadCommandError(UsageError):
    """The line names no command, or its arguments are wrong."""

    default_code = "bad-command"
