"""What CAPF tells people: who got what, who was refused and why; bounded, since strangers cause much of it.

Rules:

1. A note names time, device, address and reason, never a secret.
2. What strangers can cause is told as long as the budget lasts: a burst, then one a minute. The next note says how many
   were left out.
3. The file of a CAPF without a cluster is one JSON document a line, 0600; when it is full it becomes ``.1`` and begins
   anew, so there are never more than two. A disk that is full must not keep phones from their certificates.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Any, Final

from mixedmode.pki.files import PRIVATE

_SHOWN: Final = 240
_FILE_BYTES: Final = 1 << 20


class CapfOutcome(StrEnum):
    """What happened."""

    INSTALLED = "installed"
    FETCHED = "fetched"
    DELETED = "deleted"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """A device that CAPF does not know came; phones do so when they start."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class CapfNote:
    """Something that people may want to know.

    Attributes:
        moment: UTC.
        outcome: What happened.
        device: As the client calls itself, made printable; empty if it said nothing.
        address: The client's.
        reason: For people; empty where nothing has to be said.
        left_out: Notes before this one that the budget did not allow.
    """

    moment: datetime
    outcome: CapfOutcome
    device: str
    address: str
    reason: str = ""
    left_out: int = 0

    @property
    def of_stranger(self) -> bool:
        """Whether anybody can cause it."""
        return self.outcome in {CapfOutcome.REFUSED, CapfOutcome.UNKNOWN, CapfOutcome.BROKEN}

    @property
    def text(self) -> str:
        """One line."""
        reason = f": {self.reason}" if self.reason else ""
        more = f" ({self.left_out} more were not written)" if self.left_out else ""
        return f"{self.device or 'a client'} from {self.address} {_WORDS[self.outcome]}{reason}{more}"

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "moment": self.moment.isoformat(timespec="milliseconds"),
            "outcome": self.outcome.value,
            "device": self.device,
            "address": self.address,
            "reason": self.reason,
            "left_out": self.left_out,
        }


_WORDS: Final = {
    CapfOutcome.INSTALLED: "has a new LSC",
    CapfOutcome.FETCHED: "showed its LSC",
    CapfOutcome.DELETED: "has no LSC any more",
    CapfOutcome.REFUSED: "refused",
    CapfOutcome.CANCELLED: "operation cancelled",
    CapfOutcome.UNKNOWN: "is not known here",
    CapfOutcome.BROKEN: "broke off",
}


class NoteBudget:
    """How many notes strangers may cause (rule 2); may be asked from several threads.

    Args:
        burst: So many at once.
        every: Seconds until another one is allowed.
    """

    def __init__(self, burst: int = 60, every: float = 60.0) -> None:
        self._burst, self._every = burst, every
        self._left = float(burst)
        self._last: float | None = None
        self._left_out = 0
        self._lock = Lock()

    def allow(self, note: CapfNote, now: float) -> CapfNote | None:
        """Return the note to tell, with how many were left out before it, None if it is left out itself.

        Args:
            note: The note.
            now: Of a clock that only goes forward.
        """
        with self._lock:
            if note.of_stranger:
                if self._last is not None:
                    self._left = min(self._burst, self._left + (now - self._last) / self._every)
                self._last = now
                if self._left < 1:
                    self._left_out += 1
                    return None
                self._left -= 1
            told, self._left_out = replace(note, left_out=self._left_out), 0
            return told


def plain(text: str) -> str:
    """Return a text of a stranger as it may stand in a line: printable, of bounded length."""
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])


class NoteFile:
    """Notes in a file (rule 3).

    Args:
        path: The file; its folder is made.
        most: Bytes until it is full.
        failed: Told why a note could not be written.
    """

    def __init__(
        self, path: Path, most: int = _FILE_BYTES, failed: Callable[[str], None] = lambda _problem: None
    ) -> None:
        self._path, self._most, self._failed = path, most, failed
        self._lock = Lock()

    def __call__(self, note: CapfNote) -> None:
        """Write a note down."""
        line = json.dumps(note.document(), ensure_ascii=True).encode() + b"\n"
        with self._lock:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with contextlib.suppress(FileNotFoundError):
                    if self._path.stat().st_size + len(line) > self._most:
                        self._path.replace(self._path.with_name(self._path.name + ".1"))
                file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, PRIVATE)
                try:
                    os.write(file, line)
                finally:
                    os.close(file)
            except OSError as error:
                self._failed(f"the note cannot be written to {self._path}: {error.strerror}")
