"""A forecast as its page shows it: the answer in a sentence, the picture, the tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from mixedmode.faces.pictures.flow import CAPTION, Block, Column, flow
from mixedmode.faces.web.kit.outcomes import LOOKS, Counts
from mixedmode.faces.web.pages.trust.foreseeing import Foreseen
from mixedmode.forecast.tally import Group, groups, moves, outcomes, outcomes_after
from mixedmode.phone.mind.fate.prospect import LOST, Fate

_GROUPS: Final = 40


def shown(made: Foreseen) -> dict[str, Any]:
    """Return what the page shows of a forecast."""
    after = outcomes(made.cells)
    found = groups(made.cells)
    return {
        "counts": Counts(after),
        "changes": changes(made.before, after),
        "figure": Markup(_figure(made)),  # noqa: S704 - every text in it is escaped
        "caption": CAPTION,
        "steps": [
            (number, step.label, outcomes_after(made.cells, number - 1))
            for number, step in enumerate(made.plan.steps, 1)
        ],
        "groups": [(group, _remedy(group)) for group in found[:_GROUPS]],
        "more_groups": max(0, len(found) - _GROUPS),
        "lead": _lead(made, after),
    }


def _lead(made: Foreseen, after: Mapping[Fate, int]) -> tuple[str, str]:
    counted = {fate: sum(cell.count for cell in made.lost if cell.forecast.outcome is fate) for fate in LOST}
    said = [
        f"{counted[fate]:,} {'phone more is' if counted[fate] == 1 else 'phones more are'} {word}"
        for fate, word in ((Fate.LOCKED_OUT, "locked out"), (Fate.FROZEN, "frozen"))
        if counted[fate]
    ]
    unknown = after[Fate.UNKNOWN]
    rest = f" {unknown:,} {'is' if unknown == 1 else 'are'} unknown, and not counted as safe." if unknown else ""
    if said:
        return f"As planned, {' and '.join(said)}.", f"Nothing is done yet.{rest}"
    return "As planned, nobody is lost that is not lost already.", f"Nothing is done yet.{rest}"


def _remedy(group: Group) -> str:
    """Return what would help a group: of those of which too little is known, in the words of these pages."""
    if group.outcome is Fate.UNKNOWN and group.first.kind.model is not None:
        return "reset them: a phone that registers says what it holds"
    return group.remedy or "none needed"


def changes(before: Mapping[Fate, int], after: Mapping[Fate, int]) -> dict[Fate, str]:
    """Return how many phones more or fewer have each outcome, in words."""
    found = {}
    for look in LOOKS:
        change = after.get(look.fate, 0) - before.get(look.fate, 0)
        found[look.fate] = "same" if not change else f"{change:+,}".replace("-", "\N{MINUS SIGN}")
    return found


def _figure(made: Foreseen) -> str:
    after = [outcomes_after(made.cells, number) for number in range(len(made.plan.steps))]
    columns_of = [made.before, *after]
    blocks: list[Mapping[Block, int]] = [{look.fate: each.get(look.fate, 0) for look in LOOKS} for each in columns_of]
    titles = [("Now", "")]
    titles += [(f"After step {number}", step.label) for number, step in enumerate(made.plan.steps, 1)]
    columns = [Column(title, note, counts) for (title, note), counts in zip(titles, blocks, strict=True)]
    ways = [made.passing, *(moves(made.cells, number) for number in range(1, len(after)))]
    passed: list[Mapping[tuple[Block, Block], int]] = [
        {(one, two): count for (one, two), count in each.items()} for each in ways
    ]
    return flow(columns, passed)
