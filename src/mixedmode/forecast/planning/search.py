"""The search for a changed plan that loses nobody who can be saved.

Rules:

1. The plan that loses the fewest comes first, then the one that leaves the fewest behind, then the cheapest. Phones of
   which not enough is known count for no plan.
2. Drafts are tried the most promising first, and then the cheapest first, until nobody is left who can be saved and
   nothing cheaper is; what a found plan does not need is left out again.
3. It is bounded by work, counted in evaluations and not by a clock: the same fleet and plan give the same answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.forecast.evaluation import Forecast, Forecaster
from mixedmode.forecast.planning.drafts import Draft, Drafted, drafted
from mixedmode.forecast.planning.fixes import fixes, fixes_for_all
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.prospect import LOST, SAFE, Fate

MOST_EVALUATIONS: Final = 10_000
"""Evaluations of one kind of phone under one plan, in a search for a fleet."""
MOST_PLANS: Final = 200
_HELPED_AT_ONCE: Final = 6
"""Kinds of phones whose fixes are tried for one plan."""
_KEPT: Final = 64
_REMEMBERED: Final = 3
Progress = Callable[[int, int], None]
"""Told how many plans were tried, and how many phones the best one loses."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Phones of one kind that are off together.

    Attributes:
        kind: What is known of them.
        absences: In which steps of the plan they are off.
        count: How many they are.
    """

    kind: PhoneKind
    absences: tuple[bool, ...] = ()
    count: int = 1


@dataclass(frozen=True, order=True, slots=True)
class Score:
    """How good a plan is; less is better.

    Attributes:
        lost: Phones that are frozen or locked out.
        behind: Phones that are behind.
        cost: What the draft asks for.
    """

    lost: int
    behind: int
    cost: int


@dataclass(frozen=True, slots=True)
class Found:
    """The best draft.

    Attributes:
        draft: The changes.
        drafted: The plan that they make.
        forecaster: For that plan.
        score: How good it is.
        tried: How many plans were.
        whole: Whether every draft that might be better was tried.
    """

    draft: Draft
    drafted: Drafted
    forecaster: Forecaster
    score: Score
    tried: int
    whole: bool


class Workshop:
    """Makes the plans of drafts, and keeps the last ones: many phones ask for the same.

    Args:
        forecaster: Of the plan that is changed.

    Attributes:
        helpful: Drafts that saved somebody, the latest first: they may well save the next one.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster
        self.plan = forecaster.plan
        self.helpful: list[Draft] = []
        self._unchanged = Draft.of(self.plan)
        self._made: dict[Draft, tuple[Drafted, Forecaster] | None] = {}

    def made(self, draft: Draft) -> tuple[Drafted, Forecaster] | None:
        """Return the plan of a draft and its forecaster, None if an operation would be refused."""
        if draft == self._unchanged:
            return Drafted(self.plan, draft.order), self.forecaster
        if draft not in self._made:
            if len(self._made) >= _KEPT:
                del self._made[next(iter(self._made))]
            try:
                found = drafted(self.plan, draft)
            except MixedModeError:
                self._made[draft] = None
            else:
                self._made[draft] = found, self.forecaster.under(found.plan)
        return self._made[draft]

    def helps(self, draft: Draft) -> None:
        """Remember a draft that saved somebody."""
        self.helpful = [draft, *(each for each in self.helpful if each != draft)][:_REMEMBERED]


