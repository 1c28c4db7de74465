"""``run sql select ...``: reading the tables by hand, held read-only by the database itself.

Rules:

1. SQLite opens the file read-only and allows nothing but reading and plain functions. PostgreSQL takes exactly one
   statement, in a read-only transaction, from a role that may only read tables if the account is a superuser. What
   would change anything fails there, whatever its text looks like.
2. Rows, time, the size of a cell and that of the whole result are limited; the query is stopped at its limit.
3. Private keys are not in the database, so they cannot be asked for.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mixedmode.cluster.database import Database
from mixedmode.cluster.errors import DatabaseError
from mixedmode.errors import UsageError

if TYPE_CHECKING:
    import psycopg

_CELL_BYTES = 1 << 20
"""The longest text or blob that a query may make; one call could otherwise take gigabytes."""

_RESULT_CHARACTERS = 16 << 20
"""Of all cells of a result together; what is beyond is cut as rows beyond their limit are."""
_BYTEA = 17
"""PostgreSQL's number of the type."""
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


_Found = tuple[tuple[str, ...], list[tuple[str, ...]], bool]
"""Columns, rows, and whether the result's size cut them."""


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
    columns, found, cut = run(database, sql.strip().rstrip(";"), rows + 1, seconds)
    return QueryResult(columns, tuple(found[:rows]), cut or len(found) > rows)


def _taken(rows: Iterable[Sequence[object]], limit: int) -> tuple[list[tuple[str, ...]], bool]:
    """Return the first rows as texts, and whether the whole result's limit cut them."""
    taken: list[tuple[str, ...]] = []
    left = _RESULT_CHARACTERS
    for row in rows:
        cells = tuple(_cell(cell) for cell in row)
        left -= sum(map(len, cells))
        if left < 0:
            return taken, True
        taken.append(cells)
        if len(taken) == limit:
            break
    return taken, False


def _sqlite(database: Database, sql: str, limit: int, seconds: float) -> _Found:
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
            return tuple(column[0] for column in cursor.description), *_taken(cursor, limit)
    except sqlite3.Error as error:
        raise _refused(str(error), late=time.monotonic() > deadline) from error


def _authorize(action: int, _first: str | None, second: str | None, *_: str | None) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _FORBIDDEN_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _postgresql(database: Database, sql: str, limit: int, seconds: float) -> _Found:
    import psycopg

    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"-c statement_timeout={int(seconds * 1000)} -c default_transaction_read_only=on"
    try:
        connection = psycopg.connect(url, connect_timeout=10, options=options, tcp_user_timeout=20_000)
    except psycopg.Error as error:
        why = str(error).strip().splitlines()
        raise DatabaseError(
            "the database does not answer",
            where=database.label,
            why=why[0] if why else None,
            next_step="utils dbreplication runtimestate shows which node's database runs",
        ) from error
    try:
        with closing(connection):  # without a commit, so that even what a read-only transaction lets pass is undone
            connection.read_only = True
            if connection.info.parameter_status("is_superuser") == "on":
                connection.execute("set local role pg_read_all_data")
            return _read_bounded(connection, sql, limit)
    except psycopg.Error as error:
        late = isinstance(error, psycopg.errors.QueryCanceled)
        raise _refused(str(error).splitlines()[0] if str(error) else "", late=late) from error


def _read_bounded(connection: psycopg.Connection[Any], sql: str, limit: int) -> _Found:
    """Return the rows of one query; the server shortens each cell before it sends it."""
    with connection.cursor() as cursor:
        # "prepare" makes the server itself take one statement and no more.
        cursor.execute(_around("select *", sql, "query limit 0"), prepare=True)
        columns = [(column.name, column.type_code) for column in cursor.description or ()]
        if not columns:
            raise _refused("it has no columns", late=False)
        cells = ", ".join(_bounded(at, kind) for at, (_, kind) in enumerate(columns))
        names = ", ".join(f"c{at}" for at in range(len(columns)))
        bounded = _around(f"select {cells}", sql, f"query({names}) limit {limit}")
        # Closing the stream stops the query on the server where the result was cut.
        with closing(cast("Generator[Sequence[object]]", cursor.stream(bounded))) as rows:
            found, cut = _taken(rows, limit)
        return tuple(name for name, _ in columns), found, cut


def _around(head: str, sql: str, tail: str) -> bytes:
    # The administrator's own query is meant to run as it was typed; rule 1 is what holds it.
    return f"{head} from (\n{sql}\n) as {tail}".encode()


def _bounded(at: int, kind: int) -> str:
    """Return a column as text that is never longer than a cell may be."""
    if kind == _BYTEA:
        return f"encode(substring(c{at} for {_CELL_BYTES // 2}), 'hex')"
    return f"left(c{at}::text, {_CELL_BYTES})"


def _refused(why: str, *, late: bool) -> UsageError:
    if late:
        return UsageError("the query took too long and was stopped", next_step="ask for less, or by an indexed column")
    return UsageError("the query was refused", why=why, next_step="write one SELECT over the cluster's tables")


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    return value.hex() if isinstance(value, bytes | memoryview) else str(value)
