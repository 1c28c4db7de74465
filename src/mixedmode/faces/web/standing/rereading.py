"""Reads something again when somebody looks, in a thread, at most as often as that costs a twentieth of the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

_SHARE: Final = 20
_LEAST_SECONDS: Final = 0.2
_FIRST_SECONDS: Final = 1.0


class Rereading:
    """What is read again when it is due.

    Args:
        read: Reads it; never twice at the same time.
        failed: Told what went wrong in the thread.
        name: Of the thread.
    """

    def __init__(self, read: Callable[[], None], failed: Callable[[Exception], None], name: str) -> None:
        self._read, self._failed, self._name = read, failed, name
        self._work = threading.Lock()
        self._starting = threading.Lock()
        self._once = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._due = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether it was read once, or could not be."""
        return self._once.is_set()

    @property
    def is_closed(self) -> bool:
        """Whether reading shall end."""
        return self._closed

    def fresh(self, seconds: float = 0.1, first: float = _FIRST_SECONDS) -> None:
        """Read again what is due, and wait for it as long; another time before it was read once."""
        thread = self._begin()
        if thread is not None:
            thread.join(seconds if self.is_ready else first)

    def now(self) -> None:
        """Read again, whatever it costs, and wait for it."""
        with self._work:
            self._read()
        self._once.set()

    def close(self) -> None:
        """Let it end."""
        self._closed = True
        thread = self._thread
        if thread is not None:
            thread.join(10)

    def _begin(self) -> threading.Thread | None:
        with self._starting:
            if self._thread is not None and self._thread.is_alive():
                return self._thread
            if self._closed or time.monotonic() < self._due:
                return None
            self._thread = threading.Thread(target=self._again, name=self._name, daemon=True)
            self._thread.start()
            return self._thread

    def _again(self) -> None:
        begun = time.monotonic()
        try:
            with self._work:
                self._read()
        except Exception as error:  # noqa: BLE001 - the pages show what is known all the same
            self._failed(error)
        finally:
            self._once.set()
            ended = time.monotonic()
            self._due = ended + max(_LEAST_SECONDS, _SHARE * (ended - begun))
