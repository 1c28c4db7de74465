"""Plays a schedule: the forecast first, then every phone, step by step; returns where the two differ.

A phone that met a step otherwise than it was made (a file did not come, or an old one did) is forecast anew from what
it then holds, and is held to that when the network is back at the latest. Who was called safe last must be safe then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from mixedmode.forecast.evaluation import Forecaster
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.fate.restart import Restart
from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.trust.decisions import Reason
from mixedmode.phone.mind.trust.state import PhoneState
from tests.simulation import oracle
from tests.simulation.afterwards import Helping, broken_proposal
from tests.simulation.history import History
from tests.simulation.schedule import PhonePlan, Schedule
from tests.simulation.starting import Starting
from tests.simulation.tracked import Finding, Tracked, differences, together
from tests.simulation.world.handset import by_tvs, took_all
from tests.simulation.world.served import Node

_SAFE: Final = {Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS}
_COMPARE_EVERY, _HELP_EVERY, _PROPOSE_EVERY, _PROPOSE_PHONES = 5, 3, 24, 10
"""These would take longer than all the rest of a seed; what operations foresee is the same for all of a world."""
_NO_FORM: Final = ("empty", "other-kind", "stuck")
"""Without a header; of the other kind, which is never taken (forecast.md 5.7); or not what the cluster has made."""
_MUCH_LATER: Final = timedelta(days=60)
"""After the end: what TVS said up to then holds no more."""


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
        alike: dict[tuple[object, ...], list[PhonePlan]] = {}
        for plan in self.schedule.phones:
            alike.setdefault(plan.kind, []).append(plan)
        self.tracked = [self._tracked(tuple(plans)) for plans in alike.values()]
        if self.schedule.seed % _COMPARE_EVERY == 0:
            self._compare_operations()
        for number in range(len(self.history.moments)):
            self._step(number)
        self._afterwards()
        return self

    def _tracked(self, plans: tuple[PhonePlan, ...]) -> Tracked:
        plan = plans[0]
        phone = self.history.handset(plan)
        if plan.node not in self.forecasters:
            self.forecasters[plan.node] = self.history.world.forecaster(self.history.plan(plan.node))
        forecaster = self.forecasters[plan.node]
        kind = self.history.kind(plan, phone)
        forecast = forecaster.of(kind, forecaster.plan.absences(phone.name))
        return Tracked(plans, phone, forecast, forecast, phone.copy(), phone.state)

    def _compare_operations(self) -> None:
        """What the operations foresee comes to the same as the lists that they then publish."""
        plan = self.history.foreseen()
        if plan is None:
            return
        forecaster = self.history.world.forecaster(plan)
        compared = set()
        for each in self.tracked:
            same = id(each.forecast.prospect), plan.absences(each.phone.name)  # what is said of all of a kind
            if same not in compared and self.history.is_served_as_foreseen(plan, each.forecast.kind, each.node):
                compared.add(same)
                foreseen = forecaster.of(each.forecast.kind, plan.absences(each.phone.name))
                if foreseen.steps != each.forecast.steps:
                    said, true = (" ".join(steps) for steps in (foreseen.steps, each.forecast.steps))
                    self._found("operations", each, f"foreseen {said}, with the lists {true}")

    # One step.

    def _step(self, number: int) -> None:
        moment = self.history.moments[number]
        nodes = {node: self.history.node(number, node) for node in self.forecasters}
        for each in self.tracked:
            each.broke_off = each.disturbed = False
        present = [each for each in self.tracked if self._is_there(number, each)]
        absent = [each for each in self.tracked if not self._is_there(number, each)]
        if moment.plan.half and moment.home is None:
            before = {node: self.history.half(number, node) for node in nodes}
            present = self._start_early(number, present, before)
        present = self._start(number, present, nodes, "")
        for each in absent:
            self._check_absent(number, each, nodes[each.node])
        for each in present:
            if each.outcome is not None:
                self._check(number, each, nodes[each.node])
            if each.disturbed:
                self._forecast_anew(number, each)
        self.tracked = together([*present, *absent])

    def _start(self, number: int, present: list[Tracked], nodes: dict[int, Node], why: str) -> list[Tracked]:
        for each in present:
            each.began = each.phone.state
        return together(Starting(self.schedule, self.history, nodes, number, self._came).start(present, why))

    def _start_early(self, number: int, present: list[Tracked], nodes: dict[int, Node]) -> list[Tracked]:
        """Let phones start while a node has old lists still, or one of each."""
        present = self._start(number, present, nodes, "half")
        for each in present:
            before, now = each.began.trust, each.phone.state.trust
            each.disturbed |= now.lists != before.lists or now.tvs_servers != before.tvs_servers
        return present

    def _is_there(self, number: int, each: Tracked) -> bool:
        return self.history.moments[number].plan.reset and not self.history.off(number, each.phone.name)

    def _came(self, number: int, each: Tracked, node: Node, before: PhoneState, outcome: BootOutcome | None) -> None:
        """A start ended: nobody takes a list that phone-trust.md refuses, and nobody refuses one that it takes."""
        self.counts["starts"] += each.count
        each.outcome = outcome
        each.asked = each.asked or (outcome is not None and by_tvs(outcome))
        point = each.phone.reached
        judged = None if point is None else node.judged.get(point)
        if judged is None:
            judged = tuple(self._judged(number, each, node, before, outcome))
            if point is not None:  # of others that came there too it says the same
                node.judged[point] = judged
        for text in judged:
            self._found("refused", each, f"step {number + 1}: {text}")

    def _judged(
        self, number: int, each: Tracked, node: Node, before: PhoneState, outcome: BootOutcome | None
    ) -> Iterator[str]:
        when, model = self.history.moments[number].when, each.phone.model
        if outcome is None:
            return oracle.judged_change(model, before, each.phone.state, node, when)
        return oracle.judged(model, before, node, outcome, when)

    def _forecast_anew(self, number: int, each: Tracked) -> None:
        """Forecast a phone from what it holds now, as one that was off up to here."""
        self.counts["forecast anew"] += each.count
        forecaster = self.forecasters[each.node]
        absences = forecaster.plan.absences(each.phone.name)
        absences = (True,) * (number + 1) + absences[number + 1 :]
        each.is_half_told = each.phone.is_of_two_clusters
        each.forecast = forecaster.of(self.history.kind(each.plan, each.phone), absences)

    # What holds after it.

    def _check(self, number: int, each: Tracked, node: Node) -> None:
        outcome, forecast, before = each.outcome, each.forecast, each.began
        assert outcome is not None
        when = self.history.moments[number].when
        each.registers = registers = each.phone.registers(node, when)
        reasons = {decision.reason for decision in outcome.decisions.values() if decision is not None}
        if before.config is None and (Reason.TVS_NOT_USABLE in reasons or each.phone.state.config is None):
            self.counts["never configured"] += each.count  # a forecast takes every phone to know its TVS servers
            each.disturbed = True
        if each.disturbed:
            return
        if each.is_told_by_fate_alone:
            why = self._not_in_any_inventory(each, node, before, when)
            if why:  # also where the word is right: it may hold other lists than were foreseen
                self.counts[why] += each.count
                each.disturbed = True
            elif each.broke_off:
                self._check_broken_off(number, each, node)
            else:
                self._check_fate(number, each, registers=registers, took=took_all(outcome))
            return
        foreseen = forecast.prospect.restarts[number]
        if foreseen is None:
            self._found("forecast", each, f"step {number + 1}: it restarted, which was not foreseen")
            return
        found = self._differences(each, outcome, foreseen)
        why = self._not_in_any_inventory(each, node, before, when) if found else ""
        if found and not why and each.broke_off and self._comes_to_the_same(each, node, before, foreseen, when):
            why = "by one more start"
        if why:
            self.counts[why] += each.count
            each.disturbed = True
            return
        for text in found:
            self._found("resumes" if each.broke_off else "forecast", each, f"step {number + 1}: {text}")
        self._check_fate(number, each, registers=registers, took=took_all(outcome))

    def _check_broken_off(self, number: int, each: Tracked, node: Node) -> None:
        """A phone that is told by fate alone and lost its power: what was said is of one that did not.

        If that one holds something else, one more start brings it there (forecast.md 5.1).
        """
        outcome, when, twin = each.outcome, self.history.moments[number].when, each.first.copy()
        assert outcome is not None
        twin.state = each.began
        done, lists = twin.starts(node, when), each.phone.state.trust.lists
        if twin.state.trust.lists == lists:
            self._check_fate(number, each, registers=each.registers, took=took_all(outcome))
            return
        self._check_fate(number, each, registers=twin.registers(node, when), took=took_all(done))
        twin.starts(node, when)
        if twin.state.trust.lists != lists:
            self._found("resumes", each, f"step {number + 1}: other lists than of one that kept its power")
        self.counts["by one more start"] += each.count
        each.disturbed = True

    @staticmethod
    def _not_in_any_inventory(each: Tracked, node: Node, before: PhoneState, when: datetime) -> str:
        if any(cached.expires > when for cached in before.tvs_cache):
            return "by what TVS said before"  # that holds for a day, whatever TVS says by now
        is_told = each.is_as_first_said and not each.broke_off  # that of the plan, which its forecast knows
        return "asks another cluster's TVS" if not is_told and node.is_asked_elsewhere(before.trust) else ""

    @staticmethod
    def _comes_to_the_same(each: Tracked, node: Node, before: PhoneState, foreseen: Restart, when: datetime) -> bool:
        """Return whether a phone, broken off, holds what the one that was foreseen holds after one more start."""
        twin = each.first.copy()
        trust = replace(foreseen.trust, tvs_servers=before.trust.tvs_servers)
        twin.state = replace(before, trust=trust, tvs_cache=())
        twin.starts(node, when)
        return twin.state.trust.lists == each.phone.state.trust.lists

    def _differences(self, each: Tracked, outcome: BootOutcome, foreseen: Restart) -> list[str]:
        # What it took before, in a start that broke off, is the list that it holds already.
        return list(differences(each, outcome, foreseen, exact=not (each.broke_off or self.history.has_half)))

    def _check_fate(self, number: int, each: Tracked, *, registers: bool, took: bool) -> None:
        fate = each.forecast.steps[number]
        self.counts[fate.value] += each.count
        if fate is Fate.UNKNOWN:
            return
        is_as_said = (
            not each.plan.hides_what_decides(each.phone.model)
            and {
                Fate.LOCKED_OUT: not registers,
                Fate.FOLLOWS: registers and took,
                Fate.FOLLOWS_BY_TVS: registers and took,
                Fate.BEHIND: registers and not took,
                Fate.FROZEN: registers and not took,
            }[fate]
        )
        if not is_as_said:
            self._found("forecast", each, f"step {number + 1}: said {fate}, registers {registers}, took all {took}")

    def _check_absent(self, number: int, each: Tracked, node: Node) -> None:
        """A phone that is off is what its next restart makes of it; one that stays on registers meanwhile."""
        fate, moment = each.forecast.steps[number], self.history.moments[number]
        if fate is Fate.UNKNOWN or each.phone.state.config is None:
            return  # a phone that was never configured is not there yet
        self.counts[fate.value] += each.count
        if (number + int(each.phone.name[3:], 16)) % 3:
            return  # each start costs as much as a real one
        ghost = each.phone.copy()
        stays = not self.history.off(number, each.phone.name)
        registers = not stays or ghost.registers(node, moment.when)
        outcome = ghost.starts(node, moment.when)
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
        why = "" if is_as_said else self._not_in_any_inventory(each, node, each.phone.state, moment.when)
        if why:
            self.counts[why] += each.count
        elif not is_as_said:
            text = f"said {fate}; would register {registers}, take all {took}, holds the newest {newest}"
            self._found("forecast", each, f"step {number + 1}, absent: {text}")

    # Afterwards.

    def _afterwards(self) -> None:
        for each in self.tracked:
            by_tvs_said = each.asked or Fate.FOLLOWS_BY_TVS in each.said.steps
            if each.is_as_first_said and by_tvs_said and each.said.prospect.restarts:
                self._check_silent(each)
        self._check_returns()
        self._check_safe()
        if self.schedule.seed % _HELP_EVERY == 0:
            self._check_help()
        if self.schedule.seed % _PROPOSE_EVERY == 1:
            self._check_proposals()

    def _check_safe(self) -> None:
        """Nobody was called safe who is lost now that all have started with the network there."""
        for each in self.tracked:
            outcome, said = each.outcome, each.forecast.outcome
            if outcome is None or each.phone.state.config is None or (each.registers and took_all(outcome)):
                continue
            if said in _SAFE and each.is_half_told:
                self.counts["lost by what no inventory says"] += each.count
            elif said in _SAFE:
                self._found("safe", each, f"said {said}, and in the end {outcome.trouble()}")
            elif each.said.outcome in _SAFE:  # it missed a step that it was to meet; then that was said of it
                self.counts["lost by what it missed"] += each.count

    def _check_help(self) -> None:
        """Who is called behind can be helped from afar, who is called frozen cannot; one phone of each state."""
        last = len(self.history.moments) - 1
        seen: set[object] = set()
        for each in self.tracked:
            phone, forecast = each.phone, each.forecast
            trust = phone.state.trust
            state = (forecast.outcome, phone.model.security_by_default, phone.model.sha512, trust, each.node)
            if forecast.outcome not in {Fate.BEHIND, Fate.FROZEN} or state in seen:
                continue
            unsure = phone.model.unknown & {"security_by_default", *(["sha512"] * self.schedule.has_sha512)}
            if unsure or phone.state.config is None or self.history.moments[last].plan.damage.endswith(_NO_FORM):
                continue
            seen.add(state)
            moment, node = self.history.moments[last], self.history.node(last, each.node)
            helping = Helping(node, self.history.files(last, each.node, whole=True), moment.when + _MUCH_LATER)
            broken = helping.broken_promise(phone, forecast)
            if broken is not None:
                self._found("help", each, broken)

    def _check_proposals(self) -> None:
        """A proposed plan loses nobody whom it promises to save."""
        for node, forecaster in self.forecasters.items():
            here = [each for each in self.tracked if each.node == node and each.first.state.config is not None]
            here = here[:_PROPOSE_PHONES]
            if any(each.said.outcome in {Fate.FROZEN, Fate.LOCKED_OUT} for each in here):
                self.counts["proposals"] += 1
                phones = [(each.first, each.said) for each in here]
                names = {each.first.name: each for each in here}
                for phone, text in broken_proposal(forecaster, phones, self.history.moments[0].when):
                    self._found("proposal", names[phone.name], text)

    def _check_silent(self, each: Tracked) -> None:
        """Who follows by TVS would not have, had TVS been silent all along; who just follows would have."""
        twin = each.first.copy()
        for number, moment in enumerate(self.history.moments):
            silent = self.history.node(number, each.node).silent
            goes = self._is_there(number, each)
            outcome = (twin if goes else twin.copy()).starts(silent, moment.when)
            said = each.said.steps[number]
            if said in _SAFE and took_all(outcome) != (said is Fate.FOLLOWS):
                self._found("forecast", each, f"step {number + 1}: said {said}; without TVS: {outcome.trouble()}")

    def _check_returns(self) -> None:
        """Who was off in the last step, or did not get its files, starts once all is as it should be."""
        last = len(self.history.moments) - 1
        when = self.history.moments[last].when + timedelta(days=21)
        for each in self.tracked:
            foreseen = each.forecast.prospect.returns
            if foreseen is None or each.phone.state.config is None:
                continue
            node = self.history.node(last, each.node)
            before = each.phone.state
            each.outcome = outcome = each.phone.starts(node, when)
            each.registers = each.phone.registers(node, when)
            self.counts["starts"] += each.count
            found = [] if each.is_told_by_fate_alone else self._differences(each, outcome, foreseen)
            if found and not each.is_as_first_said and node.is_asked_elsewhere(before.trust):
                self.counts["asks another cluster's TVS"] += each.count
                continue
            for text in found:
                self._found("forecast", each, f"when it came back: {text}")

    def _found(self, rule: str, each: Tracked, text: str) -> None:
        self.findings.append(each.found(rule, text))
