"""What strangers may write into the audit log: a bounded number of rows, however often they are refused.

Rules:

1. Of each source the first refusals of ten minutes have a row each. After that only some have, the hundredth, the
   thousandth and so on, and say which they are.
2. All sources together have a bounded number of rows in that time.
3. The first row that comes afterwards says how many had none.
4. The database keeps the newest refusals and the newest logins, each a number of its own, so that a flood of the one
   does not wash away the other. Records of operations stay, and so does what administrators were refused.
5. Who has logged in and asks for what he has not the level for has the same bounds, but of his own: strangers do not
   use them up.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

WINDOW: Final = timedelta(minutes=10)
ROWS_OF_SOURCE: Final = 30
"""In one window."""
ROWS: Final = 300
"""Of all sources in one window."""
KEPT: Final = {"refused": 20_000, "login": 20_000}
"""Rows in the database: of refusals, and of logins that were none."""
PRUNED_EVERY: Final = 200
"""Rows between two looks at what is too old."""
_SOURCES: Final = 1_000
"""Sources that are told apart."""


class RefusalBudget:
    """Decides which refusals have a row; may be asked by several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._began: datetime | None = None
        self._sources: OrderedDict[str, int] = OrderedDict()
        self._written = 0
        self._left_out = 0

    def take(self, source: str, now: datetime) -> dict[str, int] | None:
        """Return what a refusal's row says beside the refusal, None if it has no row."""
        with self._lock:
            if self._began is None or not timedelta() <= now - self._began < WINDOW:
                self._began, self._written = now, 0
                self._sources.clear()
            number = self._sources.pop(source, 0) + 1
            self._sources[source] = number
            if len(self._sources) > _SOURCES:
                self._sources.popitem(last=False)
            if self._written >= ROWS or not (number <= ROWS_OF_SOURCE or _round(number)):
                self._left_out += 1
                return None
            self._written += 1
            said = {"left_out_before": self._left_out} if self._left_out else {}
            self._left_out = 0
            return said if number < ROWS_OF_SOURCE else {**said, "refusals_of_this_source": number}


def _round(number: int) -> bool:
    """Return whether a number is 100, 1000, 10000 and so on."""
    text = str(number)
    return len(text) > 2 and text.strip("0") == "1"
