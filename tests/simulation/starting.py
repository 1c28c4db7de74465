"""Lets phones start at a step: by themselves, over a bad line, or all in a storm; who lost its power starts again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.trust.state import PhoneState
from tests.simulation.history import History
from tests.simulation.schedule import PhonePlan, Schedule
from tests.simulation.tracked import Tracked, together
from tests.simulation.world.chance import chances_of
from tests.simulation.world.course import Point
from tests.simulation.world.handset import how_far
from tests.simulation.world.network import Storm, Weather
from tests.simulation.world.served import Node

Came = Callable[[int, Tracked, Node, PhoneState, BootOutcome | None], None]
"""Told of each start: the step, the phone, what it met, what it held before, how the start ended."""
_MOST_TRIES: Final = 4
_STORM_EVERY: Final = 40
"""In so many seeds one sends every packet of a storm through the event loop, all phones at once."""
_GONE: Final = Weather(cut=(0.0, math.inf))
_SOON: Final = 25.0
"""Of a start in a calm network, which takes some 40 ms, most that lose their power do so within it."""
_LATER: Final = 4.0
"""A start takes longer where packets are late or lost."""


class Starting:
    """Lets phones start.

    Args:
        schedule: What happens.
        history: What they meet.
        nodes: The same, at this step.
        number: The step.
        came: Told of each start.
    """

    def __init__(self, schedule: Schedule, history: History, nodes: dict[int, Node], number: int, came: Came) -> None:
        self.schedule, self.nodes, self.number, self._came = schedule, nodes, number, came
        self.moment = history.moments[number]

    def start(self, present: list[Tracked], why: str) -> list[Tracked]:
        """Let phones start; who lost its power, or did not get a file, starts again.

        Args:
            present: The phones.
            why: Tells several times of a step apart.

        Returns:
            The same phones, parted where something else became of one than of others that were alike.
        """
        weather = self.schedule.weather
        done: list[Tracked] = []
        if self.moment.plan.cut:
            done = self._stormy([each for each in present if each.plan.is_remote], _GONE, f"{self.number} gone")
            present = [each for each in present if not each.plan.is_remote]
            for each in done:
                each.disturbed = True
        for attempt in range(_MOST_TRIES):
            is_last = attempt == _MOST_TRIES - 1
            for each in present:
                each.outcome = None
            is_calm = weather.is_calm or is_last
            rough = [] if is_calm else [each for each in present if each.plan.is_remote]
            which = f"{self.number} {why} {attempt}"
            came = self._stormy(rough, weather, which)
            calm = present if is_calm else [each for each in present if not each.plan.is_remote]
            came += self._calm(calm, which)
            present = []
            for each in came:
                if each.outcome is None:
                    each.broke_off = True
                elif None in each.outcome.decisions.values():
                    each.disturbed = True
                else:
                    done.append(each)
                    continue
                (done if is_last else present).append(each)
            if not present:
                break
            present = together(present)
        return done

    def _calm(self, present: list[Tracked], which: str) -> list[Tracked]:
        loses = self.schedule.crashes > 0 and not which.endswith(str(_MOST_TRIES - 1))
        came: list[Tracked] = []
        for each in present:
            trail = each.phone.trail(self.nodes[each.node], self.moment.when)
            ways: dict[Point, list[PhonePlan]] = {}
            for plan in each.plans if loses else ():
                ways.setdefault(how_far(trail, self._crash(which, plan)), []).append(plan)
            came += self._parted(each, ways or {trail[-1][1]: each.plans})
        return came

    def _parted(self, each: Tracked, ways: Mapping[Point, Sequence[PhonePlan]]) -> Iterator[Tracked]:
        """Let phones come as far as that, parted where they come to something else."""
        for point, plans in ways.items():
            one = each if len(ways) == 1 else each.part(tuple(plans))
            before = one.phone.state
            self._came(self.number, one, self.nodes[one.node], before, one.phone.comes_to(point))
            yield one

    def _stormy(self, present: list[Tracked], weather: Weather, which: str) -> list[Tracked]:
        if weather.is_the_same_all_the_time and self.schedule.seed % _STORM_EVERY:
            return self._rough(present, weather, which)
        when = self.moment.when
        present = [one for each in present for one in each.parted()]
        for node, served in self.nodes.items():
            here = [each for each in present if each.node == node]
            if not here:
                continue
            storm = Storm(served.engine(self._devices(here)), weather, self._told(here, served))
            for place, each in enumerate(here):
                rng, crash = self._fortune(which, each)
                storm.begin(place, each.phone.booting(served, when), rng, rng.random() * 2, crash)
            storm.run()
        return present

    def _rough(self, present: list[Tracked], weather: Weather, which: str) -> list[Tracked]:
        came: list[Tracked] = []
        for each in present:
            node, phone = self.nodes[each.node], each.phone
            ways: dict[Point, list[PhonePlan]] = {}
            for plan in each.plans:
                crash = self._crash(which, plan, _LATER) if self.schedule.crashes else math.inf
                lot = f"{self.schedule.seed} {which} {plan.name}"
                ways.setdefault(phone.comes_in(weather, lot, node, self.moment.when, crash), []).append(plan)
            came += self._parted(each, ways)
        return came

    def _crash(self, which: str, plan: PhonePlan, soon: float = _SOON) -> float:
        """Return when a phone loses its power, never if it does not."""
        chance, when = chances_of(f"{self.schedule.seed} power {which} {plan.name}")
        return -math.log(1.0 - when) / soon if chance < self.schedule.crashes else math.inf

    def _fortune(self, which: str, each: Tracked) -> tuple[random.Random, float | None]:
        rng = random.Random(f"{self.schedule.seed} storm {which} {each.phone.name}")
        return rng, rng.expovariate(_LATER) if rng.random() < self.schedule.crashes else None

    def _told(self, here: list[Tracked], node: Node) -> Callable[[int, BootOutcome | None], None]:
        before = [each.phone.state for each in here]

        def done(place: int, outcome: BootOutcome | None) -> None:
            self._came(self.number, here[place], node, before[place], outcome)

        return done

    def _devices(self, present: list[Tracked]) -> dict[str, tuple[int, str]]:
        return {each.phone.alias: (each.phone.mode, each.phone.protocol) for each in present}
