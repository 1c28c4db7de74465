"""How the benches time things: contenders in turn, many rounds, medians and ratios of one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure, and whom to tell about it.

    Attributes:
        quick: Under a minute, for a first look: too short for a report.
        minutes: How long the part that takes long is to last; None: as long as the bench says.
        say: Told what is being measured.
        count: Told what is being counted, how far it is and of how many.
    """

    quick: bool = False
    minutes: float | None = None
    say: Callable[[str], None] = lambda _line: None
    count: Callable[[str, int, int], None] = lambda _what, _done, _total: None

    def of(self, full: int, quick: int) -> int:
        """Return how many of something to take."""
        return quick if self.quick else full

    def seconds(self, full: float, quick: float) -> float:
        """Return how long to go on with what takes long."""
        return (quick if self.quick else full) if self.minutes is None else self.minutes * 60


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a call, over all rounds."""

    name: str
    median: float
    best: float
    worst: float


def time_in_turn(
    contenders: Mapping[str, Callable[[], object]], *, rounds: int = 25, seconds_a_round: float = 0.02
) -> dict[str, Timing]:
    """Time each contender in turn, round after round, so that drift of the machine hits all alike.

    Args:
        contenders: Name to a call.
        rounds: How many rounds count; one more warms up.
        seconds_a_round: How long each contender runs in a round.
    """
    calls = {name: _calls_for(call, seconds_a_round) for name, call in contenders.items()}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            start = time.perf_counter()
            for _ in range(calls[name]):
                call()
            samples[name].append((time.perf_counter() - start) / calls[name])
    return {name: Timing(name, statistics.median(values), min(values), max(values)) for name, values in samples.items()}


def _calls_for(call: Callable[[], object], seconds: float) -> int:
    count = 1
    while True:
        start = time.perf_counter()
        for _ in range(count):
            call()
        spent = time.perf_counter() - start
        if spent >= seconds / 4:
            return max(1, round(count * seconds / spent))
        count *= 2


@dataclass(frozen=True, slots=True)
class Goal:
    """A measured figure and its bound.

    Attributes:
        value: None if it could not be measured: such a goal is not met.
        missing: Why it could not be measured.
    """

    name: str
    value: float | None
    bound: float
    at_most: bool
    missing: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure keeps its bound."""
        if self.value is None:
            return False
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def text(self) -> str:
        """Return the goal for people."""
        figure = f"not measured, {self.missing}" if self.value is None else f"{self.value:.4g}"
        wanted = f"(goal: at {'most' if self.at_most else 'least'} {self.bound:g})"
        return f"{'met    ' if self.met else 'NOT MET'} {self.name}: {figure} {wanted}"


@dataclass(slots=True)
class Found:
    """What a bench has measured so far.

    Attributes:
        lines: For people.
        goals: For the verdict.
    """

    lines: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def goal(self, name: str, value: float | None, bound: float, *, at_most: bool, missing: str = "") -> None:
        """Take a figure that has a bound."""
        self.goals.append(Goal(name, value, bound, at_most=at_most, missing=missing))


@dataclass(frozen=True, slots=True)
class Report:
    """What a bench found: its table as lines, and its goals."""

    title: str
    lines: list[str]
    goals: list[Goal]

    def text(self) -> list[str]:
        """Return the report for people."""
        verdicts = [goal.text() for goal in self.goals]
        return [self.title, "=" * len(self.title), "", *self.lines, "", *verdicts]

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        goals = [asdict(goal) | {"met": goal.met} for goal in self.goals]
        return {"title": self.title, "lines": self.lines, "goals": goals}
