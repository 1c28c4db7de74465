"""What people read of a guided run on a cluster from outside: PURE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mixedmode.guides.words import gate_text, lost_names
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.guided.machine import gate_of
from mixedmode.procedures.steps import ByHand, CtlClient, ImportToken, Prompt, ResetPhones, RestartServices, Step

_NAMED: Final = 10
MARKS: Final = {True: "yes", False: "NO", None: "not seen from here"}
_HANDS: Final = (
    "by hand: Cisco Unified CM Administration > Device > Phone > Find > Reset Selected; a lab's phones:"
    " mixedmode phones reset --all --directory LAB"
)


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Return findings, one a line."""
    return [f"  {each.what}: {MARKS[each.held]}{f' ({each.detail})' if each.detail else ''}" for each in findings]


def plan_lines(procedure: Procedure, publisher: str) -> Iterator[str]:
    """Yield the plan: every step, what would be typed where, and from where on there is no way back."""
    gate = gate_of(procedure)
    for at, step in enumerate(procedure.own_steps()):
        if at == gate:
            yield f"  ---- {gate_text(step)}"
        yield f"  {at + 1:>2}. {step.what}"
        yield from (f"        {line}" for line in done_by(step, publisher))


def done_by(step: Step, publisher: str) -> Iterator[str]:
    """Yield how a step is done from here: what is typed where, or by hand."""
    match step.act:
        case Prompt():
            answers = f", answered with {' and '.join(step.act.answers)}" if step.act.answers else ""
            yield f"typed at {publisher}, after a yes: {step.act.line}{answers}"
        case ImportToken():
            yield f"typed at {publisher}, after a yes: {step.act.line}, and the certificate pasted"
        case RestartServices():
            for service in step.act.services:
                yield f"typed at every node that runs it, after a yes: utils service restart {service}"
            yield "or by hand: Cisco Unified Serviceability > Tools > Control Center - Feature Services"
        case ResetPhones():
            yield _HANDS
        case CtlClient():
            yield f"by hand, on the PC with the CTL Client: {'; '.join(step.act.lines[1:])}"
        case ByHand():
            yield f"by hand, {step.act.where}"


def question_of(step: Step, *, back: int | None, canary: bool = False) -> str:
    """Return the question before a step.

    Args:
        step: The step.
        back: The number of the step that can be taken back now, from 1; None if none can.
        canary: Whether one phone of each kind can be tried first.
    """
    taken = f", b takes step {back} back" if back is not None else ""
    match step.act:
        case Prompt() | ImportToken():
            return f"y types it, h it was done by hand, s leaves it out{taken}, q leaves: "
        case RestartServices():
            return f"y types it on each node, h it was done by hand, s leaves it out{taken}, q leaves: "
    first = "c tries one phone of each kind first, " if canary and isinstance(step.act, ResetPhones) else ""
    return f"{first}h it was done by hand, s leaves it out{taken}, q leaves: "


def forecast_lines(forecast: Mapping[str, Any]) -> list[str]:
    """Return what phones would do."""
    if problem := forecast.get("problem"):
        return [f"What phones would do is not known: {problem}"]
    numbers = forecast.get("numbers")
    if not isinstance(numbers, Mapping) or not numbers:
        return ["What phones would do is not known: no inventory was given (--inventory FILE)."]
    return [
        "Forecast: " + ", ".join(f"{fate} {int(count):,}" for fate, count in numbers.items() if count),
        *(f"  rests on: {text}" for text in forecast.get("rests_on", ()) or ()),
    ]


def plan_text(
    procedure: Procedure, publisher: str, judged: Sequence[Finding], asked: Sequence[str], forecast: Mapping[str, Any]
) -> list[str]:
    """Return the plan of a run with what is known before it."""
    names = lost_names(forecast)
    lost = [f"  {fate.value}: {name} ({model})" for fate, name, model in names[:_NAMED]]
    more = [f"  and {len(names) - _NAMED:,} more; the run's file names them"] if len(names) > _NAMED else []
    return [
        procedure.title, "", procedure.about,
        "", "What must be so before:", *finding_lines(judged),
        *(["", "What only you can know:", *(f"  {each}" for each in asked)] if asked else []),
        "", "Plan:", *plan_lines(procedure, publisher),
        "", *forecast_lines(forecast), *lost, *more,
    ]  # fmt: skip
