"""A run as its page shows it: the plan, the current step with what its button says, what was found, who is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mixedmode.faces.web.kit.outcomes import Counts
from mixedmode.faces.web.kit.render import moment
from mixedmode.guides.kept import Opened
from mixedmode.guides.words import gate_text, kind_of
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.guided.machine import changes_trust, gate_of, taken_back_next
from mixedmode.procedures.guided.run import RunState, StepRecord, StepState
from mixedmode.procedures.steps import ResetPhones, Step

_ICONS: Final = {
    StepState.OPEN: "wait",
    StepState.DOING: "now",
    StepState.DONE: "ok",
    StepState.FAILED: "fail",
    StepState.LEFT_OUT: "off",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the plan."""

    number: int
    state: str
    text: str
    small: str
    gate: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Current:
    """The current step.

    Attributes:
        number: From 1.
        step: What it says.
        record: What has become of it.
        button: What its button says that it will do; empty where a form of its own does.
        by_hand: Whether a person does it elsewhere.
        commands: What is typed for it.
        trust: Whether it changes what phones are asked to trust.
        kind: ``do``, ``hand``, ``token`` or ``client``.
        canary: Whether one phone of each kind can go first.
    """

    number: int
    step: Step
    record: StepRecord
    button: str
    by_hand: bool
    commands: tuple[str, ...]
    trust: bool
    kind: str
    canary: bool


def plan_lines(procedure: Procedure, records: Sequence[StepRecord], current: int | None) -> list[Line]:
    """Return the lines of the plan, the gate before the step that no single act takes back."""
    steps, gate = procedure.own_steps(), gate_of(procedure)
    lines = []
    for at, (step, record) in enumerate(zip(steps, records, strict=True)):
        state = "now" if at == current and record.state is StepState.OPEN else _ICONS[record.state]
        text = gate_text(step) if at == gate else ""
        lines.append(Line(at + 1, state, step.what, _small(record, waits=at == current), text))
    return lines


def fresh_plan(procedure: Procedure) -> list[Line]:
    """Return the plan of a procedure that nobody runs."""
    return plan_lines(procedure, [StepRecord() for _ in procedure.own_steps()], None)


def _small(record: StepRecord, *, waits: bool) -> str:
    when = moment(record.ended or record.began) if record.ended or record.began else ""
    match record.state:
        case StepState.DOING:
            return f"{record.who.name} does it since {moment(record.began, seconds=True)}"
        case StepState.DONE:
            shown = next((each.what for each in record.findings if each.held), "")
            return ", ".join(filter(None, (when, record.who.name, shown)))
        case StepState.FAILED:
            return f"{when}, {record.who.name}: does not hold"
        case StepState.LEFT_OUT:
            return f"left out by {record.who.name}, {when}"
    return "waits for you" if waits else ""


def current_of(opened: Opened) -> Current | None:
    """Return the current step, None if there is none."""
    at = opened.run.current
    if at is None:
        return None
    step, record = opened.steps[at], opened.run.steps[at]
    kind, button = kind_of(step)
    return Current(
        at + 1,
        step,
        record,
        button,
        step.act.by_hand,
        step.act.lines,
        changes_trust(step),
        kind,
        isinstance(step.act, ResetPhones),
    )


def counts_of(forecast: dict[str, Any]) -> Counts | None:
    """Return the numbers of a forecast, None if there is none."""
    numbers = forecast.get("numbers")
    if not isinstance(numbers, dict):
        return None
    return Counts({fate: int(numbers.get(fate.value, 0)) for fate in Fate}, datetime.fromisoformat(forecast["made"]))


def stopped_by(opened: Opened) -> tuple[int, list[str]] | None:
    """Return the step that a stopped run failed at, from 1, and why; None if it was stopped by somebody."""
    if opened.run.state is not RunState.STOPPED:
        return None
    failed = (at for at, each in enumerate(opened.run.steps, 1) if each.state is StepState.FAILED)
    at = next((at for at in failed if opened.run.steps[at - 1].problem), None)
    return None if at is None else (at, opened.run.steps[at - 1].problem.splitlines())


def undo_lines(opened: Opened) -> list[tuple[int, str, str]]:
    """Return what leads back from what was done: step, how, and the procedure that does it; the last first."""
    found = []
    for at in reversed(range(len(opened.steps))):
        undo = opened.steps[at].undo
        if undo.possible is not None and opened.run.steps[at].state is StepState.DONE:
            found.append((at + 1, undo.how, undo.procedure))
    return found


def taken_back(opened: Opened) -> int | None:
    """Return the number of the step that can be taken back at once, from 1; None if none can."""
    at = taken_back_next(opened.procedure, opened.run)
    return None if at is None else at + 1
