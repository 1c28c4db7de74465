"""Lets phones start at a step: by themselves, over a bad line, or all in a storm; who lost its power starts again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Final

from mixedmode.phone.mind.outcome import BootOutcome
from mixedmode.phone.mind.trust.state import PhoneState
from tests.simulation.history import History
from tests.simulation.schedule import Schedule
from tests.simulation.tracked import Tracked
from tests.simulation.world.chance import chances_of
from tests.simulation.world.network import Storm, Weather
from tests.simulation.world.served import Node

Came = Callable[[int, Tracked, Node, PhoneState, BootOutcome | None], None]
"""Told of each start: the step, the phone, what it met, what it held before, how the start ended."""
_MOST_TRIES: Final = 4
_STORM_EVERY: Final = 10
"""In so many seeds one sends every packet of a storm through the event loop, all phones at once."""
_GONE: Final = Weather(cut=(0.0, math.inf))
_SOON: Final = 25.0
"""Of a start in a calm network, which takes some 40 ms, most that lose their power do so within it."""


class Starting:
    """Lets phones start.

    Args:
        schedule: What happens.
        history: What they meet.
        came: Told of each start.
    """

    def __init__(self, schedule: Schedule, history: History, came: Came) -> None:
        self.schedule, self.history, self._came = schedule, history, came

    def start(self, number: int, present: list[Tracked], nodes: dict[int, Node], why: str) -> None:
        """Let phones start; who lost its power, or did not get a file, starts again."""
        weather = self.schedule.weather
        if self.history.moments[number].plan.cut:
            gone = [each for each in present if each.plan.is_remote]
            present = [each for each in present if not each.plan.is_remote]
            self._stormy(number, gone, nodes, _GONE, f"{number} gone")
            for each in gone:
                each.disturbed = True
        for attempt in range(_MOST_TRIES):
            is_last = attempt == _MOST_TRIES - 1
            for each in present:
                each.outcome = None
            is_calm = weather.is_calm or is_last
            rough = [] if is_calm else [each for each in present if each.plan.is_remote]
            which = f"{number} {why} {attempt}"
            self._stormy(number, rough, nodes, weather, which)
            calm = present if is_calm else [each for each in present if not each.plan.is_remote]
            self._calm(number, calm, nodes, which)
            for each in present:
                if each.outcome is None:
                    each.broke_off = True
                elif None in each.outcome.decisions.values():
                    each.disturbed = True
            present = [each for each in present if each.outcome is None or None in each.outcome.decisions.values()]
            if not present:
                return

    def _calm(self, number: int, present: list[Tracked], nodes: dict[int, Node], which: str) -> None:
        when = self.history.moments[number].when
        loses = self.schedule.crashes > 0 and not which.endswith(str(_MOST_TRIES - 1))
        for each in present:
            crash = self._crash(which, each) if loses else math.inf
            before = each.phone.state
            self._came(number, each, nodes[each.node], before, each.phone.start(nodes[each.node], when, crash))

    def _stormy(
        self, number: int, present: list[Tracked], nodes: dict[int, Node], weather: Weather, which: str
    ) -> None:
        if weather.is_the_same_all_the_time and self.schedule.seed % _STORM_EVERY:
            self._rough(number, present, nodes, weather, which)
            return
        when = self.history.moments[number].when
        for node, served in nodes.items():
            here = [each for each in present if each.node == node]
            if not here:
                continue
            storm = Storm(served.engine(self._devices(here)), weather, self._told(number, here, served))
            for place, each in enumerate(here):
                rng, crash = self._fortune(which, each)
                storm.begin(place, each.phone.booting(served, when), rng, rng.random() * 2, crash)
            storm.run()

    def _rough(self, number: int, present: list[Tracked], nodes: dict[int, Node], weather: Weather, which: str) -> None:
        when = self.history.moments[number].when
        for each in present:
            rng, crash = self._fortune(which, each)
            before, node = each.phone.state, nodes[each.node]
            outcome = each.phone.start_in(weather, rng, node, when, math.inf if crash is None else crash)
            self._came(number, each, node, before, outcome)

    def _crash(self, which: str, each: Tracked) -> float:
        """Return when a phone loses its power over a calm network."""
        chance, soon = chances_of(f"{self.schedule.seed} calm {which} {each.phone.name}")
        return -math.log(1.0 - soon) / _SOON if chance < self.schedule.crashes else math.inf

    def _fortune(self, which: str, each: Tracked) -> tuple[random.Random, float | None]:
        rng = random.Random(f"{self.schedule.seed} storm {which} {each.phone.name}")
        return rng, rng.expovariate(4.0) if rng.random() < self.schedule.crashes else None

    def _told(self, number: int, here: list[Tracked], node: Node) -> Callable[[int, BootOutcome | None], None]:
        before = [each.phone.state for each in here]

        def done(place: int, outcome: BootOutcome | None) -> None:
            self._came(number, here[place], node, before[place], outcome)

        return done

    def _devices(self, present: list[Tracked]) -> dict[str, tuple[int, str]]:
        return {each.phone.alias: (each.phone.mode, each.phone.protocol) for each in present}
