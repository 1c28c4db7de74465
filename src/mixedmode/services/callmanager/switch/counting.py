"""What phones counted in a call (calls-and-media.md 3 and 8.1): asked for when it ends, recorded once it is told.

Rules:

1. Each phone that talked is asked when a call is recorded, and begins to count anew with that.
2. What a phone says belongs to the oldest question about that leg; unasked, or too late, it is nothing.
"""

from __future__ import annotations

from typing import Final

from mixedmode.protocols.sccp.calls.statistics import ConnectionStatisticsReq, ConnectionStatisticsRes
from mixedmode.services.callmanager.switch.board import Board
from mixedmode.services.callmanager.switch.model import Asked, Counted, Counts, Leg, Talk

ANSWER_SECONDS: Final = 10.0
_CLEAR: Final = 0
_MOST_TEXT: Final = 600
"""As much as versions before 22 have room for."""


def ask(board: Board, talk: Talk | None, now: float, *legs: Leg | None) -> None:
    """Ask the phones of a call that was recorded, if it was answered (rule 1)."""
    if talk is None or talk.answered is None:
        return
    for leg in legs:
        if leg is not None and leg.device in board.stations:
            other = talk.called if leg.outgoing else talk.calling
            asked = Asked(leg.call, talk.number, leg.outgoing, now + ANSWER_SECONDS)
            board.asked[leg.device] = [*_open(board, leg.device, now), asked]
            board.tell(leg, [ConnectionStatisticsReq(other.number, leg.call, _CLEAR)])


def told(board: Board, device: str, said: ConnectionStatisticsRes, now: float) -> None:
    """Take what a phone counted (rule 2)."""
    waiting = _open(board, device, now)
    found = next((each for each in waiting if each.call == said.call), None)
    if found is None:
        return
    waiting.remove(found)
    if not waiting:
        del board.asked[device]
    counts = Counts(
        said.packets_sent,
        said.octets_sent,
        said.packets_received,
        said.octets_received,
        said.packets_lost,
        said.jitter,
        said.latency,
        said.text[:_MOST_TEXT],
    )
    board.effects.found.append(Counted(found.talk, counts, by_caller=found.by_caller))


def _open(board: Board, device: str, now: float) -> list[Asked]:
    """Return the questions that a phone may answer still."""
    waiting = board.asked.get(device)
    if waiting is None:
        return []
    waiting[:] = [each for each in waiting if each.due > now]
    return waiting
