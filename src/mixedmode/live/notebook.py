"""What a long look keeps on its way, so that it can go on after it was cut off.

Rules:

1. Each step that is done is a line of JSON, written at once. A last line that was cut off does not count.
2. The first line says what is being looked at, and how; if that is something else now, or too long ago, nothing of the
   file counts.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from mixedmode.json_reader import read_json

MOST_AGE: Final = timedelta(hours=12)
"""What is older is no part of one look any more."""


class Notebook(Protocol):
    """Remembers steps."""

    def known(self, step: str) -> Any:
        """Return what a step had as its result, None if it is not done."""

    def keep(self, step: str, result: Callable[[], Any]) -> None:
        """Remember the result of a step, as JSON has it; it is made only if it is remembered."""


class NoNotebook:
    """Remembers nothing."""

    def known(self, _step: str) -> Any:
        """Return None."""
        return None

    def keep(self, _step: str, _result: Callable[[], Any]) -> None:
        """Forget it."""


class FileNotebook:
    """Remembers in a file.

    Args:
        path: The file; made if it is not there.
        about: Says what is being looked at, and how.
        now: The moment.

    Raises:
        OSError: It cannot be read or written.

    Attributes:
        begun: When the look began that goes on now.
        resumed: How many steps were done before.
    """

    def __init__(self, path: Path, about: str, now: datetime) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._steps, begun, size = _read(path, about, now)
        self.begun, self.resumed = begun or now, len(self._steps)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="\n")
        self._file.truncate(size)
        self._file.seek(size)
        if begun is None:
            self._write(json.dumps({"about": about, "begun": now.isoformat()}))

    def known(self, step: str) -> Any:
        """Return what a step had as its result before, None if it was not done."""
        return self._steps.get(step)

    def keep(self, step: str, result: Callable[[], Any]) -> None:
        """Remember the result of a step, as JSON has it; it is made only if it is remembered."""
        line = json.dumps({"step": step, "result": result()}, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            self._write(line)

    def close(self) -> None:
        """End; the file stays."""
        self._file.close()

    def remove(self) -> None:
        """End, and remove the file."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()


def _read(path: Path, about: str, now: datetime) -> tuple[dict[str, Any], datetime | None, int]:
    """Return the steps that are done, when their look began, and how many bytes count."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}, None, 0
    steps: dict[str, Any] = {}
    begun: datetime | None = None
    size = 0
    for line in data.splitlines(keepends=True):
        try:
            found: Any = read_json(line) if line.endswith(b"\n") else None
            if begun is None:
                begun = datetime.fromisoformat(found["begun"])
                if found["about"] != about or not timedelta(0) <= now - begun <= MOST_AGE:
                    return {}, None, 0
            else:
                steps[found["step"]] = found["result"]
        except (ValueError, KeyError, TypeError, RecursionError):
            break
        size += len(line)
    return (steps, begun, size) if begun is not None else ({}, None, 0)
