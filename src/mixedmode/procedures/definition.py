"""What a procedure consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mixedmode.procedures.checks import Check
from mixedmode.procedures.facts import Topic
from mixedmode.procedures.names import SUMMARIES
from mixedmode.procedures.phones import Rules
from mixedmode.procedures.steps import CtlClient, ImportToken, Part, Step


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must be so before a procedure begins.

    Attributes:
        what: For people, as a fact.
        why: What comes of it if it is not so.
        check: Judges it; None if a person has to know.
        look: What shows it at the publisher's prompt; empty if nothing there does.
    """

    what: str
    why: str
    check: Check | None = None
    look: str = ""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do if a procedure does not go as it should.

    Attributes:
        sign: What one sees.
        do: What helps.
    """

    sign: str
    do: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure.

    Attributes:
        name: As commands know it.
        title: For people.
        about: When it is needed, and what it does.
        source: Where it is described.
        preconditions: What must be so.
        steps: In order.
        phones: How each kind of phone ends.
        remedies: For what may go wrong.
    """

    name: str
    title: str
    about: str
    source: str
    preconditions: tuple[Precondition, ...]
    steps: tuple[Step, ...]
    phones: Rules
    remedies: tuple[Remedy, ...] = ()

    @property
    def summary(self) -> str:
        """What it plays, in a few words."""
        return SUMMARIES[self.name]

    @property
    def needs_tokens(self) -> bool:
        """Whether it needs security tokens."""
        return any(isinstance(step.act, CtlClient | ImportToken) for step in self.steps)

    @property
    def needs(self) -> frozenset[Topic]:
        """What is looked at when it begins."""
        checks = [*(check for step in self.steps for check in step.after), *self.checked_before()]
        return frozenset(topic for check in checks for topic in check.needs) | {Topic.LISTS, Topic.PHONES}

    def checked_before(self) -> Iterator[Check]:
        """Yield what is judged before it begins."""
        yield from (each.check for each in self.preconditions if each.check is not None)

    def own_steps(self) -> tuple[Step, ...]:
        """Return what is done on a live cluster: without what brings a fresh one there, and without mistakes."""
        return tuple(step for step in self.steps if step.part is Part.STEP)
