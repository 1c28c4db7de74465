"""The switch as a machine: what phones say and the time come in, what they are told and records come out.

Rules:

1. Which calls are meant, and what is done with them: :mod:`.operator`, which is loaded when the first phone calls. It
   needs all messages of calls, and most servers only register phones.
2. A phone that is gone ends its calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.services.callmanager.switch.board import Board
from mixedmode.services.callmanager.switch.model import CallSettings, Effect, Leg, Station
from mixedmode.services.callmanager.switch.plan import DialPlan

if TYPE_CHECKING:
    from mixedmode.services.callmanager.switch.operator import Operator


class Exchange:
    """A switch.

    Args:
        random: Returns as many random bytes as asked for; keys are made of them.
        settings: How calls are treated.
        plan: Which numbers there are; may be replaced at any time.
    """

    def __init__(
        self, random: Callable[[int], bytes], settings: CallSettings | None = None, plan: DialPlan | None = None
    ) -> None:
        self._board = Board(random, settings or CallSettings(), plan or DialPlan())

    @property
    def plan(self) -> DialPlan:
        """Which numbers there are."""
        return self._board.plan

    @plan.setter
    def plan(self, plan: DialPlan) -> None:
        self._board.plan = plan

    @property
    def legs(self) -> tuple[Leg, ...]:
        """All legs, to look at."""
        return tuple(self._board.legs.values())

    def attach(self, station: Station, now: float) -> list[Effect]:
        """Take a phone that has registered; if it was there already, the calls that it had are over."""
        self._gone(station.device, now)
        self._board.stations[station.device] = station
        return self._board.effects.take()

    def detach(self, device: str, now: float) -> list[Effect]:
        """Forget a phone (rule 2)."""
        self._gone(device, now)
        return self._board.effects.take()

    def receive(self, device: str, message: Laid, now: float) -> list[Effect]:
        """Take what a registered phone says of calls."""
        station = self._board.stations.get(device)
        if station is not None:
            self._operator.said(station, message, now)
        return self._board.effects.take()

    def expire(self, now: float) -> list[Effect]:
        """Take that time has passed."""
        for leg in self._board.due(now):
            self._operator.expired(leg, now)
        return self._board.effects.take()

    def next_timer(self) -> float | None:
        """Return when :meth:`expire` is to be called."""
        return self._board.next_due()

    @cached_property
    def _operator(self) -> Operator:
        from mixedmode.services.callmanager.switch.operator import Operator

        return Operator(self._board)

    def _gone(self, device: str, now: float) -> None:
        board = self._board
        if board.stations.pop(device, None) is not None:
            board.last_dialled.pop(device, None)
            board.asked.pop(device, None)
            for leg in board.legs_of(device):
                if leg.call in board.legs:
                    self._operator.lost(leg, now)
