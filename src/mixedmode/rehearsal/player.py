"""Plays a procedure's definition on a stage: does its steps, judges its checks, sees how each phone ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from mixedmode.errors import MixedModeError
from mixedmode.faces.terminal.console import Colour, Painted
from mixedmode.phone.mind.fate.observed import NOBODY_LOOKED, Observed, observed
from mixedmode.phone.mind.fate.prospect import LOST
from mixedmode.procedures.checks import Check, Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import Facts, Topic
from mixedmode.procedures.phones import HOW, PhoneAct, ended_so
from mixedmode.procedures.reading import shown_list
from mixedmode.procedures.steps import Part, Step
from mixedmode.rehearsal.evidence import show_caching, show_verification
from mixedmode.rehearsal.foresight import Foresight, foresee
from mixedmode.rehearsal.observer import observe
from mixedmode.rehearsal.report import Promise
from mixedmode.rehearsal.stage import Stage

_IN_A_LAB: Final = {
    **HOW,
    PhoneAct.DELETE_CTL: f"{HOW[PhoneAct.DELETE_CTL]}; in a lab: mixedmode phones delete-ctl NAME",
}
_EVIDENCE: Final[Mapping[str, Callable[[Stage], None]]] = {
    "tvs-caches": show_caching,
    "tvs-vouched": show_verification,
}
"""What the seed shows beside a check."""
_POLL_SECONDS: Final = 0.05
_NAMED: Final = 10


async def play(procedure: Procedure, stage: Stage) -> None:
    """Play a procedure; what does not hold is in the report.

    Raises:
        CheckFailedError: It cannot go on.
    """
    if procedure.needs_tokens:
        stage.tell(f"# Security tokens: {stage.hands.kind}")
    stage.registers = Topic.REGISTRATIONS in procedure.needs
    before, foreseen = None, None
    for step in procedure.steps:
        if before is None and step.part is not Part.BEFORE:
            before = _begin(procedure, stage)
            foreseen = _foresee(procedure, stage)
        await _do(step, stage, before)
    _see_phones(procedure, stage, before or Facts(), foreseen)


def _begin(procedure: Procedure, stage: Stage) -> Facts:
    """Judge the preconditions; return what is so."""
    before = observe(stage, procedure.needs)
    for check in procedure.checked_before():
        for finding in check.find(before, before):
            stage.note(Finding(f"before it begins: {finding.what}", finding.held, finding.detail))
    return before


def _foresee(procedure: Procedure, stage: Stage) -> Foresight | None:
    """Say what every phone will do, before anything is done."""
    stage.since = {}
    try:
        foreseen = foresee(procedure, stage)
    except MixedModeError as error:
        stage.note(Finding("what every phone will do can be foreseen", held=False, detail=str(error)))
        return None
    if foreseen is not None:
        numbers = foreseen.numbers
        stage.report.forecast = numbers
        stage.head("Forecast: what every phone will do")
        stage.tell(f"# {', '.join(f'{fate} {count}' for fate, count in numbers.items())}")
        for fate in LOST:
            names = foreseen.named(fate)
            if names:
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                stage.tell(Painted(f"# {fate}: {', '.join(names[:_NAMED])}{more}", Colour.YELLOW))
        stage.tell()
    return foreseen


async def _do(step: Step, stage: Stage, before: Facts | None) -> None:
    if step.heading:
        stage.head(step.heading.format(phones=len(stage.lab.phones) // 2))
    await stage.do(step.act, refused=any(check.of_refusal for check in step.after))
    for check in step.after:
        for finding in await _judged(check, stage, before):
            stage.note(finding)
        if check.name in _EVIDENCE:
            _EVIDENCE[check.name](stage)


async def _judged(check: Check, stage: Stage, before: Facts | None) -> list[Finding]:
    """Judge a check, again and again while it may become true."""
    end = asyncio.get_running_loop().time() + check.within
    while True:
        now = observe(stage, check.needs)
        found = list(check.find(before or now, now))
        if all(finding.held for finding in found) or asyncio.get_running_loop().time() >= end:
            return found
        await asyncio.sleep(_POLL_SECONDS)


def _see_phones(procedure: Procedure, stage: Stage, before: Facts, foreseen: Foresight | None) -> None:
    """State how each phone ended, what a person must do about it, and whether that was foreseen."""
    now = observe(stage, {Topic.LISTS, Topic.PHONES})
    kinds = {phone.name: phone.kind for phone in (*(now.phones or ()), *(before.phones or ()))}
    shown = shown_list(stage.said)
    standings = stage.standings
    came = {} if foreseen is None else foreseen.observed(stage.since, standings)
    for phone in now.phones or ():
        rule = procedure.phones[kinds[phone.name]]
        held = ended_so(rule.ending, phone, before.ctl, now, shown)
        remedy = rule.remedy.text(_IN_A_LAB) if rule.remedy else ""
        boot = stage.boots[phone.name]
        became = came.get(phone.name) or observed(boot, standings.get(phone.name, NOBODY_LOOKED))
        expected = None if foreseen is None else foreseen.fates.get(phone.name)
        stage.report.phones.append(
            Promise(boot, rule.ending.promised, held, remedy, became.fate, expected, became.note)
        )
    lost = [promise for promise in stage.report.phones if promise.remedy]
    if lost:
        stage.head(f"Phones that cannot ask TVS keep the old CTL, as the seed says: {len(lost)}")
    for promise in lost:
        stage.tell(Painted(f"# {promise.boot.name} ({promise.boot.model.name}): {promise.remedy}", Colour.YELLOW))
    if foreseen is not None:
        _prove(stage, foreseen, came)


def _prove(stage: Stage, foreseen: Foresight, came: Mapping[str, Observed]) -> None:
    """Say in one line whether each phone did what was foreseen, and of whom a forecast did not count the server."""
    others = [
        f"{name}: {each.fate}, foreseen {foreseen.fates[name]}"
        for name, each in came.items()
        if not each.is_as_foreseen(foreseen.fates[name])
    ]
    total = len(came)
    stage.tell()
    stage.tell(
        Painted(
            f"# Forecast: {total - len(others)} of {total} phones did what was foreseen",
            Colour.RED if others else Colour.GREEN,
        )
    )
    noted = [f"# {name} ({foreseen.models[name]}): {each.note}" for name, each in came.items() if each.note]
    for line in noted[:_NAMED]:
        stage.tell(line)
    if len(noted) > _NAMED:
        stage.tell(f"# and {len(noted) - _NAMED} more")
    stage.note(Finding("each phone did what was foreseen", not others, "; ".join(others[:_NAMED])))
