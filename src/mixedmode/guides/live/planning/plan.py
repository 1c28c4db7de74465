"""Plans a run on a cluster from outside: what must be so before it, and what every phone would do. Types nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MixedModeError
from mixedmode.guides.lists import choices_of, tokens_in
from mixedmode.guides.live.following import standing
from mixedmode.guides.live.planning.foresight import foresee, phones_in
from mixedmode.guides.live.seeing.effects import adapted
from mixedmode.guides.live.seeing.situation import Situation, facts_of, node_findings
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import Facts, Token, Topic
from mixedmode.procedures.steps import CtlClient, Step

_NO_TOKENS_FROM: Final = (14, 0, 1, 13900)
"""14SU3 (docs/specification/cucm-admin.md 3)."""
_TOKENLESS_FROM: Final = (10, 0, 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known before a run.

    Attributes:
        facts: What is so.
        judged: What was found of the preconditions.
        asked: What only a person can know.
        forecast: What every phone would do, as JSON.
        choices: The tokens that are known.
    """

    facts: Facts
    judged: tuple[Finding, ...]
    asked: tuple[str, ...]
    forecast: dict[str, Any]
    choices: dict[str, str]

    @property
    def broken(self) -> Finding | None:
        """The first precondition that does not hold."""
        return next((each for each in self.judged if each.held is False), None)


def plan_of(procedure: Procedure, seen: Situation, inventory: Path | None) -> Plan:
    """Return what is known before a run.

    Args:
        procedure: That is planned.
        seen: The cluster as it is.
        inventory: Of its phones, if there is one.

    Raises:
        MixedModeError: The inventory cannot be read.
    """
    choices = _tokens(procedure, seen)
    facts = facts_of(seen, choices)
    judged = [*node_findings(seen, frozenset()), *_version(procedure, seen)]
    for check in procedure.checked_before():
        if Topic.PHONES in check.needs:
            judged += [_in_step(procedure, seen, inventory)]
        else:
            judged += adapted(check, seen).find(facts, facts)
    asked = tuple(f"{each.what}." for each in procedure.preconditions if each.check is None)
    forecast = forecast_of(procedure.own_steps(), seen, choices, inventory)
    return Plan(facts, tuple(judged), asked, forecast, choices)


def forecast_of(
    steps: Sequence[Step], seen: Situation, choices: dict[str, str], inventory: Path | None
) -> dict[str, Any]:
    """Return what every phone of an inventory would do, empty without one."""
    if inventory is None:
        return {}
    try:
        return foresee(steps, seen, choices, phones_in(inventory, seen))
    except MixedModeError as error:
        return {"made": seen.at.isoformat(), "lost": 0, "problem": str(error)}


def _tokens(procedure: Procedure, seen: Situation) -> dict[str, str]:
    """Return the tokens of the CTL file where a procedure begins with them; the one that signed it is the second."""
    if not any(check.token is Token.SECOND for check in procedure.checked_before()):
        return {}
    return choices_of(dict(zip((Token.SECOND, Token.FIRST), tokens_in(seen.published()), strict=False)))


def _version(procedure: Procedure, seen: Situation) -> list[Finding]:
    numbers = tuple(int(part) for part in re.findall(r"[0-9]{1,9}", seen.version)[:4])
    if not numbers:
        return [Finding("the version of the publisher is known", None)]
    by_client = any(isinstance(step.act, CtlClient) for step in procedure.own_steps())
    if by_client and numbers >= _NO_TOKENS_FROM:
        return [
            Finding(
                f"version {seen.version} takes eTokens", held=False, detail="from 14SU3 on the CTL Provider does not"
            )
        ]
    if not by_client and numbers < _TOKENLESS_FROM:
        return [Finding(f"version {seen.version} has utils ctl", held=False, detail="it came with 10.0(1)")]
    return [Finding(f"version {seen.version} has what this needs", held=True)]


def _in_step(procedure: Procedure, seen: Situation, inventory: Path | None) -> Finding:
    """Say how many phones hold the published list; the forecast says what comes of it if some do not."""
    published = seen.published()
    if inventory is None or published is None:
        return Finding("every phone holds the published CTL file", None, "no inventory: --inventory FILE")
    try:
        return standing(phones_in(inventory, seen), published, procedure.phones).finding(published.sha1)
    except MixedModeError as error:
        return Finding("every phone holds the published CTL file", None, str(error))
