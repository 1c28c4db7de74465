"""``run sql select ...``: reading the tables by hand, held read-only by the database itself.

Rules:

1. SQLite opens the file read-only, in a process of its own, and allows nothing but reading and plain functions.
   PostgreSQL takes exactly one statement, in a read-only transaction, by a login that may only read. What would change
   anything fails there, whatever its text looks like.
2. Rows, time, memory, temporary disk, the size of a cell and that of the whole result are limited.
3. Private keys are not in the database, so they cannot be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mixedmode.cluster.store.database import Database


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What a query found.

    Attributes:
        columns: Their names.
        rows: Cells as texts; NULL is ``NULL`` if nothing else was asked for, bytes are hex.
        truncated: Whether there were more rows than the limit.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    truncated: bool


def select_read_only(
    database: Database, directory: Path, sql: str, *, rows: int, seconds: float, null: str = "NULL"
) -> QueryResult:
    """Run one query.

    Args:
        database: Where.
        directory: Of the node, with the login for PostgreSQL (:mod:`.query_login`).
        sql: A SELECT.
        rows: Return at most so many.
        seconds: Stop it after this time.
        null: Stands for NULL.

    Raises:
        UsageError: The query is wrong, would do more than read, or took too long.
        PreconditionError: There is no login that may only read.
        DatabaseError: The database does not answer.
    """
    plain = sql.strip().rstrip(";")
    if database.is_sqlite:
        from mixedmode.cluster.query.query_sqlite import run_sqlite

        columns, found, cut = run_sqlite(database, plain, rows + 1, seconds, null)
    else:
        from mixedmode.cluster.query.query_login import read_login
        from mixedmode.cluster.query.query_postgres import run_postgresql

        columns, found, cut = run_postgresql(database, read_login(directory), plain, rows + 1, seconds, null)
    return QueryResult(columns, tuple(found[:rows]), cut or len(found) > rows)
