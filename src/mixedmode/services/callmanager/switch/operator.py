"""What the switch does when a phone says something, is gone, or a time has come.

Rules:

1. What a phone says of a call is about a call of its own: numbers of others' calls are taken as none. Without a number
   the call that it hears is meant, or the one that rings or is held.
2. What does not fit a call's state does nothing: keys cross on the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mixedmode.protocols.sccp.calls import from_phone as f
from mixedmode.protocols.sccp.calls import media as m
from mixedmode.protocols.sccp.calls.codes import DIGITS, Button, Key, MediaStatus
from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsRes
from mixedmode.services.callmanager.switch import channels, counting, holding, routing, talking
from mixedmode.services.callmanager.switch.board import Board
from mixedmode.services.callmanager.switch.endings import break_off, hang_up
from mixedmode.services.callmanager.switch.model import Leg, LegState, Outcome, Station

_BUTTONS: Final = {Button.HOLD: Key.HOLD, Button.TRANSFER: Key.TRANSFER, Button.REDIAL: Key.REDIAL}


class Operator:
    """Who works at a board.

    Args:
        board: The state of the switch.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def lost(self, leg: Leg, now: float) -> None:
        """A leg's phone is gone."""
        hang_up(self._board, leg, now, lost=True)

    def expired(self, leg: Leg, now: float) -> None:
        """A leg's time has come."""
        board = self._board
        if leg.channel is not None and leg.channel.due is not None and now >= leg.channel.due:
            break_off(board, leg, Outcome.MEDIA_FAILED, now)
        elif leg.due is not None and now >= leg.due:
            leg.due = None
            if leg.state is LegState.RINGING:
                routing.unanswered(board, leg, now)
            elif leg.state is LegState.DIALLING:
                routing.call(board, leg, now)

    def said(self, station: Station, message: Laid, now: float) -> None:
        """A registered phone said something."""
        board, device = self._board, station.device
        match message:
            case f.OffHook(line=line, call=call):
                self._off_hook(station, line, call, now)
            case f.OnHook(call=call):
                leg = self._own(device, call) if call else board.heard(device)
                if leg is not None:
                    hang_up(board, leg, now)
            case f.KeypadButton():
                leg = board.heard(device)
                if leg is not None:
                    routing.dial(board, leg, message.digit, now)
            case f.EnblocCall(number=number, line=line):
                self._call(station, number, line, now)
            case f.SoftKeyEvent(event=event, line=line, call=call):
                self._key(station, event, line, call, now)
            case f.Stimulus():
                self._button(station, message, now)
            case _:
                self._media(device, message, now)

    def _media(self, device: str, message: Laid, now: float) -> None:
        match message:
            case m.OpenReceiveChannelAck(party=party, call=call):
                leg = channels.leg_of_channel(self._board, device, party, call)
                if leg is not None and not channels.opened(self._board, leg, message):
                    break_off(self._board, leg, Outcome.MEDIA_FAILED, now)
            case m.StartMediaTransmissionAck(party=party, call=call, status=status) if status != MediaStatus.OK:
                self._media_failed(device, party, call, now)
            case m.MediaTransmissionFailure(party=party, call=call):
                self._media_failed(device, party, call, now)
            case ConnectionStatisticsRes():
                counting.told(self._board, device, message, now)
            case _:
                pass

    def _media_failed(self, device: str, party: int, call: int, now: float) -> None:
        leg = channels.leg_of_channel(self._board, device, party, call)
        if leg is not None:
            break_off(self._board, leg, Outcome.MEDIA_FAILED, now)

    def _off_hook(self, station: Station, line: int, call: int, now: float) -> None:
        board = self._board
        named = self._own(station.device, call)
        if named is not None and named.state is LegState.RINGING:
            talking.answer(board, named, now)
        elif board.heard(station.device) is None:
            rings = self._in_state(station.device, LegState.RINGING, line)
            if rings is not None:
                talking.answer(board, rings, now)
            else:
                routing.new_call(board, station, line, now)

    def _button(self, station: Station, pressed: f.Stimulus, now: float) -> None:
        if pressed.stimulus == Button.LINE:
            self._line_button(station, pressed.instance, now)
        elif pressed.stimulus in _BUTTONS:
            self._key(station, _BUTTONS[Button(pressed.stimulus)], pressed.instance, pressed.call, now)

    def _line_button(self, station: Station, line: int, now: float) -> None:
        board = self._board
        for state, act in ((LegState.RINGING, talking.answer), (LegState.HELD, holding.resume)):
            leg = self._in_state(station.device, state, line)
            if leg is not None and (state is LegState.RINGING or board.heard(station.device) is None):
                act(board, leg, now)
                return
        if board.heard(station.device) is None:
            routing.new_call(board, station, line, now, speaker=True)

    def _call(self, station: Station, number: str, line: int, now: float) -> None:
        board = self._board
        leg = board.heard(station.device)
        if leg is None or leg.state is not LegState.DIALLING:
            leg = routing.new_call(board, station, line, now)
        if leg is not None:
            leg.digits = "".join(digit for digit in number if digit in DIGITS)[: routing.MOST_DIGITS]
            routing.call(board, leg, now)

    def _key(self, station: Station, key: int, line: int, call: int, now: float) -> None:
        board, device = self._board, station.device
        match key:
            case Key.NEW_CALL:
                routing.new_call(board, station, line, now, speaker=True)
            case Key.REDIAL:
                if board.last_dialled.get(device):
                    self._call(station, board.last_dialled[device], line, now)
            case _:
                leg = self._meant(device, key, call)
                act = _ACTS.get(key)
                if leg is not None and act is not None:
                    act(board, leg, now)

    def _meant(self, device: str, key: int, call: int) -> Leg | None:
        """Return the leg that a key is about (rule 1)."""
        if call:
            return self._own(device, call)
        wanted = {Key.ANSWER: LegState.RINGING, Key.RESUME: LegState.HELD}.get(Key(key)) if key in _ACTS else None
        if wanted is not None:
            return self._in_state(device, wanted)
        return self._board.heard(device) or self._in_state(device, LegState.RINGING)

    def _own(self, device: str, call: int) -> Leg | None:
        leg = self._board.legs.get(call)
        return leg if leg is not None and leg.device == device else None

    def _in_state(self, device: str, state: LegState, line: int = 0) -> Leg | None:
        mine = self._board.legs_of(device)
        return next((leg for leg in mine if leg.state is state and line in {0, leg.line}), None)


def _hold(board: Board, leg: Leg, _now: float) -> None:
    holding.hold(board, leg)


_ACTS: Final[dict[int, Callable[[Board, Leg, float], None]]] = {
    Key.ANSWER: talking.answer,
    Key.END_CALL: hang_up,
    Key.HOLD: _hold,
    Key.RESUME: holding.resume,
    Key.TRANSFER: talking.transfer,
    Key.BACKSPACE: routing.take_back,
}
