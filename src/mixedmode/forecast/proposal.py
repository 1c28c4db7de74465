"""The shortest plan under which nobody is lost who can be saved, and why no plan saves the others.

Rules:

1. What may be changed: the order of the steps, if they end with the same lists; restarts between them; TVS answering;
   certificates that are uploaded before a step. Lists are published as they are: what signing again would help,
   a phone's own remedy says.
2. The plan that loses the fewest comes first, then the one that leaves the fewest behind, then the cheapest; of it,
   uploads that change nothing are left out, the latest first.
3. Phones of which not enough is known count for no plan.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Tvs
from mixedmode.forecast.remedies import LOST, Change, changes, name
from mixedmode.forecast.tally import EXAMPLES, Cell
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.trust.lookup import anchors, names_tvs
from mixedmode.trustlist.model import TrustList

_WAIT: Final = "restart every phone, and wait until each reports the new list"


@dataclass(frozen=True, slots=True)
class Left:
    """Phones that no plan saves.

    Attributes:
        outcome: What becomes of them under the proposed plan.
        count: How many.
        examples: The names of the first ones.
        why: One sentence.
    """

    outcome: Fate
    count: int
    examples: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan.

    Attributes:
        plan: The plan.
        steps: What to do, in order.
        numbers: How many phones have which outcome under it.
        left: Who is lost under any plan.
    """

    plan: Plan
    steps: tuple[str, ...]
    numbers: dict[Fate, int]
    left: tuple[Left, ...]


def proposed(forecaster: Forecaster, cells: list[Cell]) -> Proposal:
    """Return the best plan for a fleet."""
    plan = forecaster.plan
    absent = tuple(any(column) for column in zip(*(cell.absences for cell in cells if cell.absences), strict=True))
    best = Change("", plan, 0)
    least = _score(forecaster, best, cells)
    for change in changes(plan, absent):
        if least[:2] == (0, 0):
            break
        score = _score(forecaster, change, cells)
        if score < least:
            best, least = change, score
    best = _pruned(forecaster, best, least, cells)
    numbers = Counter[Fate]()
    left: dict[tuple[Fate, str], list[Cell]] = {}
    for cell in cells:
        fate = _outcome(forecaster, best, cell)
        numbers[fate] += cell.count
        if fate in LOST:
            left.setdefault((fate, why_lost(cell.forecast.kind, best.plan)), []).append(cell)
    return Proposal(
        best.plan,
        tuple(_steps(best, plan)),
        {fate: numbers[fate] for fate in Fate},
        tuple(
            Left(
                fate,
                sum(cell.count for cell in lost),
                tuple(each for cell in lost for each in cell.examples)[:EXAMPLES],
                why,
            )
            for (fate, why), lost in left.items()
        ),
    )


def _outcome(forecaster: Forecaster, change: Change, cell: Cell) -> Fate:
    return forecaster.changed(change.plan).outcome(cell.forecast.kind, change.absences(cell.absences))


def _score(forecaster: Forecaster, change: Change, cells: list[Cell]) -> tuple[int, int, int]:
    numbers = Counter[Fate]()
    for cell in cells:
        numbers[_outcome(forecaster, change, cell)] += cell.count
    return sum(numbers[fate] for fate in LOST), numbers[Fate.BEHIND], change.cost


def _pruned(forecaster: Forecaster, change: Change, score: tuple[int, int, int], cells: list[Cell]) -> Change:
    """Return a plan without uploads that change nothing (rule 2)."""
    for place, step in reversed(list(enumerate(change.plan.steps))):
        for certificate in step.trusted:
            kept = tuple(each for each in change.plan.steps[place].trusted if each != certificate)
            steps = list(change.plan.steps)
            steps[place] = replace(steps[place], trusted=kept)
            fewer = replace(change, plan=replace(change.plan, steps=tuple(steps)))
            if _score(forecaster, fewer, cells)[:2] == score[:2]:
                change = fewer
    return change


def _steps(change: Change, before: Plan) -> list[str]:
    found = []
    if before.tvs is Tvs.DOWN and change.plan.tvs is not Tvs.DOWN:
        found.append("have TVS answer")
    for step in change.plan.steps:
        found += [f"upload {name(each)} as Phone-SAST-trust, and restart TVS" for each in step.trusted]
        off = ", except those that are off" if step.off else ""
        found.append(f"{step.label}; {_WAIT}{off}" if step.reset else step.label)
    return found


def why_lost(kind: PhoneKind, plan: Plan) -> str:
    """Return in one sentence why no plan saves a phone."""
    held = [each for each in (kind.ctl, kind.itl) if isinstance(each, TrustList)]
    if kind.model is not None and not kind.model.security_by_default:
        held = held[:1] if isinstance(kind.ctl, TrustList) else []
    offered = {each.der for each in plan.certificates()}
    shared = "" if anchors(held) & offered else "it holds no anchor in common with anything that a step can publish"
    if kind.model is not None and not kind.model.security_by_default:
        tvs = f"a {kind.model.name} cannot ask TVS"
    elif not isinstance(kind.itl, TrustList) or not names_tvs(kind.itl):
        tvs = "its ITL names no TVS server"
    else:
        tvs = "none of the TVS servers that its ITL names answers"
    return f"{shared}, and {tvs}" if shared else f"none whom it trusts signed what is published, and {tvs}"
