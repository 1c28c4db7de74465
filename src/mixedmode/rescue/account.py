"""What a file of evidence amounts to, for people: each phone with its outcome, and the run; pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from mixedmode.printable import spreadsheet_cell
from mixedmode.rescue.chain import Evidence
from mixedmode.rescue.outcomes import Outcome
from mixedmode.rescue.resuming import result_of

COLUMNS: Final = (
    "phone", "model", "load", "address", "outcome", "reason", "ctl_before", "itl_before", "ctl_after", "itl_after",
    "messages", "keys", "confirm_keys", "time",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """What came of a rescue.

    Attributes:
        runs: Who ran it, for which ticket, when, with which plan.
        rows: Of each phone, by :data:`COLUMNS`.
        outcomes: How many of each.
        stopped: Why the last run was stopped; empty if it was not.
        ended: Whether the last run came to its end.
        head: The hash of the last line.
        lines: Of evidence.
    """

    runs: tuple[dict[str, str], ...]
    rows: tuple[dict[str, str], ...]
    outcomes: dict[str, int]
    stopped: str
    ended: bool
    head: str
    lines: int

    @property
    def saved(self) -> int:
        """How many are proved."""
        return sum(self.outcomes.get(each.value, 0) for each in Outcome if each.is_proof)

    @property
    def lead(self) -> str:
        """The first line."""
        right = self.outcomes.get(Outcome.ALREADY_RIGHT.value, 0)
        line = f"{self.saved:,} of {len(self.rows):,} proved saved"
        return f"{line}, {right:,} were right already" if right else line

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "runs": [dict(run) for run in self.runs],
            "outcomes": self.outcomes,
            "saved": self.saved,
            "stopped": self.stopped or None,
            "ended": self.ended,
            "head": self.head,
            "lines": self.lines,
            "phones": [dict(row) for row in self.rows],
        }

    def csv(self) -> str:
        """Return it as CSV; a cell that a spreadsheet would calculate has a quote before it."""
        sink = io.StringIO()
        writer = csv.writer(sink)
        writer.writerow(COLUMNS)
        for row in self.rows:
            writer.writerow([spreadsheet_cell(row[column]) for column in COLUMNS])
        return sink.getvalue()


def account(evidence: Evidence) -> Account:
    """Return what evidence amounts to."""
    rows: dict[str, dict[str, str]] = {}
    runs: list[dict[str, str]] = []
    stopped, ended = "", False
    for record in evidence.records:
        event, name = record["event"], str(record.get("phone", ""))
        if event == "run":
            wanted = ("time", "person", "ticket", "plan", "version", "cluster")
            runs.append({key: str(record.get(key, "")) for key in wanted})
            ended = False
        elif event == "end":
            stopped, ended = str(record.get("stopped", "")), True
        elif event == "key" and name:
            row = rows.setdefault(name, dict.fromkeys(COLUMNS, "") | {"phone": name, "keys": "0", "confirm_keys": "0"})
            row["keys"] = str(int(row["keys"]) + 1)
            row["confirm_keys"] = str(int(row["confirm_keys"]) + bool(record.get("confirm")))
        elif event == "outcome" and name:
            row = rows.setdefault(name, dict.fromkeys(COLUMNS, "") | {"phone": name, "keys": "0", "confirm_keys": "0"})
            result = result_of(record)
            row |= {
                "outcome": result.outcome.value, "reason": result.reason, "ctl_after": result.ctl,
                "itl_after": result.itl, "messages": " | ".join(result.messages), "time": str(record.get("time", "")),
                "address": str(record.get("url", "")),
            }  # fmt: skip
            row |= {key: str(record.get(key, "")) for key in ("model", "load", "ctl_before", "itl_before")}
    for row in rows.values():
        row["outcome"] = row["outcome"] or "none yet"
    counts = Counter(row["outcome"] for row in rows.values())
    return Account(
        tuple(runs),
        tuple(rows.values()),
        dict(counts.most_common()),
        stopped,
        ended,
        evidence.head,
        len(evidence.records),
    )
