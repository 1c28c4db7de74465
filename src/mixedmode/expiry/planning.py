"""When to renew what: a window for each certificate, and turns for those that are due together.

Rules:

1. A window opens so many days before the end and closes so many,
     by use (:mod:`.meaning`); one whose days are over begins
   today and is squeezed.
2. Certificates that are anchors of phones' trust never share a window: if their windows overlap each gets its turn,
     in the
   order of their uses, two weeks long,
        all before the first of them has to be done. Too little time makes turns shorter.
3. What has ended already, or cannot be renewed, has no turn to wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from mixedmode.expiry.meaning import MEANINGS
from mixedmode.expiry.values import Calendar, Dated, Planned, Urgency, Use

TURN: Final = 14
"""Days for every phone to restart once or twice and to follow."""
_URGENCIES: Final = ((Urgency.CRITICAL, 14), (Urgency.WARNING, 60), (Urgency.INFO, 180))


def calendar(name: str, found: Iterable[Dated], now: datetime, not_seen: Iterable[str] = ()) -> Calendar:
    """Return the calendar of certificates, the nearest end first.

    Args:
        name: Of what was looked at.
        found: The certificates, each once.
        now: UTC.
        not_seen: What could not be looked at, and why.
    """
    planned = [plan(each, now) for each in found]
    planned = _in_turns(planned, now.date())
    planned.sort(
        key=lambda each: (each.dated.not_after, MEANINGS[each.dated.use].order, each.dated.name, each.dated.key)
    )
    return Calendar(name, now, tuple(planned), tuple(not_seen))


def plan(dated: Dated, now: datetime) -> Planned:
    """Return the window of one certificate by itself (rule 1)."""
    meaning = MEANINGS[dated.use]
    end, today = dated.not_after.date(), now.date()
    days = (dated.not_after - now).days
    opens, closes = _before(end, meaning.opens), _before(end, meaning.closes)
    squeezed = closes < today
    urgency = Urgency.EXPIRED if dated.not_after <= now else Urgency.LATER
    if urgency is not Urgency.EXPIRED:
        urgency = next((each for each, most in _URGENCIES if days <= most), Urgency.LATER)
        if dated.use is Use.LSC and urgency is Urgency.INFO and days <= meaning.opens:
            urgency = Urgency.WARNING
    if squeezed:
        opens, closes = today, max(today, min(_before(end, 1), _after(today, TURN)))
    else:
        opens = max(opens, today)
    return Planned(dated, urgency, days, opens, closes, squeezed, (), meaning.effect, meaning.steps)


def _before(day: date, days: int) -> date:
    """Return a day so many days before another, not before the first one that there is."""
    return date.fromordinal(max(day.toordinal() - days, 1))


def _after(day: date, days: int) -> date:
    """Return a day so many days after another, not after the last one that there is."""
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def _in_turns(planned: Sequence[Planned], today: date) -> list[Planned]:
    """Return the same with turns for anchors whose windows overlap (rule 2)."""
    others = [each for each in planned if not MEANINGS[each.dated.use].anchor]
    anchors = sorted((each for each in planned if MEANINGS[each.dated.use].anchor), key=lambda each: each.opens)
    groups: list[list[Planned]] = []
    end = date.min
    for each in anchors:
        if groups and each.opens <= end:
            groups[-1].append(each)
            end = min(end, each.closes)
        else:
            groups.append([each])
            end = each.closes
    return others + [turn for group in groups for turn in _turns(group, today)]


def _turns(group: list[Planned], today: date) -> list[Planned]:
    if len(group) == 1:
        return group
    ordered = sorted(group, key=lambda each: (MEANINGS[each.dated.use].order, each.dated.name, each.dated.key))
    last = max(min(each.closes for each in group), today)
    first = max(min(each.opens for each in group), today)
    room = (last - first).days
    turn = min(TURN, max(room // len(ordered), 1))
    start = max(first, min(max(each.opens for each in group), _before(last, turn * len(ordered))))
    made = []
    for number, each in enumerate(ordered):
        opens = _after(start, turn * number)
        before = tuple(other.dated.name for other in ordered[:number])
        squeezed = each.squeezed or turn < TURN
        made.append(replace(each, opens=opens, closes=_after(opens, turn - 1), squeezed=squeezed, after=before))
    return made
