"""The account of a rescue as a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mixedmode.faces.pictures.looks import text
from mixedmode.faces.report.page import page, table

if TYPE_CHECKING:
    from mixedmode.rescue.account import Account

_HEAD: Final = (
    ("phone", "phone"), ("model", "model"), ("outcome", "outcome"), ("reason", "reason"), ("list before", "itl_before"),
    ("list after", "itl_after"), ("keys that erase", "confirm_keys"), ("when", "time"),
)  # fmt: skip
_SHORT: Final = 12


def rescue_report(found: Account, evidence: str) -> str:
    """Return the page.

    Args:
        found: What came of it.
        evidence: The name of the file that it is made of.
    """
    counts = "".join(f"<li>{count:,} {text(outcome)}</li>" for outcome, count in found.outcomes.items())
    runs = "".join(
        f"<li>{text(run['time'])}: {text(run['person'])}, ticket {text(run['ticket'])}, plan {text(run['plan'])}</li>"
        for run in found.runs
    )
    order = sorted(found.rows, key=lambda row: (row["outcome"].startswith("proved"), row["outcome"], row["phone"]))
    rows = [[f"<td>{text(_cell(row, key))}</td>" for _, key in _HEAD] for row in order]
    stopped = f"<p>Stopped: {text(found.stopped)}</p>" if found.stopped else ""
    body = (
        f'<main id="main"><div class="head"><h1>Rescue</h1><p class="lead">{text(found.lead)}</p>{stopped}</div>\n'
        f'<div class="stack"><section><h2>Outcomes</h2><ul>{counts}</ul></section>\n'
        f"<section><h2>Runs</h2><ol>{runs}</ol></section>\n"
        f"<section><h2>Phones</h2>{table([(title, '') for title, _ in _HEAD], rows, label='Phones')}</section>\n"
        f"<section><h2>Evidence</h2><p>{text(evidence)}, {found.lines:,} lines; SHA-256 of the last one "
        f"{text(found.head)}</p></section></div></main>"
    )
    return page("Rescue", f"{len(found.rows):,} phones", body, f"made of {evidence} by mixedmode rescue report")


def _cell(row: dict[str, str], key: str) -> str:
    return row[key][:_SHORT] if key.startswith("itl_") else row[key]
