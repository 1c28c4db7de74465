"""Guided runs on a cluster: gone through at a terminal, cut off, taken over, done elsewhere, refused."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import ClusterBusyError, NotFoundError, PrivilegeError
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.operations.ctl import SetMixedMode
from mixedmode.cluster.operations.devices import AddDevices
from mixedmode.cluster.store.guide_runs import SILENT
from mixedmode.control.audit_log import Wanted
from mixedmode.control.door import Control
from mixedmode.control.services import Follower, OperationServices
from mixedmode.errors import CheckFailedError
from mixedmode.faces.shell.talk import InputEndedError, ScriptedIO
from mixedmode.guides import carrying, looking
from mixedmode.guides.guide import Guide
from mixedmode.guides.kept import Opened
from mixedmode.guides.walk import Walk
from mixedmode.guides.watching import look_once
from mixedmode.procedures.guided.machine import StaleError
from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.procedures.steps import ResetPhones
from tests.cluster.building import make

T = TypeVar("T")
PUB = "cucm-1051-a-pub"
ANNA = Principal("anna", 4, "10.0.0.1", PUB)
BERT = Principal("bert", 1, "console", PUB)
READER = Principal("reader", 0, "10.0.0.2", PUB)
NAME = "non-secure-to-mixed"


def wait(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class AtOnce(OperationServices):
    """Services of nodes that have done what is noted when it is noted."""

    async def follower(self, _node: str) -> Follower:
        return Follower(at_once=True)


@pytest.fixture
def guide(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Guide:
    # The cluster's phones are names: none will ever report what it holds.
    monkeypatch.setattr(looking, "_PHONE_TIME", timedelta(seconds=0.2))
    return Guide(cluster, AtOnce(cluster), patience=1.0)


def begun(guide: Guide, name: str = NAME) -> Opened:
    opened = guide.foresee(guide.plan(ANNA, name).number)
    return guide.begin(ANNA, opened.number, int(opened.run.forecast["lost"]))


def done(guide: Guide, number: int, *steps: int, who: Principal = ANNA) -> Opened:
    for step in steps:
        wait(guide.carry(guide.start(who, number, step)))
    return guide.open(number)


def walk(
    guide: Guide, number: int, answers: Sequence[str], who: Principal = BERT, canary: float | None = None
) -> tuple[Opened | None, list[str]]:
    io = ScriptedIO(answers)
    try:
        opened = wait(Walk(io, guide, who, number, plugged=list, publisher="10.0.0.11", canary=canary).run())
    except InputEndedError:
        return None, io.lines
    assert io.unused == []
    return opened, io.lines


def test_a_terminal_goes_through_all_of_it(guide: Guide, cluster: Cluster) -> None:
    number = guide.plan(BERT, NAME).number
    opened, lines = walk(guide, number, ["y", *[""] * 7])
    assert opened is not None
    assert opened.run.state is RunState.ENDED
    assert cluster.mode.value == 1
    said = "\n".join(lines)
    assert "---- Nothing that phones trust is changed before this line." in said
    assert "  | Cluster set to Mixed Mode" in said
    assert "show ctl verified the file: yes" in said
    assert "All steps are done." in said
    assert {each.who.name for each in opened.run.steps} == {"bert"}
    entries = Wanted(last=100).of(cluster.operations.journal)
    asked = [each.details.get("what") for each in entries if each.action == "guide"]
    assert asked == ["plan", "begin", *["step"] * 7]
    operation = next(each for each in entries if each.action == SetMixedMode.title and each.outcome == "done")
    assert (operation.user, operation.source) == ("bert", "console")


def test_where_itlrecovery_signs_the_procedures_hold_and_who_is_unknown_is_not_asked_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_PHONE_TIME", timedelta(seconds=0.2))
    with closing(make(tmp_path / "cluster", "12.5.1.13900-152")) as recent:
        recent.run(AddDevices((DeviceSpec("SEP0011223344AA", "7940"),)))
        guides = Guide(recent, AtOnce(recent), patience=1.0)
        for name in (NAME, "regenerate-callmanager", "mixed-to-non-secure"):
            opened = begun(guides, name)
            for step in range(len(opened.steps)):
                record = done(guides, opened.number, step).run.steps[step]
                broken = [each.what for each in record.findings if each.held is False]
                assert (record.problem, [each for each in broken if "TVS" not in each]) == ("", [])
                if broken:  # no TVS runs here that could have read the new certificate
                    guides.leave_out(ANNA, opened.number, step)
            assert guides.open(opened.number).run.state is RunState.ENDED


def test_the_end_of_the_input_at_each_question_leaves_it_for_another(guide: Guide, cluster: Cluster) -> None:
    number = guide.plan(BERT, NAME).number
    opened, _ = walk(guide, number, [])
    assert (opened, guide.open(number).run.state) == (None, RunState.PLANNED)
    assert walk(guide, number, ["y"])[0] is None
    for step in range(7):
        # Each question is answered by another visit; the one before ended at it.
        assert guide.open(number).run.current == step
        assert walk(guide, number, [""], who=ANNA if step % 2 else BERT)[0] is None or step == 6
    run = guide.open(number).run
    assert run.state is RunState.ENDED
    assert [each.who.name for each in run.steps] == ["bert", "anna"] * 3 + ["bert"]
    assert cluster.mode.value == 1


def test_no_and_leaving_and_leaving_out(guide: Guide, cluster: Cluster) -> None:
    opened, lines = walk(guide, guide.plan(BERT, NAME).number, ["n"])
    assert opened is not None
    assert opened.run.state is RunState.DROPPED
    assert "Dropped: nothing was changed." in lines
    number = guide.plan(BERT, NAME).number
    opened, lines = walk(guide, number, ["y", "s", "what?", "", "q"])
    assert opened is not None
    assert [each.state for each in opened.run.steps[:3]] == [StepState.LEFT_OUT, StepState.DONE, StepState.OPEN]
    assert f"The run stays at step 3. Go on with it here (mixedmode guide --run {number}) or in a browser." in lines
    assert cluster.mode.value == 0


def test_canaries_at_a_terminal_are_those_of_the_pages(guide: Guide) -> None:
    number = begun(guide).number
    at = next(at for at, step in enumerate(guide.open(number).steps) if isinstance(step.act, ResetPhones))
    done(guide, number, *range(at))
    opened, lines = walk(guide, number, ["", "q"], canary=5.0)
    assert opened is not None
    assert opened.run.steps[at].state is StepState.FAILED
    assert "there is no canary: no phone is registered" in opened.run.steps[at].problem
    said = [line for line in lines if "canary" in line]
    assert lines.count("  One phone of each kind goes first:") == 1
    assert len(said) == len(set(said)), "nothing is said twice"
    opened, _ = walk(guide, number, ["s", *[""] * (6 - at)], canary=5.0)
    assert opened is not None
    assert opened.run.state is RunState.ENDED


def test_begun_in_one_place_and_ended_in_the_other(guide: Guide) -> None:
    number = begun(guide).number
    done(guide, number, 0, 1, 2)
    opened, lines = walk(guide, number, [""] * 4)
    assert opened is not None
    assert opened.run.state is RunState.ENDED
    assert lines[0] == f"Run {number}: From non-secure mode to mixed mode, without eTokens"
    assert [each.who.name for each in opened.run.steps] == ["anna"] * 3 + ["bert"] * 4


def killed(guide: Guide, number: int, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin a step in a process that is gone."""
    ticket = guide.start(ANNA, number, step)
    carrying._mine.discard(ticket.order.attempt)
    monkeypatch.setattr(carrying, "_ME", "another process")


