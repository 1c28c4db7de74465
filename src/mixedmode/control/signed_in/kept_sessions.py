"""What a node remembers of its sessions, for when the publisher's database is away."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session as the database has it or will have it.

    Attributes:
        begun_away: Whether the database does not have it yet.
    """

    username: str
    stamp: str
    source: str
    started: datetime
    seen: datetime
    begun_away: bool = False


class KeptSessions:
    """What a node remembers of sessions, by the digest of their tokens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, KeptSession] = {}
        self._ended: set[str] = set()
        self._ended_all: dict[str, datetime] = {}

    def get(self, digest: str) -> KeptSession | None:
        """Return a session."""
        with self._lock:
            return self._kept.get(digest)

    def keep(self, digest: str, found: KeptSession) -> None:
        """Remember a session; of too many the oldest is forgotten."""
        with self._lock:
            self._kept.pop(digest, None)
            while len(self._kept) >= _MOST:
                del self._kept[next(iter(self._kept))]
            self._kept[digest] = found

    def end(self, digest: str) -> None:
        """Note that a session has ended while the database was away."""
        with self._lock:
            found = self._kept.pop(digest, None)
            if found is None or not found.begun_away:
                self._ended.add(digest)

    def end_all(self, username: str, now: datetime) -> int:
        """Note that all sessions of a person have ended; return how many were known."""
        with self._lock:
            mine = [digest for digest, each in self._kept.items() if each.username == username]
            for digest in mine:
                del self._kept[digest]
            self._ended_all[username] = now
        return len(mine)

    def forget(self, digest: str) -> None:
        """Forget a session that ended in the database."""
        with self._lock:
            self._kept.pop(digest, None)

    def forget_all(self, username: str) -> None:
        """Forget a person's sessions, which ended in the database."""
        with self._lock:
            self._kept = {digest: each for digest, each in self._kept.items() if each.username != username}

    def has_ended(self, digest: str, username: str, started: datetime) -> bool:
        """Return whether a session of the database ended while that was away."""
        with self._lock:
            moment = self._ended_all.get(username)
            return digest in self._ended or (moment is not None and started <= moment)
