"""What a command is: a row of the command tree.

Rules:

1. A row says all that decides whether a command may run: its words, its arguments, the privilege level, whether it
   runs on the publisher only, in which versions it exists, and what is asked before it runs.
2. A handler is called only when all of that holds; it reads the cluster and starts operations, nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from mixedmode.cluster.model.versions import Version
from mixedmode.errors import UsageError

if TYPE_CHECKING:
    from mixedmode.faces.shell.call import Call
    from mixedmode.faces.shell.session import AdminSession


class Kind(Enum):
    """How an argument is read."""

    WORD = auto()
    """One word."""
    REST = auto()
    """The rest of the line, as it is typed; for queries and service names."""
    FLAGS = auto()
    """Any of the choices, in any order, possibly none."""


Completer = Callable[["AdminSession"], Sequence[str]]


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
