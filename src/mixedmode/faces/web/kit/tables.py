"""Tables that sort, filter and page at the server, with their whole state in the address.

Rules:

1. Of a table of the database, sorting, filtering, counting and paging are done by the database: 40,000 rows cost a page
   no more than 25. Rows that are in memory anyway have the same table (:meth:`Table.of_rows`).
2. What the address says and makes no sense (a page beyond the end, a column that there is not) is put right silently:
   an address that somebody kept still works.
3. The CSV has every row that the filters let through, not only those of the page, and is read while it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, func, select
from sqlalchemy.orm import Session

from mixedmode.numbers import whole_number

SIZES: Final = (25, 50, 100)
SAVED: Final = "/account/filters"
"""The page of what people keep."""
_LONGEST: Final = 200
"""Characters of a filter."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        key: In the address, and in the CSV's header.
        label: In the table's head.
        order: What it is sorted by in the database; None where it is not.
        value: Returns what the CSV has, and what rows in memory are sorted by, of a row.
        number: Whether figures stand on the right.
        low: Left out on a phone's screen.
    """

    key: str
    label: str
    order: SQLColumnExpression[Any] | None = None
    value: Callable[[Any], object] = str
    number: bool = False
    low: bool = False
    sorts: bool = True


@dataclass(frozen=True, slots=True)
class Filter:
    """A field above the table.

    Attributes:
        key: In the address.
        label: Its label.
        clause: Makes the condition for the database.
        test: Says whether a row in memory fits.
        choices: Value and text of each; none is a field to type in.
    """

    key: str
    label: str
    clause: Callable[[str], ColumnElement[bool]] | None = None
    test: Callable[[Any, str], bool] | None = None
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of a table, ready to be shown by the macro ``sheet``.

    Attributes:
        name: What its rows are, in the plural: ``phones``.
        path: Its address, without query.
        columns: In order.
        filters: Above it.
        given: What the filters are set to; only those that are.
        rows: Of this page.
        total: Rows that the filters let through.
        of: Rows in all, None where nobody counted.
        sort: The key that it is sorted by.
        descending: In which direction.
        number: Of the page, from 1.
        size: Rows on a page.
        kept: What else the address has.
    """

    name: str
    path: str
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...]
    given: Mapping[str, str]
    rows: Sequence[Any]
    total: int
    of: int | None
    sort: str
    descending: bool
    number: int
    size: int
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """Number of the first row of this page."""
        return min(self.total, (self.number - 1) * self.size + 1)

    @property
    def last(self) -> int:
        """Number of the last row of this page."""
        return min(self.total, self.number * self.size)

    @property
    def pages(self) -> int:
        """How many pages there are; 1 at least."""
        return max(1, -(-self.total // self.size))

    @property
    def order(self) -> str:
        """The order as the address has it."""
        return f"-{self.sort}" if self.descending else self.sort

    def address(self, **changed: object) -> str:
        """Return the address of this table with something else; None takes a part away."""
        plain: dict[str, object] = {**self.kept, **self.given, "sort": self.order, "size": self.size}
        plain |= {"page": self.number, **changed}
        defaults = {"page": 1, "size": SIZES[0]}
        said = {key: value for key, value in plain.items() if value is not None and defaults.get(key) != value}
        return f"{self.path}?{urlencode(said)}" if said else self.path

    def sorted_by(self, column: Column) -> str:
        """Return the address of the table sorted by a column; by it already, the other way round."""
        turned = column.key == self.sort and not self.descending
        return self.address(sort=f"-{column.key}" if turned else column.key, page=1)

    def without(self, key: str) -> str:
        """Return the address of the table without one of its filters."""
        return self.address(**{key: None, "page": 1})

    @property
    def keep(self) -> str:
        """Where it is kept under a name."""
        return f"{SAVED}?{urlencode({'table': self.address(page=1)})}"

    @property
    def csv(self) -> str:
        """The address of its CSV."""
        return self.address(format="csv", page=1)


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        name: What its rows are, in the plural.
        columns: In order.
        filters: Above it.
        sort: The key that it is sorted by if the address says nothing; ``-key`` for the other way round.
        tie: What decides between rows that are alike otherwise, such as the primary key; pages need it.
    """

    name: str
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    sort: str = ""
    tie: SQLColumnExpression[Any] | None = None

    def of_database(
        self,
        session: Session,
        query: Select[*tuple[Any, ...]],
        path: str,
        asked: Mapping[str, str],
        *,
        count: bool = True,
    ) -> Sheet:
        """Return the page that an address asks for, read from the database.

        Args:
            session: To read with.
            query: All rows, with what the page shows of each; no order.
            path: The table's address.
            asked: The query of the address.
            count: Whether to say how many rows there are without the filters.
        """
        given = self._given(asked)
        narrowed = self._narrowed(query, given)
        total = _count(session, narrowed)
        of = _count(session, query) if count and given else total
        sort, descending = self._sorting(asked)
        number, size = _paging(asked, total)
        ordered = self._ordered(narrowed, sort, descending=descending)
        rows: list[Row[Any]] = list(session.execute(ordered.offset((number - 1) * size).limit(size)))
        return self._sheet(path, asked, rows, total, of)

    def first_of_database(
        self, session: Session, query: Select[*tuple[Any, ...]], asked: Mapping[str, str], most: int
    ) -> list[Row[Any]]:
        """Return the first rows that an address asks for, of all pages, read from the database."""
        sort, descending = self._sorting(asked)
        ordered = self._ordered(self._narrowed(query, self._given(asked)), sort, descending=descending)
        return list(session.execute(ordered.limit(most)))

    def of_rows(self, rows: Iterable[Any], path: str, asked: Mapping[str, str]) -> Sheet:
        """Return the page that an address asks for, of rows in memory."""
        everything = list(rows)
        fitting = self.fitting(everything, asked)
        number, size = _paging(asked, len(fitting))
        shown = fitting[(number - 1) * size : number * size]
        return self._sheet(path, asked, shown, len(fitting), len(everything))

    @property
    def header(self) -> list[str]:
        """The header of the CSV."""
        return [column.key for column in self.columns]

    def csv_of_database(
        self, session: Session, query: Select[*tuple[Any, ...]], asked: Mapping[str, str]
    ) -> Iterator[Sequence[object]]:
        """Yield the rows of the CSV, read as they are taken; the session stays open as long."""
        sort, descending = self._sorting(asked)
        ordered = self._ordered(self._narrowed(query, self._given(asked)), sort, descending=descending)
        for row in session.execute(ordered.execution_options(yield_per=500)):
            yield [column.value(row) for column in self.columns]

    def csv_of_rows(self, rows: Iterable[Any], asked: Mapping[str, str]) -> Iterator[Sequence[object]]:
        """Yield the rows of the CSV, of rows in memory."""
        for row in self.fitting(rows, asked):
            yield [column.value(row) for column in self.columns]

    def fitting(self, rows: Iterable[Any], asked: Mapping[str, str]) -> list[Any]:
        """Return the rows in memory that an address asks for, in its order, of all pages."""
        given = self._given(asked)
        sort, descending = self._sorting(asked)
        tests = [(each.test, given[each.key]) for each in self.filters if each.key in given and each.test is not None]
        fitting = [row for row in rows if all(test(row, value) for test, value in tests)]
        column = next((column for column in self.columns if column.key == sort), None)
        if column is not None:
            fitting.sort(key=lambda row: _sortable(column.value(row)), reverse=descending)
        return fitting

    def _given(self, asked: Mapping[str, str]) -> dict[str, str]:
        found = {each.key: asked.get(each.key, "").strip()[:_LONGEST] for each in self.filters}
        choices = {each.key: {value for value, _ in each.choices} for each in self.filters if each.choices}
        return {key: value for key, value in found.items() if value and (key not in choices or value in choices[key])}

    def _sorting(self, asked: Mapping[str, str]) -> tuple[str, bool]:
        known = {column.key for column in self.columns if column.sorts}
        for said in (asked.get("sort", ""), self.sort, *(column.key for column in self.columns[:1])):
            if said.removeprefix("-") in known:
                return said.removeprefix("-"), said.startswith("-")
        return "", False

    def _narrowed(self, query: Select[*tuple[Any, ...]], given: Mapping[str, str]) -> Select[*tuple[Any, ...]]:
        for each in self.filters:
            if each.key in given and each.clause is not None:
                query = query.where(each.clause(given[each.key]))
        return query

    def _ordered(self, query: Select[*tuple[Any, ...]], sort: str, *, descending: bool) -> Select[*tuple[Any, ...]]:
        order = next((column.order for column in self.columns if column.key == sort), None)
        if order is not None:
            query = query.order_by(order.desc() if descending else order.asc())
        return query if self.tie is None else query.order_by(self.tie)

    def _sheet(self, path: str, asked: Mapping[str, str], rows: Sequence[Any], total: int, of: int | None) -> Sheet:
        sort, descending = self._sorting(asked)
        number, size = _paging(asked, total)
        own = {"sort", "page", "size", "format", *(each.key for each in self.filters)}
        kept = {key: value[:_LONGEST] for key, value in asked.items() if key not in own}
        return Sheet(
            name=self.name,
            path=path,
            columns=self.columns,
            filters=self.filters,
            given=self._given(asked),
            rows=rows,
            total=total,
            of=of,
            sort=sort,
            descending=descending,
            number=number,
            size=size,
            kept=kept,
        )


def contains(column: Any) -> Callable[[str], ColumnElement[bool]]:
    """Return a condition for a filter: the column has the text in it, in any case; ``%`` and ``_`` are themselves."""
    return lambda text: func.lower(column).contains(text.lower(), autoescape=True)


def equals(column: Any) -> Callable[[str], ColumnElement[bool]]:
    """Return a condition for a filter: the column is the text."""
    return lambda text: column == text


def _count(session: Session, query: Select[*tuple[Any, ...]]) -> int:
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


def _paging(asked: Mapping[str, str], total: int) -> tuple[int, int]:
    size = _number(asked.get("size", ""))
    size = size if size in SIZES else SIZES[0]
    return min(max(1, _number(asked.get("page", ""))), max(1, -(-total // size))), size


def _number(text: str) -> int:
    return whole_number(text) or 0


def _sortable(value: object) -> tuple[int, Any]:
    """Return what any two values can be sorted by: nothing first, then numbers, then text in any case."""
    if value is None or value == "":
        return (0, 0)
    return (1, value) if isinstance(value, int | float) else (2, str(value).casefold())
