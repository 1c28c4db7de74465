"""Hold and resume; a phone's user hears one call at a time."""

from __future__ import annotations

from mixedmode.services.callmanager.switch import channels, screen
from mixedmode.services.callmanager.switch.board import Board
from mixedmode.services.callmanager.switch.endings import hang_up
from mixedmode.services.callmanager.switch.model import Leg, LegState


def hold(board: Board, leg: Leg) -> None:
    """Hold a connected call: nobody sends any more."""
    if leg.state is LegState.CONNECTED:
        channels.close(board, leg)
        leg.state = LegState.HELD
        board.tell(leg, screen.held(board.stations[leg.device], leg))


def make_room(board: Board, device: str, now: float) -> None:
    """Hold the call that is heard; one that is not connected ends."""
    leg = board.heard(device)
    if leg is not None and leg.state is LegState.CONNECTED:
        hold(board, leg)
    elif leg is not None:
        hang_up(board, leg, now)


def resume(board: Board, leg: Leg, now: float) -> None:
    """Go on with a held call, with new channels and keys."""
    make_room(board, leg.device, now)
    peer = board.peer(leg) if leg.call in board.legs else None
    if leg.state is not LegState.HELD or peer is None:
        return
    leg.state = LegState.CALLING if peer.state is LegState.RINGING else LegState.CONNECTED
    board.tell(leg, screen.resumed(board.stations[leg.device], leg))
    channels.open_between(board, leg, peer, now)
