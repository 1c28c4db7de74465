"""``run sql select ...``: reading the tables by hand, held read-only by the database itself.

Rules:

1. SQLite opens the file read-only and allows nothing but reading and plain functions; PostgreSQL runs a read-only
   transaction. A statement that would change anything fails there, whatever its text looks like.
2. Rows and time are limited; the query is stopped at its limit.
3. Private keys are not in the database, so they cannot be asked for.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixedmode.cluster.database import Database
from mixedmode.errors import UsageError

_CELL_BYTES = 1 << 20
"""The longest text or blob that a query may make; one call could otherwise take gigabytes."""

_CHECK_EVERY = 10_000
"""Virtual machine instructions between two looks at the clock."""
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_FORBIDDEN_FUNCTIONS = {"load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"}


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query found.

    Attributes:
        columns: Their names.
        rows: Cells as texts; NULL is ``NULL``, bytes are hex.
        truncated: Whether there were more rows than the limit.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    truncated: bool


def select_read_only(database: Database, sql: str, *, rows: int, seconds: float) -> QueryResult:
    """Run one query.

    Args:
        database: Where.
        sql: A SELECT.
        rows: Return at most so many.
        seconds: Stop it after this time.

    Raises:
        UsageError: The query is wrong, would change something, or took too long.
    """
    run = _sqlite if database.is_sqlite else _postgresql
    columns, found = run(database, sql.strip().rstrip(";"), rows + 1, seconds)
    return QueryResult(columns, tuple(tuple(_cell(c) for c in row) for row in found[:rows]), len(found) > rows)


def _sqlite(database: Database, sql: str, limit: int, seconds: float) -> tuple[tuple[str, ...], list[Any]]:
    path = Path(database.url.database or "").resolve()
    deadline = time.monotonic() + seconds
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=seconds)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _CELL_BYTES)
            connection.set_authorizer(_authorize)
            connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _CHECK_EVERY)
            cursor = connection.execute(sql)
            if cursor.description is None:
                raise _refused("it is no query", late=False)
            found = cursor.fetchmany(limit)
            return tuple(column[0] for column in cursor.description), found
    except sqlite3.Error as error:
        raise _refused(str(error), late=time.monotonic() > deadline) from error


def _authorize(action: int, _first: str | None, second: str | None, *_: str | None) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _postgresql(database: Database, sql: str, limit: int, seconds: float) -> tuple[tuple[str, ...], list[Any]]:
    import psycopg

    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"-c statement_timeout={int(seconds * 1000)} -c default_transaction_read_only=on"
    try:
        with psycopg.connect(url, connect_timeout=10, options=options) as connection:
            connection.read_only = True
            with connection.cursor(name="run_sql") as cursor:  # a server-side cursor takes exactly one SELECT
                cursor.execute(sql.encode())
                found = cursor.fetchmany(limit)
                return tuple(column.name for column in cursor.description or ()), found
    except psycopg.Error as error:
        late = isinstance(error, psycopg.errors.QueryCanceled)
        raise _refused(str(error).splitlines()[0] if str(error) else "", late=late) from error


def _refused(why: str, *, late: bool) -> UsageError:
    if late:
        return UsageError("the query took too long and was stopped", next_step="ask for less, or by an indexed column")
    return UsageError("the query was refused", why=why, next_step="write one SELECT over the cluster's tables")


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    return value.hex() if isinstance(value, bytes | memoryview) else str(value)
