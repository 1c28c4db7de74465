"""From off hook to ringing: digits, the dial plan, busy, forwarding.

Rules:

1. A number is called as soon as no longer one begins so; after the inter-digit time or ``#`` what was dialled counts.
   Digits that no number begins with fail at once.
2. A line that is forwarded forwards before anything else, as often as the settings allow. One that has as many calls as
   it may is busy: forwarded if it has a target for that.
3. Who calls more numbers than any user does is told congestion, and nothing is recorded of it.
4. A phone that is not registered here is told as congestion: it is none of the user's business that it is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.protocols.sccp.registration.admission import Line
from mixedmode.services.callmanager.switch import screen
from mixedmode.services.callmanager.switch.board import Board
from mixedmode.services.callmanager.switch.endings import drop, fail
from mixedmode.services.callmanager.switch.holding import make_room
from mixedmode.services.callmanager.switch.model import Leg, LegState, Outcome, Party, Station, Talk
from mixedmode.services.callmanager.switch.plan import Entry

END_OF_NUMBER: Final = "#"
MOST_DIGITS: Final = 24


def new_call(
    board: Board, station: Station, line: int, now: float, *, speaker: bool = False, consults: int | None = None
) -> Leg | None:
    """Let a phone dial; None if it has as many calls as it may, or no such line."""
    make_room(board, station.device, now)
    line = line or 1
    if line > max(len(station.lines), 1) or len(board.legs_of(station.device)) >= board.settings.legs:
        return None
    leg = board.add(Leg(board.fresh(), station.device, line, LegState.DIALLING, consults=consults))
    _wait(board, leg, board.settings.inter_digit, now)
    board.tell(leg, screen.off_hook(station, leg, speaker=speaker))
    return leg


def dial(board: Board, leg: Leg, digit: str, now: float) -> None:
    """Take a digit (rule 1)."""
    if leg.state is not LegState.DIALLING or not digit:
        return
    if digit == END_OF_NUMBER and leg.digits:
        call(board, leg, now)
        return
    if not leg.digits:
        board.tell(leg, screen.first_digit(leg))
    leg.digits += digit
    look = board.plan.look(leg.digits)
    if not look.longer or len(leg.digits) >= MOST_DIGITS:
        call(board, leg, now)
    else:
        _wait(board, leg, board.settings.inter_digit, now)


def take_back(board: Board, leg: Leg, now: float) -> None:
    """Take the last digit back."""
    if leg.state is LegState.DIALLING:
        leg.digits = leg.digits[:-1]
        _wait(board, leg, board.settings.inter_digit, now)


def call(board: Board, leg: Leg, now: float) -> None:
    """Call what was dialled."""
    caller = board.party(leg)
    board.last_dialled[leg.device] = leg.digits
    leg.due = None
    if not board.may_place(leg.device, now):
        fail(board, leg, Outcome.LOST, now)
        return
    leg.state = LegState.CALLING
    leg.talk = Talk(board.fresh(), caller, Party(number=leg.digits), now, leg.digits)
    board.tell(leg, screen.proceeding(board.stations[leg.device], leg))
    ring(board, leg, leg.digits, now)


@dataclass(frozen=True, slots=True)
class _Target:
    station: Station
    line: int
    entry: Entry


def ring(board: Board, leg: Leg, number: str, now: float) -> None:
    """Ring at a number for a leg that calls, or where that is forwarded to (rules 2 and 4)."""
    found = _find(board, leg, number)
    talk = leg.talk
    if isinstance(found, Outcome) or talk is None:
        leg.peer = None
        fail(board, leg, found if isinstance(found, Outcome) else Outcome.LOST, now)
        return
    line = found.entry.line
    waiting = board.heard(found.station.device) is not None
    talk.called = Party.at(found.entry.device, found.entry.line)
    there = board.add(Leg(board.fresh(), found.station.device, found.line, LegState.RINGING, talk=talk, outgoing=False))
    there.peer, leg.peer = leg.call, there.call
    settings = board.settings
    _wait(board, there, settings.no_answer if line.forward_no_answer else settings.give_up, now)
    board.tell(there, screen.ring_in(found.station, there, waiting=waiting))
    if leg.state is LegState.CALLING:
        board.tell(leg, screen.ring_out(board.stations[leg.device], leg))


def unanswered(board: Board, there: Leg, now: float) -> None:
    """Forward a call that nobody answers, or give it up."""
    leg, talk = board.peer(there), there.talk
    if leg is None or talk is None:
        return
    entry = board.plan.get(talk.called.number)
    there.peer = leg.peer = None
    drop(board, there)
    target = "" if entry is None else entry.line.forward_no_answer
    if entry is not None and target and _may_redirect(board, talk, entry):
        ring(board, leg, target, now)
    else:
        fail(board, leg, Outcome.NO_ANSWER, now)


def _find(board: Board, leg: Leg, number: str) -> _Target | Outcome:
    talk = leg.talk
    while talk is not None:
        entry = board.plan.get(number)
        if entry is None:
            return Outcome.UNKNOWN_NUMBER
        line = entry.line
        target = line.forward_all
        if not target:
            station = board.stations.get(entry.device)
            place = 0 if station is None else station.line_of(number)
            if station is None or not place:
                return Outcome.NOT_REGISTERED
            if not _busy(board, station, place, line):
                return _Target(station, place, entry)
            target = line.forward_busy
            if not target:
                talk.called = Party.at(entry.device, entry.line)
                return Outcome.BUSY
        if not _may_redirect(board, talk, entry):
            return Outcome.BUSY
        number = target
    return Outcome.LOST


def _wait(board: Board, leg: Leg, seconds: float, now: float) -> None:
    leg.due = now + seconds
    board.wake(leg, leg.due)


def _busy(board: Board, station: Station, place: int, line: Line) -> bool:
    mine = board.legs_of(station.device)
    return sum(leg.line == place for leg in mine) >= line.calls or len(mine) >= board.settings.legs


def _may_redirect(board: Board, talk: Talk, entry: Entry) -> bool:
    if talk.hops >= board.settings.forwards:
        return False
    talk.hops += 1
    talk.redirecting = Party.at(entry.device, entry.line)
    talk.original = talk.original if talk.original.number else talk.redirecting
    return True
