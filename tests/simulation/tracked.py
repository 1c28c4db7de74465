"""A phone on its way through a schedule, and what is found of it."""

from __future__ import annotations

from dataclasses import dataclass

from mixedmode.forecast.evaluation import Forecast
from mixedmode.phone.mind.outcome import BootOutcome
from tests.simulation.schedule import PhonePlan
from tests.simulation.world.handset import Handset


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold.

    Attributes:
        rule: Which: ``forecast``, ``operations``, ``refused``, ``safe``, ``help``, ``proposal``, ``resumes``.
        text: What happened, for people.
    """

    rule: str
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.text}"


@dataclass(slots=True)
class Tracked:
    """A phone on its way.

    Attributes:
        plan: What the schedule says of it.
        phone: As it is now.
        said: What was said of it before.
        forecast: The same, or what was said when it met the change in another order than that was made.
        first: As it was before the change.
        outcome: Of its last start.
        registers: Whether it registered after it.
        broke_off: Whether a start was broken off in this step.
        disturbed: Whether it met this step otherwise than it was made: a file did not come, or an old one did.
        asked: Whether it ever needed TVS.
    """

    plan: PhonePlan
    phone: Handset
    said: Forecast
    forecast: Forecast
    first: Handset
    outcome: BootOutcome | None = None
    registers: bool = True
    broke_off: bool = False
    disturbed: bool = False
    asked: bool = False

    @property
    def node(self) -> int:
        """From where it gets its files."""
        return self.plan.node

    @property
    def is_as_first_said(self) -> bool:
        """Whether it has met everything in the order in which it was made."""
        return self.forecast is self.said

    def found(self, rule: str, text: str) -> Finding:
        """Return what is found of it."""
        plan = self.plan
        return Finding(
            rule, f"{plan.name} ({plan.model}, mode {plan.mode}, holds {plan.held}, node {plan.node}) {text}"
        )
