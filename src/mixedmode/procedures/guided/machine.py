"""A guided run of a procedure: a value that knows how far it is, and a machine. Events in, the next value and acts out.

Rules:

1. Steps are done in order, one at a time. The current step is the first that is neither done nor left out.
2. Every attempt at a step has a name of its own; what another attempt reports is refused, so that two people, or a
   process that was believed dead, cannot both end a step.
3. A step is done when its act succeeded and no statement about its end is known not to hold. What could not be seen is
   shown, and keeps nobody.
4. An attempt whose process died is judged by what is to be seen: the journal knows whether an operation was carried to
   its end, and the step's own statements whether anything else was. Where neither says so, the step is open again.
5. A step is taken back only if it says by what, and it is the last that was done.
6. What happened stays in the run: who did each step, when, and what was printed and found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from mixedmode.errors import CheckFailedError, UsageError
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import Facts
from mixedmode.procedures.guided.events import (
    Begin,
    Chosen,
    CutOff,
    Do,
    Event,
    Finish,
    Foreseen,
    LeaveOut,
    Look,
    Order,
    Start,
    Stop,
    TakeBack,
    Told,
    Undoing,
)
from mixedmode.procedures.guided.run import OVER, Person, Run, RunState, StepRecord, StepState
from mixedmode.procedures.steps import CtlClient, ImportToken, Prompt, Step

Answer = tuple[Run, Order | None]


class StaleError(CheckFailedError):
    """The run is not where whoever asks believes it to be: somebody else went on with it."""

    default_code = "guide-moved"


def planned(
    procedure: Procedure, who: Person, at: datetime, before: Facts, judged: tuple[Finding, ...] = (),
    choices: Mapping[str, str] | None = None,
) -> Run:  # fmt: skip
    """Return a new run.

    Args:
        procedure: What is run.
        who: Plans it.
        at: When.
        before: What is so now.
        judged: What was found of the preconditions.
        choices: What was chosen.
    """
    steps = tuple(StepRecord() for _ in procedure.own_steps())
    return Run(procedure.name, RunState.PLANNED, who, at, steps, before=before, judged=judged, choices=choices or {})


def changes_trust(step: Step) -> bool:
    """Return whether a step changes what phones are asked to trust."""
    match step.act:
        case Prompt():
            return not step.act.reads
        case CtlClient():
            return step.act.finish
        case ImportToken():
            return True
    return False


def gate_of(procedure: Procedure) -> int | None:
    """Return the number of the first step that no single act takes back, from 0; None if there is none."""
    steps = procedure.own_steps()
    return next((at for at, each in enumerate(steps) if each.undo.possible is False or each.undo.procedure), None)


def taken_back_next(procedure: Procedure, run: Run) -> int | None:
    """Return the number of the step that can be taken back now, None if none can (rule 5)."""
    if run.state is not RunState.RUNNING or run.doing is not None:
        return None
    steps = procedure.own_steps()
    for at in reversed(range(len(steps))):
        changed = steps[at].undo.possible is not None
        if changed and run.steps[at].state is StepState.DONE:
            return at if steps[at].undo.act is not None else None
    return None


def advance(procedure: Procedure, run: Run, event: Event) -> Answer:
    """Return the run after an event, and what is to be done now.

    Args:
        procedure: Of the run.
        run: As it is.
        event: What happened.

    Raises:
        StaleError: It does not fit the run as it is: somebody else went on, stopped it or does the step.
        UsageError: The step cannot be left out or taken back.
    """
    match event:
        case Start():
            return _start(procedure, run, event)
        case TakeBack():
            return _take_back(procedure, run, event)
    return _AFTER[type(event)](run, event), None


def _begin(run: Run, event: Begin) -> Run:
    if run.state is not RunState.PLANNED:
        raise StaleError(f"this run is {run.state} already", next_step="look at it")
    return replace(run, state=RunState.RUNNING, began=event.at, accepted=event.lost)


def _start(procedure: Procedure, run: Run, event: Start) -> Answer:
    _check_current(run, event.step)
    doing = StepRecord(StepState.DOING, event.who, event.at, attempt=event.attempt)
    only_look = event.done_already or procedure.own_steps()[event.step].act.by_hand
    order = Look(event.step, event.attempt) if only_look else Do(event.step, event.attempt)
    return _with(run, event.step, doing), order


def _take_back(procedure: Procedure, run: Run, event: TakeBack) -> Answer:
    _check_idle(run)
    if taken_back_next(procedure, run) != event.step:
        how = procedure.own_steps()[event.step].undo.how if 0 <= event.step < len(run.steps) else ""
        raise UsageError(
            f"step {event.step + 1} cannot be taken back now", why=how or None, next_step="stop the run, and do that"
        )
    doing = replace(
        run.steps[event.step], state=StepState.DOING, who=event.who, began=event.at, ended=None,
        attempt=event.attempt, taking_back=True,
    )  # fmt: skip
    return _with(run, event.step, doing), Undoing(event.step, event.attempt)


def _told(run: Run, event: Told) -> Run:
    at, record = _attempt(run, event.attempt)
    return _with(run, at, replace(record, said=event.said))


def _finish(run: Run, event: Finish) -> Run:
    at, record = _attempt(run, event.attempt)
    if record.taking_back:
        state = StepState.DONE if event.problem else StepState.OPEN
        problem = f"not taken back: {event.problem}" if event.problem else ""
        ended = replace(record, state=state, ended=event.at, taking_back=False, said=event.said, problem=problem)
        return _with(run, at, ended)
    wrong = event.problem or any(each.held is False for each in event.findings)
    state = StepState.FAILED if wrong else StepState.DONE
    ended = replace(
        record, state=state, ended=event.at, said=event.said, findings=event.findings, problem=event.problem
    )
    return _ended(_with(run, at, ended), event.at)


def _cut_off(run: Run, event: CutOff) -> Run:
    at, record = _attempt(run, event.attempt)
    held = bool(event.findings) and all(each.held for each in event.findings)
    done = held if event.journal is None else event.journal
    if record.taking_back:
        state = StepState.OPEN if event.journal else StepState.DONE
        return _with(run, at, replace(record, state=state, ended=event.at, taking_back=False, problem=""))
    if not done:
        cut = "the node ended while it did this; it was not done, or was taken back"
        opened = StepRecord(who=record.who, began=record.began, ended=event.at, findings=event.findings, problem=cut)
        return _with(run, at, opened)
    wrong = any(each.held is False for each in event.findings)
    found = "the node ended while it did this; it was done all the same"
    state = StepState.FAILED if wrong else StepState.DONE
    ended = replace(record, state=state, ended=event.at, findings=event.findings, problem=found)
    return _ended(_with(run, at, ended), event.at)


def _leave_out(run: Run, event: LeaveOut) -> Run:
    _check_current(run, event.step)
    record = replace(
        run.steps[event.step], state=StepState.LEFT_OUT, who=event.who, ended=event.at,
        problem=event.why or run.steps[event.step].problem,
    )  # fmt: skip
    return _ended(_with(run, event.step, record), event.at)


def _stop(run: Run, event: Stop) -> Run:
    if run.state is RunState.PLANNED:
        return replace(run, state=RunState.DROPPED, ended=event.at)
    _check_idle(run)
    return replace(run, state=RunState.STOPPED, ended=event.at)


def _ended(run: Run, at: datetime) -> Run:
    if all(each.state in OVER for each in run.steps):
        return replace(run, state=RunState.ENDED, ended=at)
    return run


def _with(run: Run, at: int, record: StepRecord) -> Run:
    return replace(run, steps=(*run.steps[:at], record, *run.steps[at + 1 :]))


def _attempt(run: Run, attempt: str) -> tuple[int, StepRecord]:
    for at, each in enumerate(run.steps):
        if each.state is StepState.DOING and each.attempt == attempt:
            return at, each
    raise StaleError("this attempt is over already", next_step="look at the run")


def _check_idle(run: Run) -> None:
    if run.state is not RunState.RUNNING:
        raise StaleError(f"this run is {run.state}", next_step="look at it")
    doing = run.doing
    if doing is not None:
        number = run.steps.index(doing) + 1
        raise StaleError(f"step {number} is being done by {doing.who.name}", next_step="wait until it has ended")


def _check_current(run: Run, step: int) -> None:
    _check_idle(run)
    if run.current != step:
        now = "over" if run.current is None else f"at step {run.current + 1}"
        raise StaleError(f"this run is {now}, not at step {step + 1}", next_step="look at it")


_AFTER: Final[Mapping[type[Any], Callable[[Run, Any], Run]]] = {
    Foreseen: lambda run, event: replace(run, forecast=dict(event.forecast)),
    Chosen: lambda run, event: replace(run, choices={**run.choices, **event.choices}),
    Begin: _begin,
    Told: _told,
    Finish: _finish,
    CutOff: _cut_off,
    LeaveOut: _leave_out,
    Stop: _stop,
}
"""What becomes of a run by the events that ask for nothing."""