def search(
    workshop: Workshop,
    phones: Sequence[Fleet],
    *,
    hopeless: Callable[[Fleet], bool] = lambda _fleet: False,
    most_plans: int = MOST_PLANS,
    most_evaluations: int = MOST_EVALUATIONS,
    progress: Progress | None = None,
) -> Found:
    """Return the best draft for a fleet.

    Args:
        workshop: Of the plan.
        phones: The fleet.
        hopeless: Whether nothing at all saves some phones.
        most_plans: How many plans are tried.
        most_evaluations: How much work is done.
        progress: Told now and then.
    """
    hunt = _Hunt(workshop, phones, hopeless, min(most_plans, max(2, most_evaluations // max(1, len(phones)))), progress)
    for draft in workshop.helpful:
        hunt.tried(draft)
    if hunt.best.unsaved:
        hunt.run(lambda score: (score.lost, score.behind, score.cost), hunt.most // 2)
    hunt.prune()
    whole = hunt.run(lambda score: (score.cost,), hunt.most)
    best = hunt.best
    made = workshop.made(best.draft)
    assert made is not None  # noqa: S101 - it was made before
    return Found(best.draft, made[0], made[1], best.score, len(hunt.seen), whole)


@dataclass(frozen=True, slots=True)
class _Tried:
    draft: Draft
    score: Score
    unsaved: tuple[tuple[Fleet, Forecast], ...]


class _Hunt:
    """One search."""

    def __init__(
        self,
        workshop: Workshop,
        phones: Sequence[Fleet],
        hopeless: Callable[[Fleet], bool],
        most: int,
        progress: Progress | None,
    ) -> None:
        self.workshop = workshop
        self.phones = phones
        self.hopeless = hopeless
        self.most = most
        self.progress = progress
        self.seen: dict[Draft, _Tried | None] = {}
        unchanged = Draft.of(workshop.plan)
        first = self._try(unchanged)
        assert first is not None  # noqa: S101 - the plan itself was made before
        self.seen[unchanged] = self.first = self.best = first

    def tried(self, draft: Draft) -> _Tried | None:
        """Evaluate a draft; None if it cannot be."""
        if draft not in self.seen:
            found = self.seen[draft] = self._try(draft)
            if found is not None and found.score < self.best.score:
                self.best = found
            if self.progress is not None:
                self.progress(len(self.seen), self.best.score.lost)
        return self.seen[draft]

    def _try(self, draft: Draft) -> _Tried | None:
        made = self.workshop.made(draft)
        if made is None:
            return None
        plan, forecaster = made
        lost = behind = 0
        unsaved: list[tuple[Fleet, Forecast]] = []
        for fleet in self.phones:
            absences = plan.absences(fleet.absences)
            fate = forecaster.outcome(fleet.kind, absences)
            if fate in LOST:
                lost += fleet.count
            elif fate is Fate.BEHIND:
                behind += fleet.count
            helped = fate in SAFE or fate is Fate.UNKNOWN or len(unsaved) >= _HELPED_AT_ONCE
            if not helped and not self.hopeless(fleet):
                unsaved.append((fleet, forecaster.of(fleet.kind, absences)))
        return _Tried(draft, Score(lost, behind, draft.cost), tuple(unsaved))

    def run(self, key: Callable[[Score], tuple[int, ...]], most: int) -> bool:
        """Try drafts in the order of a key; return whether none is left that might be better."""
        queue: list[tuple[tuple[int, ...], int, _Tried]] = [(key(self.first.score), 0, self.first)]
        queued = {self.first.draft}
        while queue:
            tried = heapq.heappop(queue)[2]
            for draft in self._next(tried) if tried.unsaved else ():
                if draft in queued or self._costs_too_much(draft):
                    continue
                if len(self.seen) >= most and draft not in self.seen:
                    return False
                queued.add(draft)
                found = self.tried(draft)
                if found is not None:
                    heapq.heappush(queue, (key(found.score), len(queued), found))
        return True

    def _costs_too_much(self, draft: Draft) -> bool:
        """Return whether everybody is saved already by what costs no more."""
        return not self.best.unsaved and draft.cost >= self.best.score.cost

    def _next(self, tried: _Tried) -> Iterator[Draft]:
        made = self.workshop.made(tried.draft)
        if made is None:
            return
        for_all = list(fixes_for_all(self.workshop.plan, tried.draft))
        every = [[*fixes(tried.draft, made[0], each), *for_all] for _, each in tried.unsaved]
        yield from dict.fromkeys(draft for several in every for draft in several)
        firsts = [several[0] for several in every if several]
        if len(firsts) > 1:
            yield _together(firsts)

    def prune(self) -> None:
        """Leave out of the best draft what it does not need."""
        changed = True
        while changed:
            changed = False
            for smaller in self.best.draft.smaller():
                found = self.tried(smaller)
                if found is not None and found.score < self.best.score:
                    self.best, changed = found, True
                    break


def _together(drafts: Iterable[Draft]) -> Draft:
    several = iter(drafts)
    joined = next(several)
    for each in several:
        joined = joined.joined(each)
    return joined
