"""A run as its page shows it: the plan, the current step with what its button says, what was found, who is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mixedmode.faces.web.kit.outcomes import Counts
from mixedmode.faces.web.kit.render import moment
from mixedmode.guides.kept import Opened
from mixedmode.phone.mind.fate.prospect import LOST, Fate
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.guided.machine import changes_trust, gate_of, taken_back_next
from mixedmode.procedures.guided.run import RunState, StepRecord, StepState
from mixedmode.procedures.steps import (
    CtlClient,
    ImportToken,
    Prompt,
    ResetPhones,
    RestartServices,
    Step,
)

_ICONS: Final = {
    StepState.OPEN: "wait",
    StepState.DOING: "now",
    StepState.DONE: "ok",
    StepState.FAILED: "fail",
    StepState.LEFT_OUT: "off",
}
_WORDS: Final = {
    RunState.PLANNED: "planned",
    RunState.RUNNING: "running",
    RunState.ENDED: "ended",
    RunState.STOPPED: "stopped",
    RunState.DROPPED: "dropped",
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
    """

    number: int
    step: Step
    record: StepRecord
    button: str
    by_hand: bool
    commands: tuple[str, ...]
    trust: bool
    kind: str


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


def gate_text(step: Step) -> str:
    """Return what the gate says."""
    if step.undo.possible:
        return f"Nothing that phones trust is changed before this line. After it the way back is {step.undo.how}."
    return f"After this line there is no way back: {step.undo.how}."


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
    kind, button = _kind(step)
    return Current(at + 1, step, record, button, step.act.by_hand, step.act.lines, changes_trust(step), kind)


def _kind(step: Step) -> tuple[str, str]:
    kind, button = "hand", "I did it: verify"
    match step.act:
        case CtlClient():
            kind, button = "client", "Sign with these tokens and install the list"
        case ImportToken():
            kind, button = "token", f"Upload the certificate of {step.act.token} as Phone-SAST-trust"
        case Prompt():
            kind, button = "do", f"Look: {step.act.line}" if step.act.reads else f"Run {step.act.line}"
        case RestartServices():
            kind, button = "do", f"Restart {' and '.join(step.act.services)} on every node"
        case ResetPhones():
            kind, button = "do", "Reset every registered phone"
    return kind, button


def counts_of(forecast: dict[str, Any]) -> Counts | None:
    """Return the numbers of a forecast, None if there is none."""
    numbers = forecast.get("numbers")
    if not isinstance(numbers, dict):
        return None
    return Counts({fate: int(numbers.get(fate.value, 0)) for fate in Fate}, datetime.fromisoformat(forecast["made"]))


def lost_names(forecast: dict[str, Any]) -> list[tuple[Fate, str, str]]:
    """Return the phones that a forecast loses: outcome, name, model; the worst first."""
    names = forecast.get("names", {})
    return [(fate, str(name), str(model)) for fate in LOST for name, model in names.get(fate.value, ())]


def lead_of(opened: Opened) -> tuple[str, str]:
    """Return the answer of the page, and one sentence more."""
    run, total = opened.run, len(opened.steps)
    if run.state is RunState.PLANNED:
        return "Nothing is changed yet.", "This is the plan, with what every phone would do."
    done = f"{run.over} of {total} steps are done."
    if run.current is not None:
        step = opened.steps[run.current]
        return f"Step {run.current + 1} of {total}: {step.what[0].lower()}{step.what[1:]}", done
    if run.state is RunState.ENDED:
        left = sum(each.state is StepState.LEFT_OUT for each in run.steps)
        return "All steps are done.", f"{left} of {total} were left out." if left else "Each was verified."
    return f"This run is {_WORDS[run.state]}.", done


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
