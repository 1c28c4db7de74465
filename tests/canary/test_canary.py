"""Canaries: one of each kind, stopped by the first refusal, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.canary.choice import Candidate, choose
from mixedmode.canary.trial import LOOK_LIMIT, LOOK_SECONDS, Sign, State, Trial, Verdict
from mixedmode.guides.canary import try_out

NEW, OLD = "a" * 40, "b" * 40


def test_one_registered_phone_of_each_kind() -> None:
    phones = [
        *(Candidate(f"SEP{at:012X}", "8861", "sip88xx.14-3", OLD, OLD, registered=at > 2) for at in range(10)),
        Candidate("SEPAAAAAAAAAAAA", "8861", "sip88xx.12-5", OLD, OLD),
        Candidate("SEPBBBBBBBBBBBB", "7975", "SCCP75", OLD, OLD, registered=False),
        Candidate("SEPCCCCCCCCCCCC", "8861", "sip88xx.14-3", NEW, OLD),
    ]
    choice = choose(phones)
    assert choice.names == ("SEP000000000003", "SEPAAAAAAAAAAAA", "SEPCCCCCCCCCCCC")
    assert [(each.kind[0], each.phones) for each in choice.untried] == [("7975", 1)]
    assert (
        choice.lines()[-1] == "  not tried, none is registered and shows what it holds: nobody: "
        "7975 (SCCP75, CTL bbbbbbbb, ITL bbbbbbbb), for 1"
    )
    assert choose([]).names == ()


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([OLD, NEW, ""]), st.booleans())))
def test_every_kind_with_a_registered_phone_has_a_canary(rows: list[tuple[str, str, bool]]) -> None:
    phones = [Candidate(f"SEP{at:012X}", model, "", ctl, "", on) for at, (model, ctl, on) in enumerate(rows)]
    choice = choose(phones)
    assert {each.kind for each in choice.canaries} == {each.kind for each in phones if each.registered}
    assert sum(each.phones for each in (*choice.canaries, *choice.untried)) == len(phones)


def test_verdicts() -> None:
    trial = Trial.of(("one", "two"), (NEW,), 0.0, within=100.0)
    assert trial.saw([Sign("one", OLD, restarted=False)], 5.0).state is State.RUNNING, "it has not restarted"
    trial = trial.saw([Sign("one", NEW.upper(), restarted=True), Sign("other", OLD, restarted=True)], 10.0)
    assert trial.judged["one"].verdict is Verdict.HOLDS
    assert trial.state is State.RUNNING
    assert trial.saw([Sign("two", "", restarted=True)], 20.0).state is State.RUNNING
    assert trial.saw([Sign("two", NEW, restarted=True)], 20.0).state is State.PASSED
    refused = trial.saw([Sign("two", OLD, restarted=True)], 20.0)
    assert (refused.state, refused.failed[0][0]) == (State.FAILED, "two")
    assert "two refused it after 20 s: it restarted, and shows CTL bbbbbbbb" in "\n".join(refused.lines())
    said = trial.saw([Sign("two", "", restarted=True, refusal="Trust List update failed")], 20.0)
    assert said.failed[0][1].why == "Trust List update failed"
    late = trial.saw([], 100.0)
    assert late.failed[0][1].verdict is Verdict.LATE
    assert Trial.of((), (NEW,), 0.0).state is State.FAILED, "nobody to be tried is no reason to go on"


class VirtualTime:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("refused_at", [0.0, 0.1, 9.9, 137.0, 250.0])
def test_it_stops_within_a_minute_of_the_first_refusal(refused_at: float) -> None:
    time = VirtualTime()
    looks: list[float] = []

    async def look() -> Sequence[Sign]:
        looks.append(time.now)
        time.now += LOOK_LIMIT  # every look is as slow as may be
        shown = OLD if looks[-1] >= refused_at else ""
        return [Sign("fast", NEW, restarted=True), Sign("slow", shown, restarted=True)]

    trial = Trial.of(("fast", "slow"), (NEW,), 0.0)
    ended = asyncio.run(try_out(trial, look, lambda: time.now, time.sleep))
    assert ended.state is State.FAILED
    assert ended.failed[0][1].verdict is Verdict.REFUSED
    assert time.now - refused_at <= 60.0
    assert LOOK_SECONDS + 2 * LOOK_LIMIT <= 60.0


def test_a_look_that_fails_or_hangs_tells_nothing_and_the_time_goes_on() -> None:
    time = VirtualTime()

    async def look() -> Sequence[Sign]:
        raise OSError("nobody answers")

    ended = asyncio.run(try_out(Trial.of(("one",), (NEW,), 0.0, 60.0), look, lambda: time.now, time.sleep))
    assert (ended.state, ended.failed[0][1].verdict) == (State.FAILED, Verdict.LATE)
    assert time.now == 60.0

    async def hang() -> Sequence[Sign]:
        await asyncio.sleep(3600)
        return []

    async def short() -> Trial:
        return await try_out(Trial.of(("one",), (NEW,), 0.0, 20.0), hang, lambda: time.now, time.sleep, limit=0.01)

    time.now = 0.0
    assert asyncio.run(short()).state is State.FAILED
