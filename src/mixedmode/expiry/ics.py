"""A calendar as iCalendar (RFC 5545): lines that end in CR LF, folded after 75 octets, texts escaped, UIDs that stay.

Each certificate has two events, both whole days: its end,
     and the window to renew it. The UID is made of the certificate, so
that a calendar that is imported again changes its events and does not double them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from mixedmode.expiry.values import Calendar, Planned, Urgency

_OCTETS: Final = 75
_NAMES: Final = 20
"""Of phones in a description."""
_ESCAPES: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})
_PRIORITIES: Final = {Urgency.EXPIRED: 1, Urgency.CRITICAL: 1, Urgency.WARNING: 3, Urgency.INFO: 5, Urgency.LATER: 9}


def icalendar(calendar: Calendar) -> bytes:
    """Return a calendar as a file."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//mixedmode//calendar//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{escaped(f'Certificates of {calendar.name}')}",
    ]
    for each in calendar.entries:
        lines += _end(each, calendar.now)
        lines += _window(each, calendar.now)
    lines.append("END:VCALENDAR")
    return b"".join(folded(line) for line in lines)


def escaped(text: str) -> str:
    """Return a text as a value of iCalendar; what is not printable becomes a blank."""
    kept = "".join(each if each.isprintable() or each in "\n\r" else " " for each in text)
    return kept.translate(_ESCAPES)


def folded(line: str) -> bytes:
    """Return a line with its end, folded after 75 octets and never within a character."""
    pieces: list[bytes] = []
    piece = b""
    for character in line:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > _OCTETS:
            pieces.append(piece)
            piece = b" "
        piece += octets
    return b"\r\n".join([*pieces, piece]) + b"\r\n"


def _end(each: Planned, now: datetime) -> Iterator[str]:
    dated = each.dated
    verb = "has ended" if each.urgency is Urgency.EXPIRED else "ends"
    day = dated.not_after.astimezone(UTC).date()
    yield from _event(
        each, now, "end", day, day, f"{dated.name} {verb}", f"What it does: {each.effect}\n{_facts(each)}"
    )


def _window(each: Planned, now: datetime) -> Iterator[str]:
    after = f"\nOnly after: {', '.join(each.after)}" if each.after else ""
    short = "\nThere is less time than there should be." if each.squeezed else ""
    text = f"{each.steps}{after}{short}\n{_facts(each)}"
    yield from _event(each, now, "renew", each.opens, each.closes, f"Renew {each.dated.name}", text)


def _event(each: Planned, now: datetime, kind: str, first: date, last: date, summary: str, text: str) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{each.dated.key[:40]}-{kind}@mixedmode"
    yield f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{_day(first)}"
    yield f"DTEND;VALUE=DATE:{_day(max(last, first) + timedelta(1) if last < date.max else last)}"
    yield f"SUMMARY:{escaped(summary)}"
    yield f"DESCRIPTION:{escaped(text)}"
    yield f"CATEGORIES:{escaped(each.dated.use.value)}"
    yield f"PRIORITY:{_PRIORITIES[each.urgency]}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _day(day: date) -> str:
    return f"{day.year:04}{day.month:02}{day.day:02}"


def _facts(each: Planned) -> str:
    dated = each.dated
    lines = [f"Ends {dated.not_after:%Y-%m-%d %H:%M} UTC"]
    if dated.subject:
        lines.append(f"{dated.subject}{f', serial {dated.serial}' if dated.serial else ''}")
    if dated.signs:
        lines.append(f"Signs the {' and the '.join(dated.signs)}")
    if dated.where:
        lines.append(f"In: {', '.join(dated.where[:_NAMES])}")
    if dated.phones:
        more = f" and {len(dated.phones) - _NAMES} more" if len(dated.phones) > _NAMES else ""
        lines.append(f"Phones: {', '.join(dated.phones[:_NAMES])}{more}")
    return "\n".join(lines)
