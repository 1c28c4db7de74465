"""Counts requests by page and status, and how long each page takes to begin its answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

PAGE: Final = "mixedmode.page"
"""Where a request's scope has the declared address of its page: few, however many addresses strangers make up."""
_OTHERS: Final = ("/api/", "/static/", "/signin", "/signout", "/metrics", "/healthz", "/readyz")


class Meter:
    """Counts; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds: dict[str, tuple[int, float]] = {}

    def note(self, scope: Mapping[str, Any], status: int, seconds: float) -> None:
        """Count an answer.

        Args:
            scope: Of its request.
            status: HTTP's number; 0 if there was no answer.
            seconds: Until it began.
        """
        page = str(scope.get(PAGE) or next((each for each in _OTHERS if scope["path"].startswith(each)), "other"))
        with self._lock:
            self._requests[page, status] += 1
            count, spent = self._seconds.get(page, (0, 0.0))
            self._seconds[page] = count + 1, spent + seconds

    def requests(self) -> dict[tuple[str, int], int]:
        """Return answers by page and status."""
        with self._lock:
            return dict(self._requests)

    def seconds(self) -> dict[str, tuple[int, float]]:
        """Return by page how many answers there were and how long they took together."""
        with self._lock:
            return dict(self._seconds)
