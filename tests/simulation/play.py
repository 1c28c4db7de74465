"""Plays a schedule: the forecast first, then every phone, step by step; returns where the two differ."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from mixedmode.forecast.evaluation import Forecast, Forecaster
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.fate.restart import Restart
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Reason
from mixedmode.phone.mind.trust.state import TrustState
from tests.simulation import oracle
from tests.simulation.afterwards import Helping, broken_proposal
from tests.simulation.history import History
from tests.simulation.schedule import Schedule
from tests.simulation.world.handset import Handset, by_tvs, took_all
from tests.simulation.world.network import Storm, Weather, calm
from tests.simulation.world.served import Node

_SAFE = {Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS}
_MOST_TRIES = 4
_HELP_EVERY, _PROPOSE_EVERY, _PROPOSE_PHONES = 3, 12, 10
"""These take longer than all the rest of a seed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold.

    Attributes:
        rule: Which: ``forecast``, ``operations``, ``refused``, ``help``, ``proposal``, ``resumes``.
        text: What happened, for people.
    """

    rule: str
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.text}"


@dataclass(slots=True)
class Tracked:
    """A phone on its way.

    Attributes:
        phone: As it is now.
        forecast: What was said of it before.
        node: From where it gets its files.
        first: As it was before the change.
        outcome: Of its last start.
        broke_off: Whether a start was broken off in this step.
        disturbed: Whether a file did not come, ever: then it met the change in another order than it was made.
        asked: Whether it ever needed TVS.
    """

    phone: Handset
    forecast: Forecast
    node: int
    first: Handset
    outcome: BootOutcome | None = None
    broke_off: bool = False
    disturbed: bool = False
    asked: bool = False


@dataclass
class Play:
    """One schedule."""

    schedule: Schedule
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.history = History(self.schedule)
        self.forecasters: dict[int, Forecaster] = {}
        self.tracked: list[Tracked] = []

    def run(self) -> Play:
        """Play it."""
        if not self.history.moments:
            return self
        self.tracked = [self._tracked(number) for number in range(len(self.schedule.phones))]
        self._compare_operations()
        for number in range(len(self.history.moments)):
            self._step(number)
        self._afterwards()
        return self

    def _tracked(self, number: int) -> Tracked:
        plan = self.schedule.phones[number]
        phone = self.history.handset(plan)
        forecaster = self.forecasters.get(plan.node)
        if forecaster is None:
            forecaster = self.forecasters[plan.node] = Forecaster(self.history.plan(plan.node))
        forecast = forecaster.of(self.history.kind(phone), forecaster.plan.absences(phone.name))
        return Tracked(phone, forecast, plan.node, phone.copy())

    def _compare_operations(self) -> None:
        """What the operations foresee comes to the same as the lists that they then publish."""
        plan = self.history.foreseen()
        if plan is None:
            return
        forecaster = Forecaster(plan)
        for each in self.tracked:
            if each.node == 0:
                foreseen = forecaster.of(each.forecast.kind, plan.absences(each.phone.name))
                if foreseen.steps != each.forecast.steps:
                    said, true = (" ".join(steps) for steps in (foreseen.steps, each.forecast.steps))
                    self._found("operations", each, f"foreseen {said}, with the lists {true}")

    # One step.

    def _step(self, number: int) -> None:
        moment = self.history.moments[number]
        nodes = {each.node: self.history.node(number, each.node) for each in self.tracked}
        present = [each for each in self.tracked if self._is_there(number, each)]
        for each in self.tracked:
            each.broke_off = False
        if moment.plan.half and moment.home is None:
            before = {
                node: replace(served, files=self.history.files(number - 1, node)) for node, served in nodes.items()
            }
            held = {id(each): each.phone.state.trust.lists for each in present}
            self._start(number, present, before, "half")
            for each in present:  # who took old lists met another change than was foreseen
                each.disturbed = each.disturbed or each.phone.state.trust.lists != held[id(each)]
        trusted = {id(each): each.phone.state.trust for each in present}
        self._start(number, present, nodes, "")
        for each in self.tracked:
            if each.outcome is not None and self._is_there(number, each):
                self._check(number, each, nodes[each.node], trusted[id(each)])
            else:
                self._check_absent(number, each, nodes[each.node])

    def _is_there(self, number: int, each: Tracked) -> bool:
        return self.history.moments[number].plan.reset and not self.history.off(number, each.phone.name)

    def _start(self, number: int, present: list[Tracked], nodes: dict[int, Node], why: str) -> None:
        """Let phones start; who lost its power, or did not get a file, starts again."""
        weather, crashes = self.schedule.weather, self.schedule.crashes
        for attempt in range(_MOST_TRIES):
            last = attempt == _MOST_TRIES - 1
            for each in present:
                each.outcome = None
            if (weather.is_calm and not crashes) or last:
                self._calm(number, present, nodes)
            else:
                self._stormy(number, present, nodes, weather, f"{number} {why} {attempt}")
            self.counts["starts"] += len(present)
            for each in present:
                if each.outcome is None:
                    each.broke_off = True
                elif None in each.outcome.decisions.values():
                    each.disturbed = True
            present = [each for each in present if each.outcome is None or None in each.outcome.decisions.values()]
            if not present:
                return

    def _calm(self, number: int, present: list[Tracked], nodes: dict[int, Node]) -> None:
        when = self.history.moments[number].when
        engines = {node: served.engine(self._devices(present)) for node, served in nodes.items()}
        for each in present:
            booting = each.phone.booting(nodes[each.node], when)
            self._came(each, calm(booting, engines[each.node], each.phone.name))

    def _stormy(
        self, number: int, present: list[Tracked], nodes: dict[int, Node], weather: Weather, which: str
    ) -> None:
        when = self.history.moments[number].when
        for node, served in nodes.items():
            here = [each for each in present if each.node == node]

            def done(place: int, outcome: BootOutcome | None, here: list[Tracked] = here) -> None:
                self._came(here[place], outcome)

            storm = Storm(served.engine(self._devices(here)), weather, done)
            for place, each in enumerate(here):
                rng = random.Random(f"{self.schedule.seed} storm {which} {each.phone.name}")
                crash = rng.expovariate(4.0) if rng.random() < self.schedule.crashes else None
                storm.begin(place, each.phone.booting(served, when), rng, rng.random() * 2, crash)
            storm.run()

    def _came(self, each: Tracked, outcome: BootOutcome | None) -> None:
        each.outcome = outcome
        if outcome is not None:
            each.asked = each.asked or by_tvs(outcome)

    def _devices(self, present: list[Tracked]) -> dict[str, tuple[int, str]]:
        return {each.phone.name: (each.phone.mode, each.phone.protocol) for each in present}

    # What holds after it.

    def _check(self, number: int, each: Tracked, node: Node, before: TrustState) -> None:
        outcome, foreseen = each.outcome, each.forecast.prospect.restarts[number]
        assert outcome is not None
        self._check_rules(number, each, node, before, outcome)
        registers = each.phone.registers(node, self.history.moments[number].when)
        config = outcome.decisions.get(BootFile.CONFIG)
        if each.first.state.config is None and config is not None and config.reason is Reason.TVS_NOT_USABLE:
            each.disturbed = True  # a forecast takes every phone to know its TVS servers, this one was never configured
        if each.disturbed:
            self._check_safe(number, each, outcome, registers=registers)
            return
        if foreseen is None:
            self._found("forecast", each, f"step {number + 1}: it restarted, which was not foreseen")
            return
        for text in self._differences(each, outcome, foreseen, registers=registers):
            self._found("resumes" if each.broke_off else "forecast", each, f"step {number + 1}: {text}")
        self._check_fate(number, each, registers=registers, took=took_all(outcome))

    def _differences(self, each: Tracked, outcome: BootOutcome, foreseen: Restart, *, registers: bool) -> Iterator[str]:
        for kind in ListKind:
            if each.phone.state.trust.held(kind) != foreseen.trust.held(kind):
                yield f"it holds another {kind} than foreseen: {_said(outcome, kind)}, foreseen {_text(foreseen, kind)}"
        if registers != foreseen.registers:
            why = foreseen.registration.text if foreseen.registration is not None else "needs no trust"
            yield f"it {'registers' if registers else 'does not register'}, foreseen: {why}"
        if took_all(outcome) != foreseen.took_all:
            yield f"it {'took all' if took_all(outcome) else f'refused {outcome.trouble()}'}, foreseen otherwise"
        if each.broke_off or self.history.moments[0].plan.half or any(m.plan.half for m in self.history.moments):
            return
        for file, decision in foreseen.decisions.items():
            done = outcome.decisions.get(file)
            if done is not None and not _same(file, decision, done):
                words = (f"{one.outcome} ({one.reason}, row {one.row})" for one in (done, decision))
                yield f"{file}: {', foreseen '.join(words)}"

    def _check_fate(self, number: int, each: Tracked, *, registers: bool, took: bool) -> None:
        fate = each.forecast.steps[number]
        self.counts[fate.value] += 1
        if fate is Fate.UNKNOWN:
            return
        is_as_said = {
            Fate.LOCKED_OUT: not registers,
            Fate.FOLLOWS: registers and took,
            Fate.FOLLOWS_BY_TVS: registers and took,
            Fate.BEHIND: registers and not took,
            Fate.FROZEN: registers and not took,
        }[fate]
        if not is_as_said:
            self._found("forecast", each, f"step {number + 1}: said {fate}, registers {registers}, took all {took}")

    def _check_safe(self, number: int, each: Tracked, outcome: BootOutcome, *, registers: bool) -> None:
        self.counts["disturbed"] += 1
        said = each.forecast.steps[number]
        if said in _SAFE and not (registers and took_all(outcome)):
            self.counts["disturbed and lost"] += 1

    def _check_absent(self, number: int, each: Tracked, node: Node) -> None:
        """A phone that is off is what its next restart makes of it; one that stays on registers meanwhile."""
        fate, moment = each.forecast.steps[number], self.history.moments[number]
        if fate is Fate.UNKNOWN or each.disturbed or each.phone.state.config is None:
            return  # a phone that was never configured is not there yet
        self.counts[fate.value] += 1
        if (number + int(each.phone.name[3:], 16)) % 3:
            return  # each start costs as much as a real one
        ghost = each.phone.copy()
        stays = not self.history.off(number, each.phone.name)
        registers = not stays or ghost.registers(node, moment.when)
        engine = node.engine({ghost.name: (ghost.mode, ghost.protocol)})
        outcome = calm(ghost.booting(node, moment.when), engine, ghost.name)
        registers = registers and ghost.registers(node, moment.when)
        took = took_all(outcome)
        newest = ghost.state.trust.lists == each.phone.state.trust.lists
        is_as_said = {
            Fate.LOCKED_OUT: not registers,
            Fate.FOLLOWS: registers and took and newest,
            Fate.FOLLOWS_BY_TVS: registers and took and newest,
            Fate.BEHIND: registers and not (took and newest),
            Fate.FROZEN: registers and not took,
        }[fate]
        if not is_as_said:
            text = f"said {fate}; would register {registers}, take all {took}, holds the newest {newest}"
            self._found("forecast", each, f"step {number + 1}, absent: {text}")

    def _check_rules(self, number: int, each: Tracked, node: Node, before: TrustState, outcome: BootOutcome) -> None:
        """No phone takes a list that phone-trust.md refuses, and none refuses one that it takes."""
        if each.broke_off or each.disturbed:
            before = TrustState(before.ctl, before.itl)
        for text in oracle.judged(each.phone.model, before, node, outcome):
            if not (each.broke_off or each.disturbed):
                self._found("refused", each, f"step {number + 1}: {text}")

    # Afterwards.

    def _afterwards(self) -> None:
        for each in self.tracked:
            if not each.disturbed and (each.asked or Fate.FOLLOWS_BY_TVS in each.forecast.steps):
                self._check_silent(each)
        self._check_returns()
        if self.schedule.seed % _HELP_EVERY == 0:
            self._check_help()
        if self.schedule.seed % _PROPOSE_EVERY == 1:
            self._check_proposals()

    def _check_help(self) -> None:
        """Who is called behind can be helped from afar, who is called frozen cannot; one phone of each state."""
        last = len(self.history.moments) - 1
        seen: set[object] = set()
        for each in self.tracked:
            phone, forecast = each.phone, each.forecast
            trust = phone.state.trust
            state = (forecast.outcome, phone.model.security_by_default, phone.model.sha512, trust, each.node)
            if forecast.outcome not in {Fate.BEHIND, Fate.FROZEN} or each.disturbed or state in seen:
                continue
            unsure = phone.model.unknown & {"security_by_default", "sha512"}
            if unsure or phone.state.config is None or self.history.moments[last].plan.damage.endswith("empty"):
                continue  # nobody may publish a file without a header: forecast.md 5.7
            seen.add(state)
            moment, node = self.history.moments[last], self.history.node(last, each.node)
            helping = Helping(node, self.history.files(last, each.node, whole=True), moment.when)
            broken = helping.broken_promise(phone, forecast)
            if broken is not None:
                self._found("help", each, broken)

    def _check_proposals(self) -> None:
        """A proposed plan loses nobody whom it promises to save."""
        for node, forecaster in self.forecasters.items():
            here = [each for each in self.tracked if each.node == node and each.first.state.config is not None]
            here = here[:_PROPOSE_PHONES]
            if any(each.forecast.outcome in {Fate.FROZEN, Fate.LOCKED_OUT} for each in here):
                self.counts["proposals"] += 1
                phones = [(each.first, each.forecast) for each in here]
                names = {each.first.name: each for each in here}
                for phone, text in broken_proposal(forecaster, phones, self.history.moments[0].when):
                    self._found("proposal", names[phone.name], text)

    def _check_silent(self, each: Tracked) -> None:
        """Who follows by TVS would not have, had TVS been silent all along; who just follows would have."""
        twin = each.first.copy()
        for number, moment in enumerate(self.history.moments):
            node = self.history.node(number, each.node)
            silent = replace(node, tvs={})
            goes = self._is_there(number, each)
            one = twin if goes else twin.copy()
            engine = silent.engine({one.name: (one.mode, one.protocol)})
            outcome = calm(one.booting(silent, moment.when), engine, one.name)
            said = each.forecast.steps[number]
            if said in _SAFE and took_all(outcome) != (said is Fate.FOLLOWS):
                self._found("forecast", each, f"step {number + 1}: said {said}; without TVS: {outcome.trouble()}")

    def _check_returns(self) -> None:
        last = len(self.history.moments) - 1
        moment = self.history.moments[last]
        for each in self.tracked:
            foreseen = each.forecast.prospect.returns
            if self._is_there(last, each) or foreseen is None or each.disturbed:
                continue
            node = self.history.node(last, each.node)
            phone = each.phone
            when = moment.when + timedelta(days=21)
            outcome = calm(phone.booting(node, when), node.engine(self._devices([each])), phone.name)
            registers = phone.registers(node, when)
            for text in self._differences(each, outcome, foreseen, registers=registers):
                self._found("forecast", each, f"when it came back: {text}")

    def _found(self, rule: str, each: Tracked, text: str) -> None:
        plan = next(plan for plan in self.schedule.phones if plan.name == each.phone.name)
        who = f"{plan.name} ({plan.model}, mode {plan.mode}, holds {plan.held}, node {plan.node})"
        self.findings.append(Finding(rule, f"{who} {text}"))


def _same(file: BootFile, foreseen: Decision, done: Decision) -> bool:
    if file is BootFile.CONFIG:
        return foreseen.refused == done.refused and (not done.refused or foreseen.reason is done.reason)
    return (foreseen.outcome, foreseen.reason, foreseen.row) == (done.outcome, done.reason, done.row)


def _said(outcome: BootOutcome, kind: ListKind) -> str:
    file = next(file for file, each in LIST_FILES.items() if each is kind)
    decision = outcome.decisions.get(file)
    return "not asked" if decision is None else f"{decision.outcome} ({decision.reason}, row {decision.row})"


def _text(foreseen: Restart, kind: ListKind) -> str:
    file = next(file for file, each in LIST_FILES.items() if each is kind)
    decision = foreseen.decisions[file]
    return f"{decision.outcome} ({decision.reason}, row {decision.row})"
