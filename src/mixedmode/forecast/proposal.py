"""The shortest plan under which nobody is lost who can be saved, and why no plan saves the others.

A list that an operation makes is not uploaded and not signed by hand: the operations of the cluster do that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Step, Tvs
from mixedmode.forecast.planning.drafts import ONCE_MORE, Draft
from mixedmode.forecast.planning.proof import NOT_FOUND, why_lost
from mixedmode.forecast.planning.search import Fleet, Found, Progress, Workshop, search
from mixedmode.forecast.planning.wording import upload_text
from mixedmode.forecast.tally import EXAMPLES, Cell
from mixedmode.phone.mind.fate.prospect import LOST, Fate
from mixedmode.phone.mind.trust.decisions import Reason

_WAIT: Final = "restart every phone, and wait until each reports the new list"
_OLD_LSC: Final = "its LSC is from a CAPF that no list names any more, and no list issues another"
_NOT_SHOWN: Final = "the certificate that its CallManager shows is in no list that a permitted step can publish"


@dataclass(frozen=True, slots=True)
class Left:
    """Phones that the plan does not save.

    Attributes:
        outcome: What becomes of them under the proposed plan.
        count: How many.
        examples: The names of the first ones.
        why: One sentence.
        proved: Whether no plan saves them.
    """

    outcome: Fate
    count: int
    examples: tuple[str, ...]
    why: str
    proved: bool


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan.

    Attributes:
        plan: The plan.
        steps: What to do, in order.
        numbers: How many phones have which outcome under it.
        left: Who is lost under it.
        changed: Whether it is another one than was asked about.
        tried: How many plans were tried.
        whole: Whether every plan that might be better was tried; else a shorter one may exist.
    """

    plan: Plan
    steps: tuple[str, ...]
    numbers: dict[Fate, int]
    left: tuple[Left, ...]
    changed: bool = True
    tried: int = 0
    whole: bool = True


def proposed(forecaster: Forecaster, cells: list[Cell], progress: Progress | None = None) -> Proposal:
    """Return the best plan for a fleet.

    Args:
        forecaster: Of the plan that was asked about.
        cells: The fleet.
        progress: Told how many plans were tried, and how many phones the best one loses.
    """
    fleet = [Fleet(cell.forecast.kind, cell.absences, cell.count) for cell in cells]
    found = search(
        Workshop(forecaster),
        fleet,
        hopeless=lambda each: why_lost(forecaster, each.kind) is not None,
        progress=progress,
    )
    numbers = Counter[Fate]()
    left: dict[tuple[Fate, str, bool], list[Cell]] = {}
    for cell in cells:
        forecast = found.forecaster.of(cell.forecast.kind, found.drafted.absences(cell.absences))
        numbers[forecast.outcome] += cell.count
        if forecast.outcome in LOST:
            why = why_lost(forecaster, cell.forecast.kind)
            last = forecast.prospect.restart
            if why is None and last is not None and last.took_all:
                registered = last.registration
                why = _OLD_LSC if registered and registered.reason is Reason.LSC_ISSUER else _NOT_SHOWN
            left.setdefault((forecast.outcome, why or NOT_FOUND, why is not None), []).append(cell)
    return Proposal(
        found.drafted.plan,
        tuple(steps_of(found, forecaster.plan)),
        {fate: numbers[fate] for fate in Fate},
        tuple(_left(key, lost) for key, lost in left.items()),
        found.draft != Draft.of(forecaster.plan),
        found.tried,
        found.whole,
    )


def _left(key: tuple[Fate, str, bool], lost: list[Cell]) -> Left:
    fate, why, proved = key
    names = tuple(each for cell in lost for each in cell.examples)[:EXAMPLES]
    return Left(fate, sum(cell.count for cell in lost), names, why, proved)


def steps_of(found: Found, before: Plan) -> Iterator[str]:
    """Yield what to do, in order."""
    if found.draft != Draft.of(before) and found.draft.answering:
        yield "have TVS answer"
    for step in found.drafted.plan.steps:
        yield from step_texts(step)


def step_texts(step: Step) -> Iterator[str]:
    """Yield what to do in one step."""
    yield from (f"{upload_text(each)}, and restart TVS" for each in step.uploads)
    silent = ", while TVS is silent" if step.tvs is Tvs.DOWN else ""
    off = ", except those that are off" if step.off else ""
    waits = step.reset and step.label != ONCE_MORE
    yield f"{step.label}{silent}; {_WAIT}{off}" if waits else f"{step.label}{silent}"
