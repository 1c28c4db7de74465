"""When a line was written, as far as it says: clocks of phones, of CUCM's traces and of everything between.

A phone's status page writes ``[8:52:30am 10/01/19]`` or ``1:33:26a``, its console ``23:00:22.335499``, a trace
``17:21:51.831 |``, a CallManager trace ``00012345.001 |12:34:56.789 |`` (live-cluster.md 4.5, 4.6; seed).
"""

from __future__ import annotations

import re
from typing import Final

_SEEN: Final = 96
_CLOCK: Final = re.compile(
    r"(?:(?P<iso>\d{4}-\d\d-\d\d)[T ]|(?P<before>\d{1,2}/\d{1,2}/\d{2,4}),? |(?P<day>[A-Z][a-z]{2} {1,2}\d{1,2}) )?"
    r"(?<![\w:.])(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)(?![:\d])(?:[.,](?P<fraction>\d{1,6}))?"
    r"(?P<half> ?[AaPp][Mm]?(?![A-Za-z]))?(?: (?P<after>\d{1,2}/\d{1,2}/\d{2,4}))?",
    re.ASCII,
)
_STARTS: Final = re.compile(
    r"\s{0,8}(?:\d{1,9}: )?(?:[A-Z]{3} )?(?:\[|\d{8}\.\d{3} ?\| ?|\d{1,2}/\d{1,2}/\d{2,4},? |\d{4}-\d\d-\d\d[T ]"
    r"|[A-Z][a-z]{2} {1,2}\d{1,2} )?\d{1,2}:\d\d:\d\d(?![:\d])",
    re.ASCII,
)
_NUMBERED: Final = re.compile(r"\s{0,8}\d{1,9}: (?:NOT|WRN|ERR|INF|DBG|CRT|ALT|EMG)\b")


def moment_of(text: str) -> str | None:
    """Return when a line was written: ``HH:MM:SS``, with fraction, date and zone mark as far as it has them."""
    found = _CLOCK.search(text, 0, _SEEN)
    if found is None:
        return None
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    half = (found["half"] or "").strip().lower()[:1]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59 or second > 60:
        return None
    fraction = f".{found['fraction']}" if found["fraction"] else ""
    date = _date(found["iso"] or found["before"] or found["after"])
    clock = f"{hour:02}:{minute:02}:{second:02}{fraction}"
    if date:
        return f"{date}T{clock}"
    return f"{found['day']} {clock}" if found["day"] else clock


def _date(text: str | None) -> str:
    if not text:
        return ""
    if "-" in text:
        return text
    month, day, year = (int(each) for each in text.split("/"))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ""
    return f"{year + 2000 if year < 100 else year:04}-{month:02}-{day:02}"


def starts_entry(text: str) -> bool:
    """Return whether a line begins an entry of a log, which later lines may go on with."""
    return _STARTS.match(text) is not None or _NUMBERED.match(text) is not None
