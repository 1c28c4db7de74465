"""``run sql`` on SQLite: the query runs in a process of its own (:mod:`.query_worker`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.cluster.query import query_worker
from mixedmode.cluster.query.query_bounds import CELL_BYTES, RESULT_CHARACTERS, Found, refused
from mixedmode.cluster.query.query_worker import frames, texts
from mixedmode.cluster.store.database import Database
from mixedmode.printable import printable

HEAP_BYTES: Final = 64 << 20
"""What SQLite may use for one query: its cache, what it sorts, its temporary tables."""
_PATIENCE: Final = 3.0
"""Seconds beyond the query's own time for the process to start and to answer."""


_LONGEST: Final = 300
_NO_MEMORY: Final = (b"MemoryError", b"Cannot allocate memory")


def run_sqlite(database: Database, sql: str, limit: int, seconds: float, null: str = "NULL") -> Found:
    """Run one query.

    Raises:
        UsageError: The query is wrong, would change something, or needs too much time or memory.
        DatabaseError: It cannot be run at all.
    """
    path = Path(database.url.database or "").resolve()
    fields = (f"{path.as_uri()}?mode=ro", sql, limit, seconds, CELL_BYTES, RESULT_CHARACTERS, HEAP_BYTES, null)
    kind, *answer = _answer(frames([str(each) for each in fields]), seconds + _PATIENCE, database.label)
    if kind == "error":
        why, late = answer
        raise refused(why, late=bool(late))
    cut, number, *rest = answer
    width = int(number)
    rows = [tuple(rest[at : at + width]) for at in range(width, len(rest), width)]
    return tuple(rest[:width]), rows, bool(cut)


def _answer(request: bytes, seconds: float, label: str) -> list[str]:
    # -I and -S: nothing of the environment or of installed packages is run.
    command = [sys.executable, "-I", "-S", query_worker.__file__]
    try:
        done = subprocess.run(
            command,
            input=request,
            capture_output=True,
            timeout=seconds,
            check=False,
            cwd="/",
            env={},
        )
    except subprocess.TimeoutExpired as error:
        raise refused("", late=True) from error
    except OSError as error:
        raise DatabaseError(
            "the query cannot be run",
            where=label,
            why=str(error),
            next_step="a process of its own is made for it; see the limits of the node's service",
        ) from error
    try:
        answer = texts(done.stdout)
    except ValueError:
        answer = []
    if not answer and done.returncode > 0 and not any(each in done.stderr for each in _NO_MEMORY):
        # Not killed, and no lack of memory: the process itself is at fault, and what it said is the only trace of that.
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise DatabaseError(
            "the query cannot be run",
            where=label,
            why=printable(said[-1][:_LONGEST]) if said else f"its process ended with {done.returncode}",
            next_step="see that the Python of this program can run a file by itself",
        )
    if not answer:
        raise refused("it needed more memory or time than a query may have")
    return answer
