"""Answer, and transfer: hold, consult, join."""

from __future__ import annotations

from mixedmode.services.callmanager.switch import channels, counting, screen
from mixedmode.services.callmanager.switch.board import Board
from mixedmode.services.callmanager.switch.endings import drop
from mixedmode.services.callmanager.switch.holding import hold, make_room
from mixedmode.services.callmanager.switch.model import Leg, LegState, Outcome, Talk
from mixedmode.services.callmanager.switch.routing import new_call

_JOINED = frozenset({LegState.CONNECTED, LegState.HELD})


def answer(board: Board, leg: Leg, now: float) -> None:
    """Connect a phone that rings with who calls it."""
    make_room(board, leg.device, now)
    peer, talk = board.peer(leg) if leg.call in board.legs else None, leg.talk
    if leg.state is not LegState.RINGING or peer is None or talk is None:
        return
    station, other = board.stations[leg.device], board.stations[peer.device]
    leg.state, leg.due = LegState.CONNECTED, None
    talk.answered, talk.protection = now, channels.protection(station, other)
    if peer.state is LegState.CALLING:
        peer.state = LegState.CONNECTED
    board.tell(leg, screen.answered(station, leg))
    if peer.state is LegState.CONNECTED:
        board.tell(peer, screen.connected(other, peer))
    channels.open_between(board, peer, leg, now)


def transfer(board: Board, leg: Leg, now: float) -> None:
    """Hold a call and consult a third party; the second time, join both."""
    if leg.consults is not None:
        _join(board, leg, board.legs[leg.consults], now)
        return
    mine = board.legs_of(leg.device)
    consulting = [each for each in mine if each.consults == leg.call]
    if consulting:
        transfer(board, consulting[0], now)
    elif leg.state is LegState.CONNECTED and len(mine) < board.settings.legs:
        hold(board, leg)
        new_call(board, board.stations[leg.device], leg.line, now, consults=leg.call)


def _join(board: Board, consult: Leg, held: Leg, now: float) -> None:
    """Connect the peers of two legs of one phone, which is out of the call then."""
    one, other = board.peer(held), board.peer(consult)
    if one is None or other is None or one.device == other.device or held.state is not LegState.HELD:
        return
    if one.state not in _JOINED or other.state not in _JOINED | {LegState.RINGING}:
        return
    for leg in (held, consult):
        channels.close(board, leg)
        if leg.talk is not None:
            board.record(leg.talk, Outcome.TRANSFERRED, now)
            counting.ask(board, leg.talk, now, leg, board.peer(leg))
        leg.peer = None
    one.peer, other.peer = other.call, one.call
    drop(board, held)
    drop(board, consult)
    station, there = board.stations[one.device], board.stations[other.device]
    number = board.party(other)
    talk = Talk(board.fresh(), board.party(one), number, now, number.number)
    one.talk = other.talk = talk
    one.outgoing, other.outgoing = True, False
    if other.state is LegState.RINGING:
        board.tell(other, screen.call_info(there, other))
        if one.state is LegState.CONNECTED:
            one.state = LegState.CALLING
            board.tell(one, screen.ring_out(station, one))
        return
    talk.answered, talk.protection = now, channels.protection(station, there)
    for leg, phone in ((one, station), (other, there)):
        board.tell(leg, screen.call_info(phone, leg))
        if leg.state is LegState.CONNECTED:
            board.tell(leg, screen.told_security(phone, leg))
    channels.open_between(board, one, other, now)
