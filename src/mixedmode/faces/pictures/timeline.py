"""Certificates on a time line as an SVG: a bar from the first to the last day, "now" as a line.

Every text is escaped; anybody may have chosen it. Bars that touch an edge go on beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from mixedmode.faces.pictures.looks import short, text

_WIDTH: Final = 930
_LEFT: Final = 214
_RIGHT: Final = 904
_ROW: Final = 32
_TOP: Final = 24
_PAST: Final = timedelta(days=200)
_MOST_YEARS: Final = 12
_NAME: Final = 30


@dataclass(frozen=True, slots=True)
class Span:
    """A certificate.

    Attributes:
        title: What it is.
        detail: What tells it from others, such as its serial number.
        begin: Its first moment.
        end: Its last.
        css: The class of its look.
        note: Written on or behind the bar.
    """

    title: str
    detail: str
    begin: datetime
    end: datetime
    css: str
    note: str = ""


def timeline(spans: Sequence[Span], now: datetime, finding: str) -> str:
    """Return the picture.

    Args:
        spans: From top to bottom.
        now: UTC.
        finding: What it shows, for who cannot see it.
    """
    first = (now - _PAST).astimezone(UTC)
    last_year = min(max((span.end.year for span in spans), default=now.year), now.year + _MOST_YEARS) + 1
    last = datetime(max(last_year, now.year + 2), 1, 1, tzinfo=UTC)
    height = _TOP + _ROW * len(spans) + 20

    def place(moment: datetime) -> float:
        share = (moment - first) / (last - first)
        return _LEFT + (_RIGHT - _LEFT) * min(1.0, max(0.0, share))

    parts = []
    years = range(first.year + 1, last.year + 1)
    step = max(1, len(years) // 8)
    for year in years[::step]:
        x = place(datetime(year, 1, 1, tzinfo=UTC))
        parts.append(
            f'<path class="ax" d="M{x:.0f} {_TOP}V{height - 20}"/>'
            f'<text x="{x:.0f}" y="16" text-anchor="middle">{year}</text>'
        )
    for number, span in enumerate(spans):
        y = _TOP + 7 + _ROW * number
        x, end = place(span.begin), place(span.end)
        # A word stands where there is room: on a long bar, else behind it, else before it.
        room = end - x
        if room > 220 or end > _RIGHT - 160:
            spot, anchor = (x + 10, "start") if room > 220 else (x - 8, "end")
        else:
            spot, anchor = end + 8, "start"
        parts.append(
            f'<text class="t" x="0" y="{y + 11}">{short(span.title, _NAME)}</text><text class="m" x="0" y="{y + 24}">'
            f'{short(span.detail, _NAME)}</text><g class="{span.css}"><rect class="fb" x="{x:.0f}" y="{y}" '
            f'width="{max(2.0, room):.0f}" height="20" rx="3"/></g>'
            f'<text x="{spot:.0f}" y="{y + 14}" text-anchor="{anchor}">{text(span.note)}</text>'
        )
    x = place(now)
    parts.append(
        f'<path class="ln" d="M{x:.0f} {_TOP}V{height - 20}"/><text class="t" x="{x:.0f}" y="{height - 4}" '
        f'text-anchor="middle">now</text>'
    )
    label = text(finding)
    return f'<svg class="halo" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
