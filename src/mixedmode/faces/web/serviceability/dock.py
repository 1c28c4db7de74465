"""The dock: what takes long, as every page shows it, with who began it and when.

Rules:

1. An act is told by a sentence and by how many parts of how many are done; whoever looks sees the same.
2. It goes on when the browser that began it closes. One that ended is shown for a minute more, with how it ended; one
   that failed for ten.
3. The dock is of one node's program and forgets with it: what was done is in the audit log, and guided runs keep their
   own state in the database.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mixedmode.errors import MixedModeError

_KEPT: Final = 50
_SHOWN_ENDED: Final = {"done": timedelta(minutes=1), "failed": timedelta(minutes=10)}


@dataclass(frozen=True, slots=True)
class LongAct:
    """Something that takes long.

    Attributes:
        number: Its own.
        title: What it is, as people say.
        who: Who began it.
        begun: When (UTC).
        path: The page that shows it.
        total: Parts in all; 0 where there is no measure.
        done: Of these.
        text: What is done now, or became of it.
        state: ``running``, ``done`` or ``failed``.
        ended: When; None while it runs.
        about: What it is about, so that nobody begins the same twice.
    """

    number: int
    title: str
    who: str
    begun: datetime
    path: str
    total: int = 0
    done: int = 0
    text: str = ""
    state: str = "running"
    ended: datetime | None = None
    about: frozenset[tuple[str, str]] = frozenset()

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.state == "running"

    @property
    def icon(self) -> str:
        """The state that stands for it."""
        return {"running": "now", "done": "ok"}.get(self.state, "fail")

    def document(self) -> dict[str, Any]:
        """Return it as events tell it."""
        return {
            "number": self.number,
            "title": self.title,
            "who": self.who,
            "begun": self.begun.isoformat(timespec="seconds"),
            "path": self.path,
            "total": self.total,
            "done": self.done,
            "text": self.text,
            "state": self.state,
        }


class Dock:
    """The long acts of one node's pages; may be used from any thread.

    Args:
        changed: Called after each change.
        clock: The time, UTC.

    Attributes:
        sources: Give the acts that others keep.
    """

    def __init__(
        self,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._changed, self._clock = changed, clock
        self.sources: list[Callable[[], Iterable[LongAct]]] = []
        self._lock = threading.Lock()
        self._acts: dict[int, LongAct] = {}
        self._last = 0

    def begin(
        self, title: str, who: str, path: str, total: int = 0, about: frozenset[tuple[str, str]] = frozenset()
    ) -> LongAct:
        """Note that something begins; give its number to :meth:`tell` and :meth:`end`."""
        with self._lock:
            self._last += 1
            made = LongAct(self._last, title, who, self._clock(), path, total, about=about)
            while len(self._acts) >= _KEPT:
                del self._acts[min(self._acts, key=lambda each: (self._acts[each].is_running, each))]
            self._acts[made.number] = made
        self._changed()
        return made

    def tell(self, number: int, text: str, done: int | None = None) -> None:
        """Say how far it is."""
        self._change(number, text=text, **({} if done is None else {"done": done}))

    def end(self, number: int, text: str, *, failed: bool = False) -> None:
        """Say how it ended."""
        self._change(number, text=text, state="failed" if failed else "done", ended=self._clock())

    def running_about(self, about: frozenset[tuple[str, str]]) -> LongAct | None:
        """Return what runs and is about one of these, None if nothing is."""
        with self._lock:
            return next((each for each in self._acts.values() if each.is_running and each.about & about), None)

    def shown(self) -> list[LongAct]:
        """Return what runs and what ended a short time ago (rule 2), newest first."""
        now = self._clock()
        with self._lock:
            acts = list(reversed(self._acts.values()))
        found = [each for each in acts if each.ended is None or now - each.ended < _SHOWN_ENDED[each.state]]
        for source in self.sources:
            # What others keep in a database that is away is not known now; the page says so elsewhere.
            with contextlib.suppress(MixedModeError):
                found += source()
        return found

    def _change(self, number: int, **values: Any) -> None:
        with self._lock:
            if number in self._acts:
                self._acts[number] = replace(self._acts[number], **values)
        self._changed()
