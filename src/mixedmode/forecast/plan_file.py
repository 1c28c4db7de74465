"""A plan as TOML that ``--plan`` reads: every step with what it does, and in comments the same for people.

``upload`` and ``signed_by`` name certificates by SHA-256; they stand in the lists that the plan publishes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from mixedmode.forecast.plan import Plan, Step
from mixedmode.forecast.proposal import Proposal, step_texts
from mixedmode.forecast.tally import summary


def written(proposal: Proposal) -> str:
    """Return a proposed plan as TOML."""
    lines = [f"# Then: {summary(proposal.numbers)}.", *plan_lines(proposal.plan)]
    return "\n".join(lines) + "\n"


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan."""
    for step in plan.steps:
        yield ""
        yield "[[step]]"
        yield from (f"# {_one_line(text)}" for text in step_texts(step))
        for key, value in _table(plan, step).items():
            yield f"{key} = {_value(value)}"


def _table(plan: Plan, step: Step) -> dict[str, str | bool | list[str]]:
    found: dict[str, str | bool | list[str]] = {}
    if step.uploads:
        found["upload"] = [f"{each.store.value}:{each.certificate.sha256.hex()}" for each in step.uploads]
    if step.operation:
        found["operation"] = step.operation
    sources = [each.source for each in step.lists if each.source]
    if sources:
        found["publish"] = sources
    if step.signed_by is not None:
        found["signed_by"] = step.signed_by.sha256.hex()
    off = [*sorted(step.off.names), *([f"{step.off.percent:g}%"] if step.off.percent else [])]
    if off:
        found["off"] = off
    found["tvs"] = (step.tvs or plan.tvs).value
    if not step.reset:
        found["reset"] = False
    return found


def _value(value: str | bool | list[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    # JSON's strings are TOML's, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
