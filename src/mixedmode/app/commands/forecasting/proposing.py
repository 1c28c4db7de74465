"""What is said while a plan is searched for."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING

from mixedmode.faces.terminal.console import say

if TYPE_CHECKING:
    from mixedmode.forecast.planning.search import Progress

_SECONDS = 2.0


def searching() -> Progress | None:
    """Return what tells a person at a terminal how a search goes; None if nobody watches."""
    if not sys.stderr.isatty():
        return None
    told = monotonic()

    def tell(tried: int, lost: int) -> None:
        nonlocal told
        if monotonic() - told > _SECONDS:
            told = monotonic()
            say(f"{tried:,} plans tried; the best one loses {lost:,} phones")

    return tell
