"""CUCM's tables as views over ours, made for each query that names them.

Rules:

1. A view is a common table expression in front of the query: it hides the table of the same name, whose columns are
   other ones, and needs no migration. What a query does not name is not made.
2. A table of ours that is no table of AXL is hidden by an empty one, whatever the check of names may miss.
3. Columns are those that our data answers. A column that a cluster would have and that nobody knows here is left out,
   so that the catalogue check of a tool (``systables``, ``syscolumns``) says so; it is empty where a query of the
   catalogue needs it. Nothing of accounts, sessions and CAPF's authentication strings is here at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from mixedmode.cluster.store.schema_lines import Base
from mixedmode.faces.soap.sql import device_views, fixed_views, store_views
from mixedmode.faces.soap.sql.dialect import values
from mixedmode.faces.soap.sql.sources import Source, View

_VIEWS: Final[Mapping[str, View]] = {**fixed_views.VIEWS, **store_views.VIEWS, **device_views.VIEWS}
CATALOGUE: Final = {"systables": ("tabid", "tabname"), "syscolumns": ("tabid", "colname", "colno")}
TABLES: Final = frozenset(_VIEWS) | frozenset(CATALOGUE)
OURS: Final = frozenset(Base.metadata.tables) - TABLES


def with_views(sql: str, words: Collection[str], source: Source) -> str:
    """Return a query behind the views that it names.

    Args:
        sql: The query.
        words: The names in it.
        source: What views are made of.
    """
    made = []
    for word in sorted(words):
        if word in _VIEWS:
            view = _VIEWS[word]
            made.append(f"{word}({', '.join(view.columns)}) AS ({view.select(source)})")
        elif word in CATALOGUE:
            made.append(f"{word}({', '.join(CATALOGUE[word])}) AS ({_catalogue(word)})")
        elif word in OURS:
            made.append(f"{word} AS (SELECT NULL AS hidden WHERE 1 = 0)")
    return f"WITH {', '.join(made)} {sql}" if made else sql


def _catalogue(name: str) -> str:
    all_columns = {**{table: view.columns for table, view in _VIEWS.items()}, **CATALOGUE}
    tables = list(enumerate(sorted(all_columns), 1))
    if name == "systables":
        return values(((number, table) for number, table in tables), CATALOGUE[name])
    rows = [(number, column, at) for number, table in tables for at, column in enumerate(all_columns[table], 1)]
    return values(rows, CATALOGUE[name])
