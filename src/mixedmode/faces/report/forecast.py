"""The report of a forecast: who is lost, how outcomes flow from step to step, groups with reasons and remedies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.faces.pictures.flow import CAPTION, Block, Column, flow
from mixedmode.faces.pictures.looks import LOOKS, badge, icon, text
from mixedmode.faces.report.page import page, table
from mixedmode.forecast.tally import Cell, Group, groups, moves, outcomes, outcomes_after, switches
from mixedmode.inventory.kinds import MODES, shown_held
from mixedmode.phone.mind.fate.prospect import LOST, Fate

if TYPE_CHECKING:
    from mixedmode.forecast.evaluation import Link
    from mixedmode.forecast.plan import Plan
    from mixedmode.forecast.proposal import Proposal

_NAMED: Final = 40


@dataclass(frozen=True, slots=True)
class About:
    """What a report says of itself.

    Attributes:
        inventory: Where the phones are from.
        made: When and by whom it was made.
        notes: What was left out, and what else there is to know.
    """

    inventory: str
    made: str
    notes: tuple[str, ...] = ()


def report(plan: Plan, cells: list[Cell], about: About, proposal: Proposal | None = None) -> str:
    """Return the page.

    Args:
        plan: The change.
        cells: The phones.
        about: Of the report.
        proposal: A better plan, if one was asked for.
    """
    found = groups(cells)
    numbers = outcomes(cells)
    total = sum(numbers.values())
    labels = [step.label for step in plan.steps]
    parts = [
        _lost(found),
        _figure(plan, cells, total),
        '<div class="grid">',
        _steps("The change", labels),
        *(_proposal(proposal, numbers) if proposal is not None else ()),
        "</div>",
        _groups(found),
        _open(cells),
        _notes(about.notes),
    ]
    title = f"Forecast: {labels[0]}{f', and {len(labels) - 1} more steps' if len(labels) > 2 else ''}"
    title += f"; then {labels[1]}" if len(labels) == 2 else ""
    body = (
        f'{_ribbon(numbers, total)}\n<main id="main"><div class="head"><h1>{text(title)}</h1>'
        f'<p class="lead">{_lead(numbers, total)}</p></div>\n<div class="stack">{"".join(parts)}</div></main>'
    )
    return page(title, f"{total:,} phones of {about.inventory}", body, about.made)


def _lead(numbers: Mapping[Fate, int], total: int) -> str:
    lost = [(numbers[fate], LOOKS[fate].word) for fate in LOOKS if fate in LOST and numbers[fate]]
    said = " and ".join(f"{count:,} {'is' if count == 1 else 'are'} {word}" for count, word in lost)
    first = f"Of {total:,} phones, {said}." if said else f"None of {total:,} phones is lost."
    rest = []
    if numbers[Fate.BEHIND]:
        rest.append(f"{numbers[Fate.BEHIND]:,} behind: something from afar brings them along.")
    if numbers[Fate.UNKNOWN]:
        rest.append(f"{numbers[Fate.UNKNOWN]:,} unknown: not counted as safe.")
    return f"<b>{first}</b> {' '.join(rest)} Nothing was touched."


def _ribbon(numbers: Mapping[Fate, int], total: int) -> str:
    items = "".join(
        f'<li class="{look.css}{" some" if numbers[fate] else ""}">{icon(look.css)}<b>{numbers[fate]:,}</b> '
        f"<span>{look.word}</span></li>"
        for fate, look in LOOKS.items()
    )
    return f'<ul class="ribbon" aria-label="Phones by outcome">{items}<li><b>{total:,}</b> phones</li></ul>'


def _lost(found: Iterable[Group]) -> str:
    parts = []
    some = [group for group in found if group.outcome in LOST]
    for fate in (fate for fate in LOOKS if fate in LOST):
        names = [name for group in some if group.outcome is fate for name in group.examples]
        count = sum(group.count for group in some if group.outcome is fate)
        if count:
            shown = "".join(f"<li>{text(name)}</li>" for name in names[:_NAMED])
            more = count - len(names[:_NAMED])
            rest = f'<p class="small soft">and {more:,} more: --phones-out FILE names all</p>' if more else ""
            parts.append(f'<p>{badge(fate)} <b>{count:,}</b></p><ul class="names">{shown}</ul>{rest}')
    return f'<section class="card"><h2>Who is lost</h2>{"".join(parts)}</section>\n' if parts else ""


def _figure(plan: Plan, cells: list[Cell], total: int) -> str:
    after = [outcomes_after(cells, number) for number in range(len(plan.steps))]
    columns = [Column("Before", "", {None: total})]
    for number, (step, counts) in enumerate(zip(plan.steps, after, strict=True), 1):
        columns.append(Column(f"After step {number}", step.label, {block: counts[block] for block in LOOKS}))
    passed: list[Mapping[tuple[Block, Block], int]] = [{(None, fate): count for fate, count in after[0].items()}]
    passed += [
        {(one, two): count for (one, two), count in moves(cells, number).items()} for number in range(1, len(after))
    ]
    rows = [
        [
            f'<th scope="row">{number}. {text(step.label)}</th>',
            *(f'<td class="num">{counts[each]:,}</td>' for each in LOOKS),
        ]
        for number, (step, counts) in enumerate(zip(plan.steps, after, strict=True), 1)
    ]
    head = [("After step", ""), *((look.word, "num") for look in LOOKS.values())]
    return (
        '<section class="card"><h2>From step to step</h2><figure class="wide" tabindex="0">'
        f"<figcaption>{total:,} phones. {CAPTION}</figcaption>{flow(columns, passed)}</figure>"
        f"{table(head, rows, label='Phones by outcome after each step')}{_passed(passed[1:])}</section>\n"
    )


def _passed(passed: list[Mapping[tuple[Block, Block], int]]) -> str:
    """Return the figures of the picture's ribbons that lead from one outcome to another."""
    rows = [
        [f'<th scope="row">{number}</th><td>{badge(one)}</td><td>{badge(two)}</td><td class="num">{count:,}</td>']
        for number, each in enumerate(passed, 2)
        for (one, two), count in each.items()
        if one is not None and two is not None and one is not two
    ]
    head = [("In step", ""), ("from", ""), ("to", ""), ("phones", "num")]
    return table(head, rows, label="Phones that pass from one outcome to another") if rows else ""


