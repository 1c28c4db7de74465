"""What ``mixedmode forecast`` shows: who is lost, one line of numbers, then the groups and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.forecast.plan_file import written
from mixedmode.forecast.tally import Cell, Group, groups, outcomes, outcomes_after, summary, switches
from mixedmode.inventory.kinds import MODES, shown_held
from mixedmode.phone.mind.fate.prospect import LOST, SAFE, Fate

if TYPE_CHECKING:
    from mixedmode.forecast.plan import Plan
    from mixedmode.forecast.proposal import Proposal

_NAMED: Final = 20
_COLOURS: Final = {
    Fate.LOCKED_OUT: Colour.RED,
    Fate.FROZEN: Colour.RED,
    Fate.UNKNOWN: Colour.YELLOW,
    Fate.BEHIND: Colour.YELLOW,
}
_WORDS: Final = {Fate.LOCKED_OUT: "locked out", Fate.FROZEN: "frozen", Fate.UNKNOWN: "unknown"}


def screen(plan: Plan, cells: list[Cell], *, steps: bool) -> Iterator[str]:
    """Yield the lines.

    Args:
        plan: The change.
        cells: The phones.
        steps: Whether to show the numbers after each step.
    """
    found = groups(cells)
    lost = [group for group in found if group.outcome in LOST]
    yield from _lost(lost)
    numbers = outcomes(cells)
    yield Painted(summary(numbers), Colour.RED if lost else Colour.GREEN)
    if steps:
        yield ""
        for number, step in enumerate(plan.steps, 1):
            yield f"after step {number} ({step.label}): {summary(outcomes_after(cells, number - 1))}"
    for group in found:
        if group.outcome is not Fate.FOLLOWS:
            yield ""
            yield from _group(group)
    depending = switches(cells)
    if depending:
        yield ""
        yield "Depends on what is not known, or was asked both ways (--policy NAME=true answers):"
        yield from (f"  {name}: {count:,} phones" for name, count in depending.items())


def _lost(lost: list[Group]) -> Iterator[str]:
    for fate in LOST:
        some = [group for group in lost if group.outcome is fate]
        names = [name for group in some for name in group.examples][:_NAMED]
        more = sum(group.count for group in some) - len(names)
        if names:
            rest = f" and {more:,} more (--phones-out FILE names all)" if more else ""
            yield Painted(f"{_WORDS[fate]}: {', '.join(names)}{rest}", Colour.RED)


def _group(group: Group) -> Iterator[str]:
    forecast, count, examples = group.first, group.count, group.examples
    outcome, kind = forecast.outcome, forecast.kind
    mode = f", {MODES[kind.mode]}" if kind.mode > 1 else ""
    head = f"{outcome}: {count:,} phone{'s' if count != 1 else ''}, {', '.join(group.models)}{mode}"
    colour = _COLOURS.get(outcome)
    yield head if colour is None else Painted(head, colour)
    yield f"  holds: CTL {shown_held(kind.ctl)}, ITL {shown_held(kind.itl)}"
    if outcome is Fate.UNKNOWN:
        yield f"  why: {forecast.reason}"
    safe = outcome in SAFE
    for link in forecast.chain:
        if safe or link.decision.refused:
            yield f"  {link}"
    if forecast.by_tvs is not None:
        yield f"  TVS: {forecast.by_tvs}"
    if group.remedy:
        yield f"  remedy: {group.remedy}"
    yield from (f"  note: {note}" for note in forecast.notes)
    more = ", ..." if count > len(examples) else ""
    yield f"  phones: {', '.join(examples)}{more}"


def proposal_lines(proposal: Proposal) -> Iterator[str]:
    """Yield a proposed plan for people."""
    yield ""
    yield "Proposed plan:" if proposal.changed else "Proposed plan: the one that was asked about"
    yield from (f"  {number}. {text}" for number, text in enumerate(proposal.steps, 1))
    yield f"  then: {summary(proposal.numbers)}"
    if not proposal.whole:
        yield f"  {proposal.tried:,} plans were tried; a shorter one may exist"
    for each in proposal.left:
        more = f" and {each.count - len(each.examples):,} more" if each.count > len(each.examples) else ""
        any_plan = " under any plan" if each.proved else ""
        yield f"  {_WORDS[each.outcome]}{any_plan}: {', '.join(each.examples)}{more}: {each.why}"
    if proposal.changed:
        yield ""
        yield "The same for --plan FILE:"
        yield from (f"  {line}".rstrip() for line in written(proposal).splitlines())
