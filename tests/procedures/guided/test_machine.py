"""The machine of a guided run: every procedure, killed, failed, refused and left at each of its steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mixedmode.errors import MalformedError, UsageError
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import Facts, ListFacts
from mixedmode.procedures.guided.document import document_of, run_of
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
    Start,
    Stop,
    TakeBack,
    Undoing,
)
from mixedmode.procedures.guided.machine import StaleError, advance, gate_of, planned, taken_back_next
from mixedmode.procedures.guided.run import OVER, Person, Run, RunState, StepState
from mixedmode.procedures.names import GUIDED

NOW = datetime(2026, 11, 26, 6, 0, tzinfo=UTC)
ANNA, BERT = Person("anna", "10.0.0.1"), Person("bert", "console")
HELD, BROKEN, UNSEEN = Finding("so", held=True), Finding("so", held=False, detail="not"), Finding("so", held=None)
STEPS = [(name, at) for name in GUIDED for at in range(len(PROCEDURES[name].own_steps()))]


def after(procedure: Procedure, run: Run, *events: Event) -> Run:
    for event in events:
        run, _ = advance(procedure, run, event)
        assert run_of(document_of(run)) == run
    return run


def begun(procedure: Procedure) -> Run:
    ctl = ListFacts("a" * 32, "b" * 40, 4947, "70CA", "c" * 64, frozenset({"d" * 64}), 2)
    before = Facts(nodes=("pub", "sub"), mode=0, ctl=ctl, callmanager_serial="70CA")
    run = planned(procedure, ANNA, NOW, before, (HELD, UNSEEN), {"token:FIRST": "PEM"})
    return after(procedure, run, Foreseen({"lost": 2, "numbers": {}}), Begin(NOW, 2))


def at_step(procedure: Procedure, step: int) -> Run:
    run = begun(procedure)
    for at in range(step):
        run = after(procedure, run, Start(at, ANNA, NOW, f"a{at}"), Finish(f"a{at}", NOW, ("said",), (HELD, UNSEEN)))
    return run


@pytest.mark.parametrize("name", GUIDED)
def test_each_procedure_is_gone_through_in_order(name: str) -> None:
    procedure = PROCEDURES[name]
    steps = procedure.own_steps()
    run = begun(procedure)
    assert (run.accepted, run.began) == (2, NOW)
    for at, step in enumerate(steps):
        assert run.current == at
        run, order = advance(procedure, run, Start(at, BERT, NOW, f"x{at}"))
        assert order == (Look(at, f"x{at}") if step.act.by_hand else Do(at, f"x{at}"))
        assert run.doing == run.steps[at]
        run = after(procedure, run, Finish(f"x{at}", NOW + timedelta(seconds=at), ("line",), (HELD,)))
        assert (run.steps[at].state, run.steps[at].who, run.steps[at].said) == (StepState.DONE, BERT, ("line",))
    assert (run.state, run.current, run.over) == (RunState.ENDED, None, len(steps))
    assert run.ended == NOW + timedelta(seconds=len(steps) - 1)
    for event in (Start(0, ANNA, NOW, "y"), Stop(NOW), Begin(NOW), LeaveOut(0, ANNA, NOW), Finish("x0", NOW)):
        with pytest.raises(StaleError):
            advance(procedure, run, event)


@pytest.mark.parametrize(("name", "at"), STEPS)
def test_killed_at_each_step(name: str, at: int) -> None:
    procedure = PROCEDURES[name]
    doing = after(procedure, at_step(procedure, at), Start(at, ANNA, NOW, "dead"))
    fates = {
        (True, ()): StepState.DONE,
        (True, (HELD,)): StepState.DONE,
        (True, (BROKEN,)): StepState.FAILED,
        (False, ()): StepState.OPEN,
        (False, (HELD,)): StepState.OPEN,
        (None, ()): StepState.OPEN,
        (None, (UNSEEN,)): StepState.OPEN,
        (None, (HELD, UNSEEN)): StepState.OPEN,
        (None, (HELD, HELD)): StepState.DONE,
        (None, (HELD, BROKEN)): StepState.OPEN,
    }
    for (journal, findings), state in fates.items():
        run = after(procedure, doing, CutOff("dead", NOW, journal, findings))
        assert run.steps[at].state is state, (journal, findings)
        assert all(each.state is StepState.DONE for each in run.steps[:at])
        assert all(each.state is StepState.OPEN for each in run.steps[at + 1 :])
        # Whoever was believed dead and reports after all is refused, and another person goes on.
        with pytest.raises(StaleError):
            advance(procedure, run, Finish("dead", NOW))
        with pytest.raises(StaleError):
            advance(procedure, run, CutOff("dead", NOW, True))
        if state not in OVER:
            run = after(procedure, run, Start(at, BERT, NOW, "again"), Finish("again", NOW, (), (HELD,)))
        assert run.steps[at].state is StepState.DONE
        assert run.current == (at + 1 if at + 1 < len(run.steps) else None)


@pytest.mark.parametrize(("name", "at"), STEPS)
def test_failed_left_out_stopped_and_stale_at_each_step(name: str, at: int) -> None:
    procedure = PROCEDURES[name]
    run = at_step(procedure, at)
    doing = after(procedure, run, Start(at, ANNA, NOW, "a"))
    for event in (Start(at, BERT, NOW, "b"), LeaveOut(at, BERT, NOW), Stop(NOW), TakeBack(0, BERT, NOW, "c")):
        with pytest.raises(StaleError, match="is being done by anna"):
            advance(procedure, doing, event)
    for wrong in {at - 1, at + 1, 99} - {at}:
        with pytest.raises(StaleError):
            advance(procedure, run, Start(wrong, ANNA, NOW, "w"))
    with pytest.raises(StaleError):
        advance(procedure, doing, Finish("other", NOW))
    for finish in (Finish("a", NOW, (), (), "refused"), Finish("a", NOW, ("x",), (HELD, BROKEN))):
        failed = after(procedure, doing, finish)
        assert (failed.steps[at].state, failed.current, failed.state) == (StepState.FAILED, at, RunState.RUNNING)
        out = after(procedure, failed, LeaveOut(at, BERT, NOW, "it is known"))
        assert (out.steps[at].state, out.steps[at].who, out.steps[at].problem) == (
            StepState.LEFT_OUT, BERT, "it is known",
        )  # fmt: skip
        assert out.steps[at].findings == finish.findings
        again = after(procedure, failed, Start(at, BERT, NOW, "b"), Finish("b", NOW))
        assert again.steps[at].state is StepState.DONE
    stopped = after(procedure, run, Stop(NOW))
    assert (stopped.state, stopped.current) == (RunState.STOPPED, None)
    with pytest.raises(StaleError):
        advance(procedure, stopped, Start(at, ANNA, NOW, "a"))


@pytest.mark.parametrize(("name", "at"), STEPS)
def test_taken_back_where_the_definition_says_by_what(name: str, at: int) -> None:
    procedure = PROCEDURES[name]
    steps = procedure.own_steps()
    run = at_step(procedure, at)
    changed = [number for number in range(at) if steps[number].undo.possible is not None]
    able = changed[-1] if changed and steps[changed[-1]].undo.act is not None else None
    assert taken_back_next(procedure, run) == able
    for number in set(range(len(steps))) - {able}:
        with pytest.raises(UsageError, match="cannot be taken back now"):
            advance(procedure, run, TakeBack(number, BERT, NOW, "t"))
    if able is None:
        return
    doing, order = advance(procedure, run, TakeBack(able, BERT, NOW, "t"))
    assert order == Undoing(able, "t")
    back = after(procedure, doing, Finish("t", NOW, ("CTL file Updated",)))
    assert (back.steps[able].state, back.current) == (StepState.OPEN, able)
    kept = after(procedure, doing, Finish("t", NOW, (), (), "no"))
    assert (kept.steps[able].state, kept.current) == (StepState.DONE, at)
    assert after(procedure, doing, CutOff("t", NOW, True)).steps[able].state is StepState.OPEN
    assert after(procedure, doing, CutOff("t", NOW, False)).steps[able].state is StepState.DONE


def test_a_plan_is_dropped_and_never_begins_twice() -> None:
    procedure = PROCEDURES["non-secure-to-mixed"]
    plan = planned(procedure, ANNA, NOW, Facts())
    for event in (Start(0, ANNA, NOW, "a"), LeaveOut(0, ANNA, NOW)):
        with pytest.raises(StaleError, match="planned"):
            advance(procedure, plan, event)
    dropped = after(procedure, plan, Stop(NOW))
    assert dropped.state is RunState.DROPPED
    with pytest.raises(StaleError):
        advance(procedure, dropped, Begin(NOW))
    with pytest.raises(StaleError):
        advance(procedure, after(procedure, plan, Begin(NOW)), Begin(NOW))
    chosen = after(procedure, plan, Chosen({"token:NEW": "x"}), Chosen({"token:FIRST": "y"}))
    assert chosen.choices == {"token:NEW": "x", "token:FIRST": "y"}


def test_done_elsewhere_is_only_looked_at() -> None:
    procedure = PROCEDURES["non-secure-to-mixed"]
    _, order = advance(procedure, at_step(procedure, 2), Start(2, BERT, NOW, "e", done_already=True))
    assert order == Look(2, "e")


def test_the_gate_stands_before_the_first_step_that_no_single_act_takes_back() -> None:
    gates = {name: gate_of(PROCEDURES[name]) for name in GUIDED}
    assert gates["non-secure-to-mixed"] == 2
    assert gates["regenerate-callmanager"] == 0
    steps = PROCEDURES["tokenless-to-etokens"].own_steps()
    gate = gates["tokenless-to-etokens"]
    assert gate is not None
    assert "Run the CTL Client" in steps[gate].what


def test_a_long_output_is_cut_and_a_damaged_state_is_told() -> None:
    procedure = PROCEDURES["non-secure-to-mixed"]
    run = after_long = at_step(procedure, 1)
    long = replace(run.steps[0], said=tuple(str(number) for number in range(9000)))
    document = document_of(replace(after_long, steps=(long, *run.steps[1:])))
    assert document["steps"][0]["said"][-1] == "[...]"
    assert len(document["steps"][0]["said"]) == 4001
    for broken in ({}, {**document, "state": "dancing"}, {**document, "steps": [{}]}, {**document, "planned": "x"}):
        with pytest.raises(MalformedError, match="cannot be read"):
            run_of(broken)
