"""The account of a rescue as a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.faces.pictures.looks import text
from mixedmode.faces.report.page import page, table

if TYPE_CHECKING:
    from mixedmode.rescue.account import Account

_COLUMNS: Final = (
    ("Phone", "phone"), ("Model", "model"), ("Outcome", "outcome"), ("Reason", "reason"), ("ITL before", "itl_before"),
    ("ITL after", "itl_after"), ("Erased by", "confirm_keys"), ("When", "time"),
)  # fmt: skip
_SHORT: Final = 12


def rescue_report(found: Account, evidence: str) -> str:
    """Return the page.

    Args:
        found: What came of it.
        evidence: The name of the file that it is made of.
    """
    last = found.runs[-1] if found.runs else {}
    title = f"Rescue, ticket {last['ticket']}" if last.get("ticket") else "Rescue"
    state = f"Stopped: {found.stopped}" if found.stopped else "" if found.ended else "It did not come to its end."
    body = (
        f'<main id="main"><div class="head"><h1>{text(title)}</h1><p class="lead">{text(found.lead)}</p>'
        f'{f"<p>{text(state)}</p>" if state else ""}</div>\n<div class="stack">'
        f'<section class="card flush"><h2>Outcomes</h2>{_outcomes(found)}</section>\n'
        f'<section class="card flush"><h2>Phones</h2>{_phones(found)}</section>\n'
        f'<section class="card flush"><h2>Runs</h2>{_runs(found)}</section>\n'
        f'<section class="card"><h2>Evidence</h2><p>{text(evidence)}, {found.lines:,} lines. SHA-256 of the last one: '
        f'<span class="mono brk">{text(found.head)}</span></p></section></div></main>'
    )
    return page(title, f"{len(found.rows):,} phones", body, f"made of {evidence} by mixedmode rescue report")


def _outcomes(found: Account) -> str:
    rows = [
        [f'<th scope="row">{text(outcome)}</th>', f'<td class="num">{count:,}</td>']
        for outcome, count in found.outcomes.items()
    ]
    return table([("Outcome", ""), ("Phones", "num")], rows, label="Phones by outcome")


def _phones(found: Account) -> str:
    order = sorted(found.rows, key=lambda row: (row["outcome"].startswith("proved"), row["outcome"], row["phone"]))
    rows = [[f'<td data-l="{title}">{text(_cell(row, key))}</td>' for title, key in _COLUMNS] for row in order]
    return table([(title, "") for title, _ in _COLUMNS], rows, label="Phones", css="cards")


def _runs(found: Account) -> str:
    rows = [
        [f"<td>{text(_cell(run, key))}</td>" for key in ("time", "person", "ticket")]
        + [f'<td class="mono brk">{text(run["plan"])}</td>']
        for run in found.runs
    ]
    return table([(title, "") for title in ("Begun", "By", "Ticket", "Plan")], rows, label="Runs")


def _cell(row: dict[str, str], key: str) -> str:
    value = row[key]
    if key.startswith("itl_"):
        return value[:_SHORT]
    if key == "confirm_keys":
        return {"0": "no key", "1": "one key"}.get(value, f"{value} keys")
    return f"{value[:19].replace('T', ' ')} UTC" if key == "time" and value else value
