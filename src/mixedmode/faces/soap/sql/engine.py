"""``executeSQLQuery``: CUCM's tables, the engine of ``run sql``, rows as AXL writes them, and its limits.

Rules:

1. A reply has at most :data:`MOST_BYTES`; a larger one is a fault that says how many rows would do.
2. Few queries run at once; replies that are being made have :data:`ALL_BYTES` together, and while a large one
   is, others have :data:`SMALL_BYTES`.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import DatabaseError, PreconditionError
from mixedmode.cluster.query.query import QueryResult
from mixedmode.errors import UsageError
from mixedmode.faces.soap.errors import NO_COLUMN, NO_TABLE, SYNTAX, AxlError, too_large
from mixedmode.faces.soap.sql.dialect import PEM_MARK
from mixedmode.faces.soap.sql.informix import Query, procedure_of, read_query
from mixedmode.faces.soap.sql.sources import Source
from mixedmode.faces.soap.sql.tables import TABLES, with_views
from mixedmode.xml_reader import xml_text

MOST_BYTES: Final = 8 << 20
ALL_BYTES: Final = 16 << 20
SMALL_BYTES: Final = 2 << 20
ROW_LIMIT: Final = 100_000
TIME_LIMIT: Final = 10.0
WAITING: Final = 16
"""Requests that may wait or run; one more is throttled."""
QUERIES: Final = ThreadPoolExecutor(2, thread_name_prefix="axl")
_NULL: Final = "\x00"
_MISSING: Final = (
    (re.compile(r'no such table: (\S+)|relation "([^"]+)" does not exist'), NO_TABLE),
    (re.compile(r'no such column: (\S+)|column "?([^" ]+)"? does not exist'), NO_COLUMN),
)
_TEXTS: Final = {
    NO_TABLE: "The specified table ({}) is not in the database.",
    NO_COLUMN: "Column ({}) not found in any table in the query (or SLV is undefined).",
}
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")


class Memory:
    """What replies that are being made may have (rule 2)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0
        self._large = 0
        self.waiting = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the queue.

        Raises:
            AxlError: There is none.
        """
        with self._lock:
            if self.waiting >= WAITING:
                raise AxlError("Too many requests are in progress. Please retry later", status=503)
            self.waiting += 1
        try:
            yield
        finally:
            with self._lock:
                self.waiting -= 1

    @contextmanager
    def reply(self) -> Iterator[Reply]:
        """Hold the memory of a reply."""
        reply = Reply(self)
        try:
            yield reply
        finally:
            with self._lock:
                self._taken -= reply.size
                self._large -= reply.size > SMALL_BYTES

    def grow(self, reply: Reply, size: int) -> None:
        """Take memory for a reply.

        Raises:
            AxlError: There is none left.
        """
        with self._lock:
            becomes_large = reply.size <= SMALL_BYTES < reply.size + size
            if self._taken + size > ALL_BYTES or (becomes_large and self._large):
                raise AxlError(
                    "Maximum AXL Memory Allocation Consumed. Please retry once requests in progress have completed"
                )
            self._taken += size
            self._large += becomes_large
            reply.size += size


class Reply:
    """A reply that is being made."""

    __slots__ = ("memory", "size")

    def __init__(self, memory: Memory) -> None:
        self.memory, self.size = memory, 0


def run_query(cluster: Cluster, sql: str, memory: Memory) -> str:
    """Return the rows of a query as XML.

    Raises:
        AxlError: It is wrong, too large, or cannot be run now.
    """
    source = Source(cluster)
    pkid = procedure_of(sql)
    if pkid is not None:
        sql = f"select xml as expression from devicexml4k where fkdevice = '{pkid}'"
    query = read_query(sql, TABLES)
    text = with_views(query.sql, query.words, source)
    found = _select(cluster, text, ROW_LIMIT)
    columns = element_names(found.columns)
    with memory.reply() as reply:
        made: list[str] = []
        for row in found.rows:
            told = _row(columns, row)
            size = len(told.encode("utf-8", "replace"))
            if reply.size + size > MOST_BYTES:
                raise _too_large(cluster, query, source, len(made))
            memory.grow(reply, size)
            made.append(told)
        if found.truncated:
            raise _too_large(cluster, query, source, len(made))
        return "".join(made)


def _select(cluster: Cluster, sql: str, rows: int) -> QueryResult:
    try:
        return cluster.select(sql, rows=rows, seconds=TIME_LIMIT, null=_NULL)
    except UsageError as error:
        raise _fault_of(error) from error
    except (DatabaseError, PreconditionError) as error:
        raise AxlError(f"{error.what}", status=503 if isinstance(error, DatabaseError) else 500) from error


def _fault_of(error: UsageError) -> AxlError:
    why = error.why or error.what
    for pattern, code in _MISSING:
        found = pattern.search(why)
        if found is not None:
            return AxlError(_TEXTS[code].format(found[1] or found[2]), code)
    if "syntax" in why.lower():
        return AxlError("A syntax error has occurred.", SYNTAX)
    return AxlError(why)


def _too_large(cluster: Cluster, query: Query, source: Source, fitted: int) -> AxlError:
    counted = with_views(f"select count ( * ) from ( {query.sql} ) counted", query.words, source)
    try:
        total = _select(cluster, counted, 1).rows[0][0]
    except AxlError:
        total = f"more than {fitted}"
    return too_large(total, fitted)


def _row(columns: Sequence[str], row: Sequence[str]) -> str:
    return f"<row>{''.join(_cell(name, cell) for name, cell in zip(columns, row, strict=True))}</row>"


def _cell(name: str, cell: str) -> str:
    if cell == _NULL:
        return f"<{name}/>"
    if cell.startswith(PEM_MARK):
        cell = _pem(cell.removeprefix(PEM_MARK))
    return f"<{name}>{xml_text(cell)}</{name}>" if cell else f"<{name}/>"


def _pem(digits: str) -> str:
    try:
        text = base64.encodebytes(bytes.fromhex(digits)).decode().replace("\n", "")
    except ValueError:
        return digits
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])


def element_names(columns: Sequence[str]) -> list[str]:
    """Return the names of elements for columns, as Informix calls what has no name: ``count``, ``expression``."""
    made = []
    for column in columns:
        name = column.strip().lower()
        if not _NAME.fullmatch(name):
            function = re.fullmatch(r"(count|min|max|sum|avg)\s*\(.*\)", name, re.DOTALL)
            name = function[1] if function else "expression"
        made.append("expression" if name == "?column?" or name.startswith("xml") else name)
    return made