def _steps(title: str, labels: Iterable[str], more: str = "") -> str:
    items = "".join(
        f'<li>{icon("wait")}<span class="n">{number}</span><span>{text(label)}</span></li>'
        for number, label in enumerate(labels, 1)
    )
    return f'<section class="card flush"><h2>{text(title)}</h2><ol class="plan">{items}</ol>{more}</section>\n'


def _proposal(proposal: Proposal, numbers: Mapping[Fate, int]) -> Iterable[str]:
    yield _steps("Proposed plan", proposal.steps)
    rows = []
    for fate in LOOKS:
        change = proposal.numbers[fate] - numbers[fate]
        said = "same" if not change else f"{change:+,}".replace("-", "&minus;")
        rows.append(
            [f'<td>{badge(fate)}</td><td class="num"><b>{proposal.numbers[fate]:,}</b></td><td class="num">{said}</td>']
        )
    head = [("Outcome", ""), ("Phones", "num"), ("Change", "num")]
    left = "".join(
        f'<p class="small">{badge(each.outcome)}{" under any plan" if each.proved else ""}: '
        f'{_phones(each.count)}, such as <span class="mono">{text(", ".join(each.examples))}</span>'
        f": {text(each.why)}</p>"
        for each in proposal.left
    )
    yield (
        '<section class="card"><h2>After the proposed plan</h2>'
        f"{table(head, rows, label='Phones by outcome after the proposed plan')}{left}</section>\n"
    )


def _phones(count: int) -> str:
    return f"{count:,} phone{'' if count == 1 else 's'}"


def _groups(found: list[Group]) -> str:
    titles = ("Outcome", "Phones", "Models", "Mode", "Holds", "Why", "Remedy", "For example")
    head = [(title, "num" if title == "Phones" else "") for title in titles]
    shown = table(head, [_group(each) for each in found], label="Groups of phones", css="cards")
    return f'<section class="card flush"><h2>Groups</h2>{shown}</section>\n'


def _group(group: Group) -> list[str]:
    forecast = group.first
    kind = forecast.kind
    held = f"<li>CTL {text(shown_held(kind.ctl))}</li><li>ITL {text(shown_held(kind.itl))}</li>"
    more = ", ..." if group.count > len(group.examples) else ""
    return [
        f"<td>{badge(group.outcome)}</td>",
        f'<th scope="row" class="num">{group.count:,}</th>',
        f'<td data-l="Models">{text(", ".join(group.models))}</td>',
        f'<td data-l="Mode">{MODES[kind.mode]}</td>',
        f'<td data-l="Holds"><ul class="mono brk">{held}</ul></td>',
        f'<td data-l="Why"><ul>{"".join(f"<li>{each}</li>" for each in _why(group))}</ul></td>',
        f'<td data-l="Remedy">{text(group.remedy) or "None needed"}</td>',
        f'<td data-l="For example" class="mono brk">{text(", ".join(group.examples))}{more}</td>',
    ]


def _why(group: Group) -> Iterable[str]:
    forecast = group.first
    if group.outcome is Fate.UNKNOWN:
        yield text(forecast.reason)
    for link in forecast.chain:
        yield _link(link)
    if forecast.by_tvs is not None:
        yield text(f"TVS: {forecast.by_tvs}")
    for note in forecast.notes:
        yield text(f"Note: {note}")


def _link(link: Link) -> str:
    return f"<b>{text(str(link))}</b>" if link.decision.refused else text(str(link))


def _open(cells: list[Cell]) -> str:
    depending = switches(cells)
    if not depending:
        return ""
    rows = [[f'<th scope="row">{text(name)}</th><td class="num">{count:,}</td>'] for name, count in depending.items()]
    shown = table([("Question", ""), ("Phones", "num")], rows, label="Open questions")
    return (
        '<section class="card flush"><h2>Depends on what is not known, or was asked both ways</h2>'
        f'{shown}<p class="small soft">--policy NAME=true answers.</p></section>\n'
    )


def _notes(notes: Iterable[str]) -> str:
    items = "".join(f"<li>{text(note)}</li>" for note in notes)
    return f'<section class="card"><h2>Notes</h2><ul class="small">{items}</ul></section>\n' if items else ""
