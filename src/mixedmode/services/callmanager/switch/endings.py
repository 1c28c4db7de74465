"""How legs end: put down, rejected, broken; what becomes of the other end."""

from __future__ import annotations

from mixedmode.services.callmanager.switch import channels, counting, screen
from mixedmode.services.callmanager.switch.board import HEARD, Board
from mixedmode.services.callmanager.switch.model import Leg, LegState, Outcome


def hang_up(board: Board, leg: Leg, now: float, *, lost: bool = False) -> None:
    """End a leg, since its phone ended it or is gone.

    =========  ==============================================================
    state      the other end
    =========  ==============================================================
    DIALLING   there is none; FAILED the same
    CALLING    rings no more
    RINGING    hears that the call is rejected, or broken if the phone is gone
    CONNECTED  ends too; HELD the same
    =========  ==============================================================
    """
    peer, talk = board.peer(leg), leg.talk
    rings = leg.state is LegState.RINGING
    if peer is not None and talk is not None:
        channels.close(board, leg)
        if rings:
            outcome = Outcome.NOT_REGISTERED if lost else Outcome.REJECTED
            leg.peer = peer.peer = None
            fail(board, peer, outcome, now)
        else:
            waited = peer.state is LegState.RINGING
            outcome = Outcome.ABANDONED if waited else Outcome.LOST if lost else Outcome.ANSWERED
            board.record(talk, outcome, now)
            counting.ask(board, talk, now, peer, leg)
            leg.peer = peer.peer = None
            drop(board, peer)
    drop(board, leg)


def fail(board: Board, leg: Leg, why: Outcome, now: float, *, record: bool = True) -> None:
    """End the call of a leg that has no peer any more; who hears it hears why, who holds it is on hook."""
    if record and leg.talk is not None:
        board.record(leg.talk, why, now)
    if leg.state is LegState.HELD or leg.device not in board.stations:
        drop(board, leg)
        return
    leg.state, leg.peer, leg.due = LegState.FAILED, None, None
    board.tell(leg, screen.failed(board.stations[leg.device], leg, why))
    leg.talk = None


def break_off(board: Board, leg: Leg, why: Outcome, now: float) -> None:
    """End a call at both ends, which both hear."""
    peer = board.peer(leg)
    channels.close(board, leg)
    counting.ask(board, leg.talk, now, leg, peer)
    leg.peer = None
    fail(board, leg, why, now)
    if peer is not None:
        peer.peer = None
        fail(board, peer, why, now, record=False)


def drop(board: Board, leg: Leg) -> None:
    """Forget a leg that has no peer and no media any more; its phone is on hook again."""
    board.remove(leg)
    left = board.legs_of(leg.device)
    others = any(each.line == leg.line for each in left)
    board.tell(leg, screen.on_hook(leg, others=others, active=any(each.state in HEARD for each in left)))
