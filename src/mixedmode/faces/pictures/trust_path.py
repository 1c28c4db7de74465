"""The trust path of a phone as an SVG: the phone, the records that it holds, and what each vouches for.

A broken line: the record does not vouch for it, or nobody answers. Every text is escaped; anybody may have chosen it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, pi, sin
from typing import Final

from mixedmode.faces.pictures.looks import short, text

_WIDTH: Final = 940
_LEFT: Final = (4, 196)
_MIDDLE: Final = (330, 244)
_RIGHT: Final = (704, 232)
_HIGH: Final = 62
_ROW: Final = 82
_PHONE: Final = 74
_MOST: Final = 34
"""Characters of a line in a box."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box.

    Attributes:
        title: Its first line.
        lines: At most two more.
        css: The class of an outcome; empty for none.
    """

    title: str
    lines: tuple[str, ...] = ()
    css: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A way from the phone to something that it must trust.

    Attributes:
        record: What it holds.
        end: What that is asked about.
        left: Written on the line from the phone.
        right: Written on the line to the end.
        holds: Whether the line is whole.
    """

    record: Box
    end: Box
    left: str
    right: str
    holds: bool


def trust_path(phone: Box, ways: Sequence[Way], finding: str) -> str:
    """Return the picture.

    Args:
        phone: The phone.
        ways: From top to bottom, at least one.
        finding: What it shows, for who cannot see it.
    """
    height = _ROW * (len(ways) - 1) + _HIGH + 12
    middle = height / 2
    parts = [_box(phone, _LEFT, middle - _PHONE / 2, _PHONE)]
    for number, way in enumerate(ways):
        top = 6 + _ROW * number
        centre = top + _HIGH / 2
        begin = middle + (number - (len(ways) - 1) / 2) * 17
        left_end, right = _LEFT[0] + _LEFT[1], _MIDDLE[0] + _MIDDLE[1]
        parts += [
            _line(left_end, begin, _MIDDLE[0], centre),
            _label((left_end + _MIDDLE[0]) / 2, (begin + centre) / 2 - 6, way.left),
            _line(right, centre, _RIGHT[0], centre, css=way.end.css, broken=not way.holds),
            _label((right + _RIGHT[0]) / 2, centre - 7, way.right),
            _box(way.record, _MIDDLE, top, _HIGH),
            _box(way.end, _RIGHT, top, _HIGH),
        ]
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{text(finding)}">{"".join(parts)}</svg>'


def _box(box: Box, place: tuple[int, int], top: float, high: int) -> str:
    x, width = place
    first = top + 21
    lines = "".join(
        f'<text x="{x + 12}" y="{first + 17 + 15 * at:.0f}">{short(line, _MOST)}</text>'
        for at, line in enumerate(box.lines[:2])
    )
    shape = "fb" if box.css else "box"
    return (
        f'<g class="{box.css}"><rect class="{shape}" x="{x}" y="{top:.0f}" width="{width}" height="{high}" rx="5"/>'
        f'<text class="t" x="{x + 12}" y="{first:.0f}">{short(box.title, _MOST)}</text>{lines}</g>'
    )


def _label(x: float, y: float, said: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle">{text(said)}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, *, css: str = "", broken: bool = False) -> str:
    angle = atan2(to_y - y, to_x - x)
    ends = [(to_x - 8 * cos(angle + turn), to_y - 8 * sin(angle + turn)) for turn in (pi / 8, -pi / 8)]
    arrow = f"M{ends[0][0]:.1f} {ends[0][1]:.1f}L{to_x:.0f} {to_y:.0f}L{ends[1][0]:.1f} {ends[1][1]:.1f}"
    line = f'<path class="ln{" dash" if broken else ""}" d="M{x:.0f} {y:.0f}L{to_x:.0f} {to_y:.0f}"/>'
    return f'<g class="{css}">{line}<path class="ln" d="{arrow}"/></g>'
