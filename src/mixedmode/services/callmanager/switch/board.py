"""Who is registered and which legs there are; what the parts of the switch share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.services.callmanager.switch.model import (
    Asked,
    CallSettings,
    Effects,
    Leg,
    LegState,
    Outcome,
    Party,
    Record,
    Station,
    Talk,
    Tell,
    TooMany,
)
from mixedmode.services.callmanager.switch.plan import DialPlan

HEARD = frozenset({LegState.DIALLING, LegState.FAILED, LegState.CALLING, LegState.CONNECTED})
"""States of which a phone has one leg at most: its user hears it."""
_U32 = 0xFFFFFFFF


@dataclass(slots=True)
class Placed:
    """How many numbers a phone may call still.

    Attributes:
        left: So many.
        since: When that was.
        told: Whether it is known that there were too many.
    """

    left: float
    since: float
    told: bool = False


@dataclass(slots=True)
class Board:
    """The state of a switch.

    Attributes:
        random: Returns as many random bytes as asked for, for keys.
        settings: How calls are treated.
        plan: Which numbers there are.
        stations: The registered phones by name.
        placed: How many numbers each may call still, since it called one; registering anew gives it
            no more.
        legs: All legs by number.
        asked: What each phone was asked to say that it counted, and has not said; the oldest first.
        effects: What is told and recorded.
    """

    random: Callable[[int], bytes]
    settings: CallSettings = field(default_factory=CallSettings)
    plan: DialPlan = field(default_factory=DialPlan)
    stations: dict[str, Station] = field(default_factory=dict)
    legs: dict[int, Leg] = field(default_factory=dict)
    placed: dict[str, Placed] = field(default_factory=dict)
    last_dialled: dict[str, str] = field(default_factory=dict)
    asked: dict[str, list[Asked]] = field(default_factory=dict)
    effects: Effects = field(default_factory=Effects)
    _by_device: dict[str, list[int]] = field(default_factory=dict)
    _timers: list[tuple[float, int]] = field(default_factory=list)
    _last: int = 0

    def fresh(self) -> int:
        """Return a number for a leg, a call or a channel that is not in use."""
        self._last = self._last % _U32 + 1
        return self._last

    def add(self, leg: Leg) -> Leg:
        """Take a leg."""
        self.legs[leg.call] = leg
        self._by_device.setdefault(leg.device, []).append(leg.call)
        return leg

    def remove(self, leg: Leg) -> None:
        """Forget a leg; what was to be joined to it is an ordinary call now."""
        del self.legs[leg.call]
        mine = self._by_device[leg.device]
        mine.remove(leg.call)
        if not mine:
            del self._by_device[leg.device]
        for other in self.legs_of(leg.device):
            if other.consults == leg.call:
                other.consults = None

    def legs_of(self, device: str) -> list[Leg]:
        """Return a phone's legs, the oldest first."""
        return [self.legs[call] for call in self._by_device.get(device, ())]

    def heard(self, device: str) -> Leg | None:
        """Return the leg that a phone's user hears, None if there is none."""
        return next((leg for leg in self.legs_of(device) if leg.state in HEARD), None)

    def peer(self, leg: Leg) -> Leg | None:
        """Return the other end."""
        return None if leg.peer is None else self.legs[leg.peer]

    def party(self, leg: Leg) -> Party:
        """Return who is at a leg."""
        return Party.at(leg.device, self.stations[leg.device].line(leg.line))

    def wake(self, leg: Leg, when: float) -> None:
        """Look at a leg at a time, if it waits for that then still."""
        heappush(self._timers, (when, leg.call))

    def due(self, now: float) -> Iterator[Leg]:
        """Take the legs whose time has come, each as long as it waits for it."""
        while (when := self.next_due()) is not None and when <= now:
            yield self.legs[heappop(self._timers)[1]]

    def next_due(self) -> float | None:
        """Return when the next leg's time comes; what nobody waits for any more is forgotten."""
        while self._timers:
            when, call = self._timers[0]
            leg = self.legs.get(call)
            if leg is not None and when in {leg.due, None if leg.channel is None else leg.channel.due}:
                return when
            heappop(self._timers)
        return None

    def may_place(self, device: str, now: float) -> bool:
        """Count that a phone calls a number; return whether it may: one that floods must not push out all records."""
        settings = self.settings
        placed = self.placed.setdefault(device, Placed(settings.at_once, now))
        placed.left = min(placed.left + (now - placed.since) * settings.per_second, settings.at_once)
        placed.since = now
        if placed.left >= 1:
            placed.left, placed.told = placed.left - 1, False
            return True
        if not placed.told:
            self.effects.found.append(TooMany(device))
        placed.told = True
        return False

    def tell(self, leg: Leg, messages: Iterable[Laid]) -> None:
        """Tell a leg's phone something, if it is there still."""
        if leg.device in self.stations:
            self.effects.found += [Tell(leg.device, message) for message in messages]

    def record(self, talk: Talk, outcome: Outcome, now: float) -> None:
        """Record that a call ended."""
        self.effects.found.append(
            Record(
                talk.number,
                talk.calling,
                talk.called,
                talk.dialled,
                talk.begun,
                talk.answered,
                now,
                outcome,
                talk.protection,
                talk.encrypted,
            )
        )
