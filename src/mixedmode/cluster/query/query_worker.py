"""Runs one query over an SQLite file in a process of its own, which may use so much memory, time and disk and no more.

SQLite's own limits on memory are of the whole process, and what it sorts goes to temporary files without a limit. So
the node does not run an administrator's query itself. This file is run as a program, with Python's own library alone.

Standard input holds the frames of a :class:`Request`'s fields in order; standard output gets the frames of an answer:
``error``, its text and ``late`` or nothing; or ``rows``, ``cut`` or nothing, the number of columns, their names, and
all cells. A frame is its length in bytes, a colon, and a text in UTF-8. Few modules are imported, as each takes time.
"""

from __future__ import annotations

import resource
import sqlite3
import sys
import time
from collections import namedtuple
from collections.abc import Callable

Request = namedtuple("Request", "uri sql rows seconds cell result heap null", defaults=("NULL",))  # noqa: PYI024 - typing costs 10 ms
"""File, query, rows at most, seconds, and bytes: of a cell, of the result, of SQLite's memory; what stands for NULL."""

_CHECK_EVERY = 10_000
"""Virtual machine instructions between two looks at the clock."""
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_FORBIDDEN_FUNCTIONS = {"load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"}
_INNER_TABLES = {"sqlite_dbpage", "dbstat", "sqlite_stmt", "bytecode", "tables_used"}
_PLAIN_TABLES = {"json_each", "json_tree"}
_LIMITS = {
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_FILE_BYTES = 1 << 20
"""That this process may write: more than SQLite's index of the write-ahead log, far less than a sort."""
_BEYOND_THE_HEAP = 256 << 20
"""Of address space, for Python itself and the result."""


def frames(texts: list[str]) -> bytes:
    """Return texts as frames."""
    encoded = (text.encode("utf-8", "surrogatepass") for text in texts)
    return b"".join(b"%d:%b" % (len(each), each) for each in encoded)


def texts(data: bytes) -> list[str]:
    """Return the texts of frames.

    Raises:
        ValueError: They are not whole.
    """
    found, at = [], 0
    while at < len(data):
        colon = data.index(b":", at)
        end = colon + 1 + int(data[at:colon])
        if end > len(data):
            raise ValueError("the last frame is cut off")
        found.append(data[colon + 1 : end].decode("utf-8", "surrogatepass"))
        at = end
    return found


def run(request: Request) -> list[str]:
    """Run the query of a request and return the answer's texts."""
    seconds = float(request.seconds)
    deadline = time.monotonic() + seconds
    connection = None
    try:
        connection = sqlite3.connect(request.uri, uri=True, timeout=seconds)
        _prepare(connection, request)
        connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _CHECK_EVERY)
        cursor = connection.execute(request.sql)
        if cursor.description is None:
            return ["error", "it is no query", ""]
        names = [column[0] for column in cursor.description]
        cells, cut = _taken(cursor, int(request.rows), int(request.result), request.null)
        return ["rows", "cut" if cut else "", str(len(names)), *names, *cells]
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        return ["error", str(error), "late" if time.monotonic() > deadline else ""]
    except MemoryError:
        return ["error", "it needs too much memory", ""]
    finally:
        if connection is not None:
            connection.close()


def _prepare(connection: sqlite3.Connection, request: Request) -> None:
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    for pragma in (
        f"hard_heap_limit={int(request.heap)}",
        "temp_store=MEMORY",
        "cache_size=-4000",
        "mmap_size=0",
        "query_only=ON",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    for limit, value in {**_LIMITS, sqlite3.SQLITE_LIMIT_LENGTH: int(request.cell)}.items():
        connection.setlimit(limit, value)
    modules = {str(name).lower() for (name,) in connection.execute("PRAGMA module_list")}
    connection.set_authorizer(_authorizer((modules | _INNER_TABLES) - _PLAIN_TABLES))


def _authorizer(inner: set[str]) -> Callable[..., int]:
    """Return what allows reading, but not these tables that SQLite may have over its own pages and statements."""

    def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS):
            return sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_READ and first and first.lower() in inner:
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    return authorize


def _taken(cursor: sqlite3.Cursor, limit: int, left: int, null: str) -> tuple[list[str], bool]:
    cells: list[str] = []
    for number, row in enumerate(cursor, 1):
        taken = [null if cell is None else cell.hex() if isinstance(cell, bytes) else str(cell) for cell in row]
        left -= sum(map(len, taken))
        if left < 0:
            return cells, True
        cells += taken
        if number == limit:
            break
    return cells, False


def _bound(request: Request) -> None:
    """Have the kernel hold what SQLite's own limits might miss."""
    limits = {
        resource.RLIMIT_AS: int(request.heap) + _BEYOND_THE_HEAP,
        resource.RLIMIT_FSIZE: _FILE_BYTES,
        resource.RLIMIT_CPU: int(float(request.seconds)) + 5,
        resource.RLIMIT_CORE: 0,
    }
    for which, wanted in limits.items():
        _, hard = resource.getrlimit(which)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(which, (value, value))


def main() -> None:
    """Answer the request on standard input."""
    request = Request(*texts(sys.stdin.buffer.read()))
    _bound(request)
    sys.stdout.buffer.write(frames(run(request)))


if __name__ == "__main__":
    main()
