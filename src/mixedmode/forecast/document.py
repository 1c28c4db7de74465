"""A forecast as JSON (forecast.md 2)."""

from __future__ import annotations

from typing import Any

from mixedmode.forecast.evaluation import Link
from mixedmode.forecast.plan import Plan
from mixedmode.forecast.plan_file import written
from mixedmode.forecast.proposal import Proposal
from mixedmode.forecast.tally import Cell, Group, groups, outcomes, outcomes_after, switches
from mixedmode.inventory.kinds import held_text


def document(plan: Plan, cells: list[Cell]) -> dict[str, Any]:
    """Return the numbers, steps, groups and switches of a fleet."""
    return {
        "phones": sum(cell.count for cell in cells),
        "outcomes": {fate.value: count for fate, count in outcomes(cells).items()},
        "steps": [
            {
                "step": number,
                "change": step.label,
                "outcomes": {fate.value: count for fate, count in outcomes_after(cells, number - 1).items()},
            }
            for number, step in enumerate(plan.steps, 1)
        ],
        "groups": [_group(each) for each in groups(cells)],
        "switches": [{"setting": name, "phones": count} for name, count in switches(cells).items()],
    }


def _group(group: Group) -> dict[str, Any]:
    forecast, by_tvs = group.first, group.first.by_tvs
    return {
        "outcome": group.outcome.value,
        "count": group.count,
        "models": group.models,
        "ctl": held_text(forecast.kind.ctl),
        "itl": held_text(forecast.kind.itl),
        "examples": group.examples,
        "reason": forecast.reason,
        "chain": [_link(each) for each in forecast.chain],
        "remedy": group.remedy,
        "tvs": None
        if by_tvs is None
        else {"servers": list(by_tvs.servers), "certificate": by_tvs.certificate, "store": by_tvs.store},
        "notes": list(forecast.notes),
    }


def _link(link: Link) -> dict[str, Any]:
    decision = link.decision
    return {
        "file": link.file,
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "rule": decision.row,
        "setting": decision.setting,
        "step": link.step,
    }


def proposal_document(proposal: Proposal) -> dict[str, Any]:
    """Return a proposed plan, what comes of it, and who is lost under any."""
    return {
        "steps": list(proposal.steps),
        "plan": written(proposal),
        "outcomes": {fate.value: count for fate, count in proposal.numbers.items()},
        "left": [
            {
                "outcome": each.outcome.value,
                "count": each.count,
                "examples": list(each.examples),
                "why": each.why,
                "proved": each.proved,
            }
            for each in proposal.left
        ],
        "tried": proposal.tried,
        "whole": proposal.whole,
    }
