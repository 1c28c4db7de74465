"""Periods of time as ``file get`` takes them: ``reltime hours 2``, ``abstime 09:00:03/15/15 18:00:03/15/15``.

Pure: the time is an argument. The forms are the CLI Reference Guide's as it is remembered, unconfirmed; a year may
have four digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from mixedmode.errors import UsageError
from mixedmode.numbers import whole_number

UNITS = {
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
    "weeks": timedelta(weeks=1),
    "months": timedelta(days=30),
}
_LONGEST = 100_000
_FORMS = ("%H:%M:%m/%d/%y", "%H:%M:%m/%d/%Y")


@dataclass(frozen=True, slots=True)
class Period:
    """A period of time; both ends belong to it.

    Attributes:
        begin: Seconds since 1970.
        end: Seconds since 1970.
    """

    begin: float
    end: float

    def has(self, moment: float) -> bool:
        """Return whether a moment (seconds since 1970) is in it."""
        return self.begin <= moment <= self.end


def relative(text: str, now: datetime) -> Period:
    """Return the period up to now that a text such as ``hours 2`` names.

    Raises:
        UsageError: It names none.
    """
    unit, _, number = text.partition(" ")
    count = whole_number(number)
    if unit not in UNITS or count is None or not 0 < count <= _LONGEST:
        raise UsageError(f"{text!r} is no period of time", next_step=f"reltime hours 2; units: {', '.join(UNITS)}")
    try:
        begin = now - UNITS[unit] * count
    except OverflowError:
        begin = datetime.fromtimestamp(0, now.tzinfo)
    # A file that is being written now may be a moment newer than "now".
    return Period(begin.timestamp(), (now + timedelta(minutes=1)).timestamp())


def absolute(text: str, zone: tzinfo | None) -> Period:
    """Return the period between the two moments of a text; the last minute belongs to it whole.

    Args:
        text: ``hh:mm:MM/DD/YY hh:mm:MM/DD/YY``.
        zone: Time zone of both.

    Raises:
        UsageError: It has no two moments, or the second is before the first.
    """
    begin, end = (_moment(word, zone) for word in text.split(" ", 1))
    if end < begin:
        raise UsageError("the period ends before it begins", where=text, next_step="write the earlier moment first")
    return Period(begin.timestamp(), (end + timedelta(seconds=59.999)).timestamp())


def _moment(word: str, zone: tzinfo | None) -> datetime:
    for form in _FORMS:
        try:
            found = datetime.strptime(word, form)  # noqa: DTZ007 - the zone is put in below
        except ValueError:
            continue
        return found.replace(tzinfo=zone) if zone else found.astimezone()
    raise UsageError(f"{word!r} is no moment", next_step="write hh:mm:MM/DD/YY, such as 09:30:03/15/15")
