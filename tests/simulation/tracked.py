"""Phones on their way through a schedule, those that are alike together, and what is found of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from mixedmode.forecast.evaluation import Forecast
from mixedmode.phone.mind.fate.restart import Restart
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import Decision, ListKind
from mixedmode.phone.mind.trust.state import PhoneState
from tests.simulation.schedule import PhonePlan
from tests.simulation.world.handset import Handset, took_all

WORST: Final = "safe"
"""The rule without which a forecast is worse than none."""


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


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with those first by which somebody who was called safe is lost."""
    return sorted(findings, key=lambda each: each.rule != WORST)


@dataclass(slots=True, eq=False)
class Tracked:
    """Phones on their way that differ in nothing but their names, so far.

    Attributes:
        plans: What the schedule says of each; the first stands for all.
        phone: As it is now.
        said: What was said of it before.
        forecast: The same, or what was said when it met the change in another order than that was made.
        first: As it was before the change.
        began: What it held before it was started.
        outcome: Of its last start.
        registers: Whether it registered after it.
        broke_off: Whether a start was broken off in this step.
        disturbed: Whether it met this step otherwise than it was made: a file did not come, or an old one did.
        asked: Whether it ever needed TVS.
        is_half_told: Whether its last forecast was made when its configuration named the TVS servers of another cluster
            than its ITL, which no inventory says.
    """

    plans: tuple[PhonePlan, ...]
    phone: Handset
    said: Forecast
    forecast: Forecast
    first: Handset
    began: PhoneState
    outcome: BootOutcome | None = None
    registers: bool = True
    broke_off: bool = False
    disturbed: bool = False
    asked: bool = False
    is_half_told: bool = False

    @property
    def plan(self) -> PhonePlan:
        """What the schedule says of the one that stands for all."""
        return self.plans[0]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.plans)

    def part(self, plans: tuple[PhonePlan, ...]) -> Tracked:
        """Return some of them by themselves, since something else becomes of them."""
        phone = self.phone.copy(plans[0].name)
        first = self.first.copy(plans[0].name)
        return replace(self, plans=plans, phone=phone, first=first)

    def parted(self) -> list[Tracked]:
        """Return each by itself."""
        return [self] if len(self.plans) == 1 else [self.part((each,)) for each in self.plans]

    @property
    def so_far(self) -> tuple[object, ...]:
        """All that decides about what comes next; equal only for those that came there in the same way."""
        prospect = self.forecast.prospect
        flags = self.registers, self.broke_off, self.disturbed, self.asked, self.is_half_told, self.is_as_first_said
        return self.plan.kind, id(self.phone.state), id(self.began), id(self.outcome), id(prospect), flags

    @property
    def node(self) -> int:
        """From where it gets its files."""
        return self.plan.node

    @property
    def is_as_first_said(self) -> bool:
        """Whether it has met everything in the order in which it was made."""
        return self.forecast is self.said

    @property
    def is_told_by_fate_alone(self) -> bool:
        """Whether no start of it was foreseen one by one: a hash that no file explains, firmware that is not known."""
        return not self.forecast.prospect.restarts or self.plan.old_load

    def found(self, rule: str, text: str) -> Finding:
        """Return what is found of it."""
        plan = self.plan
        return Finding(
            rule, f"{plan.name} ({plan.model}, mode {plan.mode}, holds {plan.held}, node {plan.node}) {text}"
        )


def together(tracked: Iterable[Tracked]) -> list[Tracked]:
    """Return phones with those in one that are alike by now."""
    alike: dict[tuple[object, ...], list[Tracked]] = {}
    for each in tracked:
        alike.setdefault(each.so_far, []).append(each)
    for first, *others in alike.values():
        if others:
            first.plans += tuple(plan for other in others for plan in other.plans)
    return [first for first, *_ in alike.values()]


def differences(each: Tracked, outcome: BootOutcome, foreseen: Restart, *, exact: bool) -> Iterator[str]:
    """Yield where a phone's start came to something else than was foreseen.

    Args:
        each: The phone, after it.
        outcome: What came of it.
        foreseen: What was to come of it.
        exact: Whether each decision is to be the same too, with its reason and row.
    """
    for kind in ListKind:
        if each.phone.state.trust.held(kind) != foreseen.trust.held(kind):
            yield f"it holds another {kind} than foreseen: {_said(outcome, kind)}, foreseen {_text(foreseen, kind)}"
    if each.registers != foreseen.registers:
        why = foreseen.registration.text if foreseen.registration is not None else "needs no trust"
        yield f"it {'registers' if each.registers else 'does not register'}, foreseen: {why}"
    if took_all(outcome) != foreseen.took_all:
        yield f"it {'took all' if took_all(outcome) else f'refused {outcome.trouble()}'}, foreseen otherwise"
    for file, decision in foreseen.decisions.items() if exact else ():
        done = outcome.decisions.get(file)
        if done is not None and not _same(file, decision, done):
            words = (f"{one.outcome} ({one.reason}, row {one.row})" for one in (done, decision))
            yield f"{file}: {', foreseen '.join(words)}"


def _same(file: BootFile, foreseen: Decision, done: Decision) -> bool:
    if file is BootFile.CONFIG:
        return foreseen.refused == done.refused and (not done.refused or foreseen.reason is done.reason)
    return (foreseen.outcome, foreseen.reason, foreseen.row) == (done.outcome, done.reason, done.row)


def _said(outcome: BootOutcome, kind: ListKind) -> str:
    file = next(file for file, each in LIST_FILES.items() if each is kind)
    decision = outcome.decisions.get(file)
    return "not asked" if decision is None else f"{decision.outcome} ({decision.reason}, row {decision.row})"


def _text(foreseen: Restart, kind: ListKind) -> str:
    file = next(file for file, each in LIST_FILES.items() if each is kind)
    decision = foreseen.decisions[file]
    return f"{decision.outcome} ({decision.reason}, row {decision.row})"
