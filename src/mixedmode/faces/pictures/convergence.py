"""The share of phones that are in step over time, as a line: coordinates only, for an SVG that a template writes.

Time goes from the first sample to the last, the share from 0 to 1; both axes are linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT, MARGIN = 640, 160, 8


@dataclass(frozen=True, slots=True)
class Line:
    """A line of shares.

    Attributes:
        points: As SVG's ``points`` wants them.
        last: Where the end point is.
        share: At the end, 0 to 1.
        ninety: The height of the mark at 90%.
    """

    points: str
    last: tuple[float, float]
    share: float
    ninety: float


def convergence(samples: Sequence[tuple[datetime, int, int]]) -> Line | None:
    """Return the line of samples: moment, phones in step, all phones; None without any.

    Args:
        samples: Oldest first.
    """
    known = [(moment, in_step / total) for moment, in_step, total in samples if total]
    if not known:
        return None
    first, last = known[0][0], known[-1][0]
    span = max((last - first).total_seconds(), 1.0)
    placed = [((moment - first).total_seconds() / span, share) for moment, share in known]
    points = [(MARGIN + x * (WIDTH - 2 * MARGIN), _height(share)) for x, share in placed]
    if len(points) == 1:
        points = [(float(MARGIN), points[0][1]), (float(WIDTH - MARGIN), points[0][1])]
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Line(text, points[-1], known[-1][1], _height(0.9))


def _height(share: float) -> float:
    return MARGIN + (1.0 - share) * (HEIGHT - 2 * MARGIN)
