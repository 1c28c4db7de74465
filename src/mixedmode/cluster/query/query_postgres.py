"""``run sql`` on PostgreSQL: by a login of its own, in a read-only transaction, without functions that do things.

Each of three fences holds alone what it can:

1. The login (:mod:`.query_login`) may read the cluster's tables and nothing else: no files, no other connections, no
   rights of the account that owns the cluster. One that may do more is refused.
2. The transaction is read-only, one statement goes through it, and it is never committed.
3. What neither stops is done by functions: advisory locks, notifications, large objects, the end of the login's own
   other connections. PostgreSQL marks what has effects as volatile; of those few are allowed, and of functions that
   are not PostgreSQL's own (extensions such as dblink) none.

The server ends the query at its time, and shortens each cell before it sends it. Should the server not let itself be
interrupted, the connection is closed from here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, cast

from mixedmode.cluster.model.errors import DatabaseError, PreconditionError
from mixedmode.cluster.query.query_bounds import CELL_BYTES, RESULT_CHARACTERS, Found, refused
from mixedmode.cluster.query.query_login import REMEDY, Login
from mixedmode.cluster.query.sql_functions import calls_of
from mixedmode.cluster.store.database import CLIENT, Database

if TYPE_CHECKING:
    import psycopg

_BYTEA: Final = 17
"""PostgreSQL's number of the type."""
_PATIENCE: Final = 3.0
"""Seconds beyond the query's own time until its connection is closed from here."""
_SERVER: Final = {
    "default_transaction_read_only": "on",
    "standard_conforming_strings": "on",
    "search_path": "public",
    "work_mem": "8MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "2s",
}
_VOLATILE_ALLOWED: Final = frozenset(
    {
        "clock_timestamp",
        "gen_random_uuid",
        "pg_database_size",
        "pg_indexes_size",
        "pg_relation_size",
        "pg_sleep",
        "pg_sleep_for",
        "pg_sleep_until",
        "pg_table_size",
        "pg_total_relation_size",
        "random",
        "set_config",
        "timeofday",
    }
)
_SETTINGS_ALLOWED: Final = frozenset(
    {"bytea_output", "datestyle", "intervalstyle", "lock_timeout", "statement_timeout", "timezone"}
)
"""For ``set_config``: how values look; and time limits, which run already and are not moved by it."""
_DOING: Final = """
    SELECT DISTINCT p.proname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proname::text = ANY(%s)
    AND (n.nspname <> 'pg_catalog' OR (p.provolatile = 'v' AND NOT p.proname::text = ANY(%s)))
    ORDER BY 1
"""
_RIGHTS: Final = """
    SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid)
    FROM pg_catalog.pg_roles r WHERE r.rolname = session_user
"""


def run_postgresql(database: Database, login: Login, sql: str, limit: int, seconds: float, null: str = "NULL") -> Found:
    """Run one query.

    Raises:
        UsageError: The query is wrong, would do more than read, or took too long.
        PreconditionError: The login may do more than it should, or is not let in.
        DatabaseError: The database does not answer.
    """
    import psycopg

    if "\0" in sql or not _is_text(sql):
        # The client's library would end the query at a NUL, behind which the fences looked.
        raise refused("it holds what is no text")
    calls = calls_of(sql)
    if not _SETTINGS_ALLOWED.issuperset(each or "" for each in calls.settings):
        raise refused("set_config is for the form of values only")
    connection = _connected(database, login, seconds)
    with closing(connection):  # without a commit, so that even what a read-only transaction lets pass is undone
        try:
            connection.read_only = True
            with _ended_after(connection, seconds + _PATIENCE):
                _check_rights(connection, database, login)
                doing = connection.execute(_DOING, (sorted(calls.names), sorted(_VOLATILE_ALLOWED))).fetchall()
                if doing:
                    raise refused(f"{', '.join(row[0] for row in doing)}: a function that may do more than read")
                return _read_bounded(connection, sql, limit, null)
        except psycopg.errors.QueryCanceled as error:
            raise refused("", late=True) from error
        except psycopg.OperationalError as error:
            # The server, or the watch from here, ended the connection.
            raise refused(_first_line(error), late=connection.closed) from error
        except psycopg.Error as error:
            raise refused(_first_line(error)) from error


