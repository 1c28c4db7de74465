"""How many phones pass from one outcome to another, step by step, as an SVG.

Columns are moments, blocks outcomes, ribbons phones. Heights grow with the square root of numbers, so that 23 of 40,000
stay visible: whoever shows the picture says so beside it (:data:`CAPTION`), with the figures as a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from mixedmode.faces.pictures.looks import LOOKS, text
from mixedmode.phone.mind.fate.prospect import Fate

CAPTION: Final = "Height grows with the square root of the number, so that a few of many stay visible."
Block = Fate | None
"""An outcome; None: phones of which nothing is said yet, before the first step."""
Moves = Mapping[tuple[Block, Block], int]
"""How many phones pass from one block of a column to one of the next."""
_ORDER: Final[tuple[Block, ...]] = (None, *LOOKS)
_LEFT: Final = 8.0
_BAR: Final = 16.0
_PITCH: Final = 200.0
_LABEL: Final = 170.0
_WIDTH: Final = 960.0
_TOP: Final = 52.0
_HEIGHT: Final = 360.0
_THIN: Final = 3.0
_GAP: Final = 14.0
_ROW: Final = 20.0
"""From one block to the next at least, so that their labels stay apart."""
_TITLE: Final = 28


@dataclass(frozen=True, slots=True)
class Column:
    """A moment.

    Attributes:
        title: Such as ``After step 1``.
        note: What was done; anybody's text.
        counts: Phones by block; those of none may be left out.
    """

    title: str
    note: str
    counts: Mapping[Block, int]

    @property
    def blocks(self) -> list[Block]:
        """Those that are there, the worst first."""
        return [block for block in _ORDER if self.counts.get(block, 0)]


@dataclass(frozen=True, slots=True)
class _Bar:
    y: float
    height: float
    count: int


def flow(columns: Sequence[Column], moves: Sequence[Moves], *, name: str = "flow") -> str:
    """Return the picture.

    Args:
        columns: In order, at least one.
        moves: From each column to the next; one fewer than columns.
        name: Of the picture on its page, for identifiers.
    """
    pitch = max(_PITCH, (_WIDTH - _LEFT - _BAR - _LABEL) / max(1, len(columns) - 1))
    xs = [_LEFT + pitch * number for number in range(len(columns))]
    scale = min((_scale(column) for column in columns), default=1.0)
    bars = [_bars(column, scale) for column in columns]
    width = xs[-1] + _BAR + _LABEL
    height = max((bar.y + bar.height for each in bars for bar in each.values()), default=_TOP) + 12
    ribbons = "".join(
        _ribbons(x + _BAR, after, left, right, move)
        for x, after, left, right, move in zip(xs[:-1], xs[1:], bars[:-1], bars[1:], moves, strict=True)
    )
    drawn = "".join(_column(x, column, each) for x, column, each in zip(xs, columns, bars, strict=True))
    return (
        f'<svg class="halo" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="{name}-t">'
        f'<title id="{name}-t">How many phones pass from one outcome to another at each step; the table below has the '
        f"same figures</title>{ribbons}{drawn}</svg>"
    )


def _scale(column: Column) -> float:
    roots = sum(sqrt(column.counts[block]) for block in column.blocks)
    room = _HEIGHT - _ROW * len(column.blocks)
    return room / roots if roots else 1.0


def _bars(column: Column, scale: float) -> dict[Block, _Bar]:
    found: dict[Block, _Bar] = {}
    y = _TOP
    for block in column.blocks:
        count = column.counts[block]
        height = max(_THIN, scale * sqrt(count))
        found[block] = _Bar(y, height, count)
        y += max(height + _GAP, _ROW)
    return found


def _ribbons(x: float, after: float, left: Mapping[Block, _Bar], right: Mapping[Block, _Bar], moves: Moves) -> str:
    wanted = [(one, two) for one in left for two in right if moves.get((one, two), 0)]
    roots = {each: sqrt(moves[each]) for each in wanted}
    leaving = {one: sum(root for each, root in roots.items() if each[0] is one) for one in left}
    coming = {two: sum(root for each, root in roots.items() if each[1] is two) for two in right}
    starts = {block: bar.y for block, bar in left.items()}
    ends = {block: bar.y for block, bar in right.items()}
    middle = (x + after) / 2
    drawn = []
    for one, two in wanted:
        root = roots[one, two]
        thick, thin = left[one].height * root / leaving[one], right[two].height * root / coming[two]
        y, z = starts[one], ends[two]
        starts[one], ends[two] = y + thick, z + thin
        path = (
            f"M{x:.1f} {y:.1f}C{middle:.1f} {y:.1f} {middle:.1f} {z:.1f} {after:.1f} {z:.1f}v{thin:.1f}"
            f"C{middle:.1f} {z + thin:.1f} {middle:.1f} {y + thick:.1f} {x:.1f} {y + thick:.1f}z"
        )
        count = moves[one, two]
        said = f"{count:,} phone{'' if count == 1 else 's'}: {_word(one)} to {_word(two)}"
        drawn.append(f'<path class="rb {_css(two)}" d="{path}"><title>{said}</title></path>')
    return "".join(drawn)


def _column(x: float, column: Column, bars: Mapping[Block, _Bar]) -> str:
    note = text(column.note)
    short = note if len(column.note) <= _TITLE else f"{text(column.note[: _TITLE - 1])}…"
    title = f'<text class="t" x="{x:.0f}" y="16">{text(column.title)}</text>'
    drawn = [title, f'<text x="{x:.0f}" y="32">{short}<title>{note}</title></text>']
    for block, bar in bars.items():
        css, word, number = _css(block), _word(block), f"{bar.count:,}"
        box = f'x="{x:.1f}" y="{bar.y:.1f}" width="{_BAR:.1f}" height="{bar.height:.1f}"'
        look = None if block is None else LOOKS[block]
        hatch = f'<rect fill="url(#h-{css})" {box}/>' if look is not None and look.hatched else ""
        drawn.append(f'<g class="{css}"><rect class="f" {box}/>{hatch}</g>')
        beside, middle = x + _BAR + 6, bar.y + bar.height / 2
        if look is not None:
            drawn.append(
                f'<g class="{css}"><use href="#i-{css}" class="f" x="{beside:.1f}" y="{middle - 7:.1f}" width="14" '
                f'height="14" color="var(--c)"/></g>'
            )
            beside += 19
        drawn.append(f'<text x="{beside:.1f}" y="{middle + 4:.1f}"><tspan class="t">{number}</tspan> {word}</text>')
    return "".join(drawn)


def _css(block: Block) -> str:
    return "all" if block is None else LOOKS[block].css


def _word(block: Block) -> str:
    return "phones" if block is None else LOOKS[block].word
