"""``run sql select ...``: read-only, held so by the database itself (:mod:`mixedmode.cluster.query.query`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from mixedmode.cluster.query.query import QueryResult
from mixedmode.faces.shell import texts
from mixedmode.faces.shell.call import Call
from mixedmode.faces.shell.model import Argument, BadCommandError, Command, Kind
from mixedmode.printable import printable

ROW_LIMIT = 5_000
TIME_LIMIT = 10.0
"""Seconds that a query may take."""
_QUERIES = ThreadPoolExecutor(2, thread_name_prefix="query")
"""Few run at once, those included that nobody waits for any more: the others' connections belong to phones."""


async def run_sql(call: Call) -> None:
    """Run one query and print its rows."""
    sql = call.value("query")
    if sql.split(maxsplit=1)[0].lower() not in {"select", "with", "values"}:
        raise BadCommandError("only queries can be run here", next_step="run sql select ... from ...")

    def query() -> tuple[QueryResult, list[str]]:
        found = call.cluster.select(sql, rows=ROW_LIMIT, seconds=TIME_LIMIT)
        return found, list(table(found.columns, found.rows))

    result, lines = await asyncio.get_running_loop().run_in_executor(_QUERIES, query)
    await call.write(*lines)
    if not result.rows:
        await call.say(texts.NO_RECORDS)
    if result.truncated:
        await call.say(texts.MORE_ROWS, rows=ROW_LIMIT)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return the lines of a result: names, a rule under each as wide as its widest cell, rows; one blank between."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    yield from (
        " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (columns, ["=" * width for width in widths], *cells)
    )


COMMANDS = (
    Command(
        ("run", "sql"),
        "Runs one query over the cluster's tables; it cannot change anything.",
        run_sql,
        (Argument("query", "A query, such as select name from processnode.", Kind.REST),),
    ),
)
