"""The trace of TVS: CUCM's lines, into a file of the node or shown to who asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from mixedmode.services.traces.trace_file import trace_line


class Trace(Protocol):
    """Takes trace lines."""

    def __call__(self, lines: Sequence[str], /) -> None:
        """Take the lines of one event, without time."""

    def close(self) -> None:
        """Let go of what is open; a line that comes later opens it again."""


class PrintedTrace:
    """Gives each line, with its time, to a function.

    Args:
        show: Takes a line; None: nobody is interested.
    """

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        self._show = show

    def __call__(self, lines: Sequence[str], /) -> None:
        """Show the lines of one event."""
        if self._show is not None:
            now = datetime.now(UTC).astimezone()
            for line in lines:
                self._show(trace_line(line, now))

    def close(self) -> None:
        """Do nothing."""
