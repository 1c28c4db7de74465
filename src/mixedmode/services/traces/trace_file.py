"""A trace in files: CUCM's lines, bounded in size.

Rules:

1. A line is ``17:21:51.831 |   debug ...``, local time, as in the seed.
2. Files are numbered from ``tvs00000001.txt``; a full one is followed by the next number, and only the newest are kept.
   Several processes may write into the same files: what counts is a file's length, whoever wrote it.
3. A trace that cannot be written must not keep phones from their answers: the lines are lost and counted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from mixedmode.numbers import whole_number

FILE_BYTES = 1 << 20
FILES = 4


def trace_line(text: str, now: datetime, level: str = "debug") -> str:
    """Return a line as CUCM writes it (rule 1).

    Args:
        text: What it says.
        now: Any zone; written in it.
        level: ``debug``, ``warn`` or ``error``.
    """
    return f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} |   {level} {text}"


def trace_files(folder: Path, prefix: str) -> list[tuple[int, Path]]:
    """Return the files of a trace with their numbers, oldest first; none where the folder is not there."""
    start = len(prefix)
    return sorted(
        (number, each)
        for each in folder.glob(f"{prefix}????????.txt")
        if (number := whole_number(each.stem[start:])) is not None
    )


class TraceFile:
    """Writes trace lines into a folder.

    Args:
        folder: Made when the first line comes.
        prefix: Of the files' names.
        size: Bytes of one file.
        files: How many are kept.
        clock: The time of a line.

    Attributes:
        lost: Lines that could not be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        prefix: str = "tvs",
        size: int = FILE_BYTES,
        files: int = FILES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone(),
    ) -> None:
        self.folder = folder
        self.lost = 0
        self._prefix = prefix
        self._size, self._files, self._clock = size, files, clock
        self._file: IO[bytes] | None = None

    def __call__(self, lines: Sequence[str], /) -> None:
        """Write the lines of one event."""
        if lines:
            now = self._clock()
            self.write([trace_line(line, now) for line in lines])

    def write(self, lines: Sequence[str]) -> None:
        """Write lines that have their time already."""
        if not lines:
            return
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        try:
            if self._file is not None:
                there = os.fstat(self._file.fileno())
                # An administrator may delete it, and other processes fill it.
                if not there.st_nlink or there.st_size + len(data) > self._size:
                    self.close()
            if self._file is None:
                self._file = self._newest(len(data)).open("ab", buffering=0)
            self._file.write(data)
        except OSError:
            self.lost += len(lines)
            self.close()

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _newest(self, size: int) -> Path:
        """Return the file that takes so many bytes more: the newest, or the next one if that is full."""
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers = [number for number, _ in trace_files(self.folder, self._prefix)]
        newest = numbers[-1] if numbers else 1
        if numbers and (there := self._path(newest).stat().st_size) and there + size > self._size:
            newest += 1
        for number in numbers:
            if number <= newest - self._files:
                self._path(number).unlink(missing_ok=True)
        return self._path(newest)

    def _path(self, number: int) -> Path:
        return self.folder / f"{self._prefix}{number:08d}.txt"
