"""A terminal's view of a running fleet: one line that fills, with the counts that matter."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from mixedmode.phone.mind.outcome import BootOutcome


class LiveView:
    """Shows progress on standard error while it is entered; call it with each finished phone.

    Args:
        phones: How many there are.
        plain: Show nothing, as when nobody watches.
    """

    def __init__(self, phones: int, *, plain: bool) -> None:
        self._phones = phones
        self._plain = plain
        self._counts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        if not self._plain:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._progress = Progress(
                TextColumn("phones"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[said]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                refresh_per_second=5,
            )
            self._task = self._progress.add_task("phones", total=self._phones, said="")
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._plain:
            self._show(self._counts.total())
            self._progress.stop()

    def __call__(self, done: int, outcome: BootOutcome) -> None:
        """Take note of a finished phone."""
        self._counts[outcome.verdict.value] += 1
        if not self._plain and done % 64 == 0:
            self._show(done)

    def _show(self, done: int) -> None:
        said = ", ".join(f"{count:,} {verdict}" for verdict, count in self._counts.most_common())
        self._progress.update(self._task, completed=done, said=said)
