"""What is asked of a cluster's database again and again: read once, until somebody commits something.

Rules:

1. SQLite tells a connection by one number whether another one committed since it asked last, for a fiftieth of what a
   short question costs. The connection that asks here does nothing else, so it sees the commits of every process, of
   this one too. The number is taken before a value is read, so what is kept is never older than its number.
2. PostgreSQL has no such number: there, and wherever SQLite does not answer, nothing is kept.
3. A file that is another one now, or a process that was forked, begins anew.
4. Values are what no one can change: whoever wants a list of them makes his own.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar, cast

T = TypeVar("T")
KEPT: Final = 512
"""Values; with more, keeping begins anew. Names that nobody has are asked for too."""
_Stamp = tuple[int, int, int, int]


class Remembering:
    """Keeps values until the database changes; for many threads.

    Args:
        path: SQLite's file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = Lock()
        self._kept: dict[Hashable, tuple[_Stamp, object]] = {}
        self._asking: sqlite3.Connection | None = None
        self._asks: tuple[int, int, int] | None = None
        """By which process, and about which file."""

    def get(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return a value.

        Args:
            key: Names it; it says everything on which the value depends besides the database.
            read: Reads it from the database.
        """
        stamp = self._stamp()
        if stamp is None:
            return read()
        found = self._kept.get(key)
        if found is not None and found[0] == stamp:
            return cast("T", found[1])
        value = read()
        if len(self._kept) >= KEPT:
            self._kept = {}
        self._kept[key] = (stamp, value)
        return value

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        self._kept = {}
        self._asks = None
        if self._asking is not None:
            with suppress(sqlite3.Error):
                self._asking.close()
            self._asking = None

    def _stamp(self) -> _Stamp | None:
        """Return what changes with every commit (rule 1), None if that cannot be told."""
        if self._path is None:
            return None
        with self._lock:
            try:
                file = self._path.stat()
                asks = (os.getpid(), file.st_dev, file.st_ino)
                if self._asking is None or asks != self._asks:
                    self._let_go()
                    place = f"{self._path.absolute().as_uri()}?mode=rw"
                    self._asking = sqlite3.connect(
                        place, uri=True, timeout=0, check_same_thread=False, isolation_level=None
                    )
                    self._asks = asks
                ((version,),) = self._asking.execute("PRAGMA data_version").fetchall()
            except (OSError, sqlite3.Error):
                self._let_go()
                return None
            return *asks, version