def test_a_step_whose_node_was_killed_is_open_again_or_done(
    guide: Guide, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = begun(guide).number
    done(guide, number, 0, 1)
    killed(guide, number, 2, monkeypatch)
    assert wait(guide.look(number)).run.steps[2].state is StepState.DOING, "its doer may live elsewhere"
    with pytest.raises(StaleError, match="step 3 is being done by anna"):
        guide.start(BERT, number, 2)
    later = cluster.now() + SILENT + timedelta(seconds=1)
    monkeypatch.setattr(cluster, "now", lambda: later)
    record = wait(guide.look(number)).run.steps[2]
    assert record.state is StepState.OPEN
    assert "it was not done" in record.problem
    # The same once more, and this time the operation was carried to its end before the process died.
    killed(guide, number, 2, monkeypatch)
    Control(cluster).run(ANNA, SetMixedMode())
    monkeypatch.setattr(cluster, "now", lambda: later + SILENT + timedelta(seconds=1))
    opened = wait(guide.look(number))
    assert opened.run.steps[2].state is StepState.DONE
    assert "it was done all the same" in opened.run.steps[2].problem
    assert done(guide, number, 3, 4, 5, 6, who=BERT).run.state is RunState.ENDED


def test_what_somebody_typed_at_a_prompt_counts_as_his(guide: Guide, cluster: Cluster) -> None:
    number = begun(guide).number
    done(guide, number, 0, 1)
    assert wait(guide.look(number)).run.current == 2
    Control(cluster).run(BERT, SetMixedMode())
    opened = wait(guide.look(number))
    assert (opened.run.current, opened.run.steps[2].who.name) == (3, "bert")


def test_refusals(guide: Guide, cluster: Cluster) -> None:
    with pytest.raises(PrivilegeError):
        guide.plan(READER, NAME)
    with pytest.raises(NotFoundError):
        guide.plan(ANNA, "phones-behind")
    first = begun(guide).number
    second = guide.foresee(guide.plan(ANNA, NAME).number)
    with pytest.raises(ClusterBusyError, match=f"guided run {first} is open already"):
        guide.begin(ANNA, second.number, 0)
    for refused in (
        lambda: guide.begin(READER, second.number, 0),
        lambda: guide.start(READER, first, 0),
        lambda: guide.leave_out(READER, first, 0),
        lambda: guide.stop(READER, first),
        lambda: guide.take_back(READER, first, 0),
    ):
        with pytest.raises(PrivilegeError):
            refused()
    denied = Wanted(last=100, user="reader", outcome="refused").of(cluster.operations.journal)
    assert len(denied) == 6
    wrong = guide.foresee(guide.plan(ANNA, "mixed-to-non-secure").number)
    with pytest.raises(CheckFailedError, match="it cannot begin: not so: ClusterSecurityMode is 1"):
        guide.begin(ANNA, wrong.number, 0)
    guide.stop(ANNA, first)
    assert guide.begin(ANNA, second.number, 0).run.state is RunState.RUNNING


def test_more_phones_lost_than_somebody_was_told(guide: Guide, cluster: Cluster) -> None:
    from mixedmode.procedures.guided.events import Foreseen

    opened = guide.plan(ANNA, NAME)
    with pytest.raises(CheckFailedError, match="not worked out yet"):
        guide.begin(ANNA, opened.number, 0)
    guide._keeper.happen(opened.number, Foreseen({"lost": 3, "numbers": {"frozen": 3}, "names": {}}))
    with pytest.raises(CheckFailedError, match="3 phones would be lost, not 2"):
        guide.begin(ANNA, opened.number, 2)
    _, lines = walk(guide, opened.number, ["lockout"])
    assert "Type LOCKOUT to go on and lose 3 phones: lockout" in lines
    assert guide.open(opened.number).run.state is RunState.DROPPED


def test_phones_are_counted_though_nobody_looks(guide: Guide, cluster: Cluster) -> None:
    number = begun(guide).number
    done(guide, number, 0, 1, 2, 3, 4)
    wait(look_once(cluster))
    assert guide.runs.samples(number) == [], "no phone was reset yet"
    done(guide, number, 5)
    wait(look_once(cluster))
    assert [(each.in_step, each.total) for each in guide.runs.samples(number)] == [(0, 3)]
