"""How far a guided run is: its steps, who did each, and what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from mixedmode.procedures.checks import Finding
from mixedmode.procedures.facts import Facts


class RunState(StrEnum):
    """What has become of a run."""

    PLANNED = "planned"
    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"
    DROPPED = "dropped"


class StepState(StrEnum):
    """What has become of a step."""

    OPEN = "open"
    DOING = "doing"
    DONE = "done"
    FAILED = "failed"
    LEFT_OUT = "left out"


OVER: Final = frozenset({StepState.DONE, StepState.LEFT_OUT})
"""After these the next step is the current one."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who does something.

    Attributes:
        name: Of the account.
        source: Address, or ``console``.
    """

    name: str
    source: str = ""


NOBODY: Final = Person("")


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step of a run.

    Attributes:
        state: What has become of it.
        who: Does it or did it, or decided to leave it out.
        began: When.
        ended: When.
        attempt: Names the last attempt.
        taking_back: Whether the attempt takes the step back.
        said: What was printed.
        findings: What was found of the statements about its end.
        problem: Why it failed, or was left out; or what became of an attempt that died.
    """

    state: StepState = StepState.OPEN
    who: Person = NOBODY
    began: datetime | None = None
    ended: datetime | None = None
    attempt: str = ""
    taking_back: bool = False
    said: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run.

    Attributes:
        procedure: Its name.
        state: What has become of it.
        who: Planned it.
        planned: When.
        began: When the first step could be done.
        ended: When it ended, was stopped or dropped.
        steps: Of the procedure's own steps, in order.
        before: What was seen when it was planned.
        judged: What was found of the preconditions then.
        forecast: What every phone would do, as JSON; empty until it is made.
        accepted: How many phones would be lost, of whoever began it.
        choices: What was chosen, such as the tokens' certificates.
    """

    procedure: str
    state: RunState
    who: Person
    planned: datetime
    steps: tuple[StepRecord, ...]
    began: datetime | None = None
    ended: datetime | None = None
    before: Facts = field(default_factory=Facts)
    judged: tuple[Finding, ...] = ()
    forecast: Mapping[str, Any] = field(default_factory=dict)
    accepted: int = 0
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def current(self) -> int | None:
        """The number of the current step, from 0; None if there is none (rule 1)."""
        if self.state is not RunState.RUNNING:
            return None
        return next((at for at, each in enumerate(self.steps) if each.state not in OVER), None)

    @property
    def doing(self) -> StepRecord | None:
        """The step that is being done."""
        return next((each for each in self.steps if each.state is StepState.DOING), None)

    @property
    def over(self) -> int:
        """How many steps are done or left out."""
        return sum(each.state in OVER for each in self.steps)