def _is_text(sql: str) -> bool:
    try:
        sql.encode()
    except UnicodeEncodeError:  # halves of characters, of bytes that are no UTF-8
        return False
    return True


def _connected(database: Database, login: Login, seconds: float) -> psycopg.Connection:
    """Connect as the login; where a socket file lets in the system's users only, over loopback."""
    import psycopg

    settings = {**_SERVER, "statement_timeout": f"{max(1, int(seconds * 1000))}ms"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    failure: psycopg.Error | None = None
    for url in login.urls(database.url):
        try:
            return psycopg.connect(url.render_as_string(hide_password=False), options=options, **CLIENT)
        except psycopg.OperationalError as error:
            failure = error
    why = _first_line(failure) if failure is not None else ""
    if f'role "{login.user}"' in why or f'user "{login.user}"' in why:
        raise PreconditionError(
            "the database does not let in the login of run sql", where=database.label, why=why, next_step=REMEDY
        ) from failure
    raise DatabaseError(
        "the database does not answer",
        where=database.label,
        why=why or None,
        next_step="utils dbreplication runtimestate shows which node's database runs",
    ) from failure


def _check_rights(connection: psycopg.Connection, database: Database, login: Login) -> None:
    row = connection.execute(_RIGHTS).fetchone()
    if row is None or row[0]:
        raise PreconditionError(
            f"the login of run sql, {login.user}, may do more than read",
            where=database.label,
            next_step=f"take its rights and memberships away, or drop the role; then: {REMEDY}",
        )


@contextmanager
def _ended_after(connection: psycopg.Connection, seconds: float) -> Iterator[None]:
    """Shut a connection down if what it does lasts longer."""

    def end() -> None:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _read_bounded(connection: psycopg.Connection, sql: str, limit: int, null: str) -> Found:
    """Return the rows of one query; the server shortens each cell before it sends it."""
    with connection.cursor() as cursor:
        # "prepare" makes the server itself take one statement and no more.
        cursor.execute(_around("select *", sql, "query limit 0"), prepare=True)
        columns = [(column.name, column.type_code) for column in cursor.description or ()]
        if not columns:
            raise refused("it has no columns")
        cells = ", ".join(_bounded(at, kind) for at, (_, kind) in enumerate(columns))
        names = ", ".join(f"c{at}" for at in range(len(columns)))
        bounded = _around(f"select {cells}", sql, f"query({names}) limit {limit}")
        # Closing the stream stops the query on the server where the result was cut.
        with closing(cast("Generator[Sequence[object]]", cursor.stream(bounded))) as rows:
            found, cut = _taken(rows, limit, null)
        return tuple(name for name, _ in columns), found, cut


def _taken(rows: Iterable[Sequence[object]], limit: int, null: str) -> tuple[list[tuple[str, ...]], bool]:
    """Return the first rows as texts, and whether the whole result's limit cut them."""
    taken: list[tuple[str, ...]] = []
    left = RESULT_CHARACTERS
    for row in rows:
        cells = tuple(null if cell is None else str(cell) for cell in row)
        left -= sum(map(len, cells))
        if left < 0:
            return taken, True
        taken.append(cells)
        if len(taken) == limit:
            break
    return taken, False


def _around(head: str, sql: str, tail: str) -> bytes:
    # The administrator's own query is meant to run as it was typed; the fences above are what holds it.
    return f"{head} from (\n{sql}\n) as {tail}".encode()


def _bounded(at: int, kind: int) -> str:
    """Return a column as text that is never longer than a cell may be."""
    if kind == _BYTEA:
        return f"encode(substring(c{at} for {CELL_BYTES // 2}), 'hex')"
    return f"left(c{at}::text, {CELL_BYTES})"


def _first_line(error: Exception | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else ""
