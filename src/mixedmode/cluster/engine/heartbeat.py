"""Signs of life of a long operation, so that other hosts do not take a slow step for a dead process."""

from __future__ import annotations

import threading
from typing import Self

from mixedmode.cluster.engine import lock
from mixedmode.cluster.store.database import Database
from mixedmode.errors import MixedModeError

BEAT_SECONDS = lock.SILENCE.total_seconds() / 4


class Heartbeat:
    """Beats while an operation is under way; a database that does not take a beat is asked again at the next.

    Args:
        database: Of the cluster. An embedded one has no other hosts and needs no beats.
        holding: The token that holds the lock.
        now: The time, UTC.
    """

    def __init__(self, database: Database, holding: lock.Holding, now: lock.Clock) -> None:
        self._database = database
        self._holding = holding
        self._now = now
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        if not self._database.is_sqlite:
            threading.Thread(target=self._beat, name="lock-heartbeat", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            try:
                with self._database.write() as session:
                    lock.beat(session, self._holding, self._now())
            except MixedModeError:
                continue
