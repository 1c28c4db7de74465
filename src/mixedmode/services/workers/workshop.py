"""What makes services in a worker process."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Final

from mixedmode.errors import UsageError
from mixedmode.services.net.service import Service

AUTO: Final = "auto"
MOST_WORKERS: Final = 256


class Workshop(ABC):
    """Makes services; sent to each worker as a pickle, before it is opened there."""

    @abstractmethod
    def open(self) -> None:
        """Open what services need; called once in a worker, may block."""

    @abstractmethod
    def service(self, unit: str, port: int) -> Service:
        """Return a service that shares its port with those of other processes; it is not started yet.

        Args:
            unit: Which one.
            port: Of all workers; 0 chooses a free one, and is asked of the first worker only.
        """

    @abstractmethod
    def refresh(self) -> None:
        """Read anew what has changed; may block."""

    def noted(self) -> Iterator[Any]:
        """Yield what services have noted for the crew since the last time, as JSON, in pieces of bounded size."""
        return iter(())

    @abstractmethod
    def close(self) -> None:
        """Close what was opened."""


def worker_count(wanted: int | str) -> int:
    """Return how many workers there shall be: so many, or one a core for ``auto``.

    Raises:
        UsageError: It is neither.
    """
    if wanted == AUTO:
        return len(os.sched_getaffinity(0))
    text = str(wanted)
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_WORKERS:
        raise UsageError(
            f"{text!r} is no number of workers", next_step=f"give 1 to {MOST_WORKERS}, or {AUTO} for one a core"
        )
    return int(text)
