"""A calendar as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mixedmode.expiry.values import Calendar, Planned, Urgency

_PHONES: Final = 5
_PLACES: Final = 6


def lines(calendar: Calendar) -> Iterator[str]:
    """Yield a calendar for people."""
    soon = [each for each in calendar.entries if each.urgency is not Urgency.LATER]
    count = len(calendar.entries)
    yield f"{calendar.name}: {count} certificates, {len(soon)} of them end within half a year or have ended"
    for each in calendar.entries:
        yield ""
        yield from _entry(each)
    if calendar.not_seen:
        yield ""
        yield "not seen:"
        yield from (f"  {each}" for each in calendar.not_seen)


def _entry(each: Planned) -> Iterator[str]:
    dated = each.dated
    when = f"{-each.days} days ago" if each.urgency is Urgency.EXPIRED else f"in {each.days} days"
    mark = "" if each.urgency is Urgency.LATER else f" [{each.urgency}]"
    yield f"{dated.not_after:%Y-%m-%d}  {dated.name}{mark}, {when}"
    if dated.serial:
        yield f"    serial {dated.serial}{', signs the ' + ' and the '.join(dated.signs) if dated.signs else ''}"
    if dated.where:
        more = f" and {len(dated.where) - _PLACES} more" if len(dated.where) > _PLACES else ""
        yield f"    in {', '.join(dated.where[:_PLACES])}{more}"
    if len(dated.phones) > 1:
        more = " ..." if len(dated.phones) > _PHONES else ""
        yield f"    phones {', '.join(dated.phones[:_PHONES])}{more}"
    yield f"    when it ends: {each.effect}"
    short = ", less time than there should be" if each.squeezed else ""
    yield f"    renew {each.opens} to {each.closes}{short}: {each.steps}"
    if each.after:
        yield f"    only after, and when every phone has followed: {', '.join(each.after)}"
