"""Rows of an inventory, one at a time: memory does not grow with the file but by the names, which must be unique.

Rules (forecast.md 1):

1. ``[`` begins a JSON array, ``{`` NDJSON, anything else is CSV whose header shows the separator: comma, semicolon or
   tab. Capitals in the header make no difference; columns that are not known are left alone.
2. A bad row is an error that names the row (the first phone's is 1), the line and the column; whoever skips bad rows
   gets their number instead. What makes the whole file unreadable is an error in any case.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.inventory.cells import CARRIED, COLUMNS, KIND_COLUMNS, Cells, plain
from mixedmode.inventory.json_array import JsonArray
from mixedmode.inventory.sources import LONGEST, OVERLONG, opened, pieces, texts
from mixedmode.pki.device_names import device_name

if TYPE_CHECKING:
    import io

    from mixedmode.inventory.kinds import PhoneKind

_COMMON: Final = re.compile(r"SEP[0-9A-F]{12}").fullmatch
_SEPARATORS: Final = ",;\t"
_EXAMPLES: Final = 5
Row = tuple[str, "PhoneKind", tuple[str, ...]]
"""Name, what is known, and the carried columns ``registered`` and ``last_seen``."""


class _CsvReader(Protocol):
    @property
    def line_num(self) -> int:
        """Lines that were read after the header's."""


Line = int | _CsvReader
"""A line (0: none), or what knows it: to ask for each row's would take a tenth of the time."""
_Raw = tuple[int, Line, str, tuple[str, ...], tuple[str, ...]]
"""Row, line, name, the cells of its kind, the carried ones."""


@dataclass
class Inventory:
    """An inventory that is being read.

    Attributes:
        name: Of the file, for messages.
        cells: Reads cells.
        skip_bad: Count bad rows in place of failing.
        bad: How many were skipped.
        errors: The first of them.
        ignored: Columns that are not known.
        missing: Columns that every phone lacks.
    """

    name: str
    cells: Cells
    skip_bad: bool = False
    bad: int = 0
    errors: list[MixedModeError] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    _columns: tuple[str, ...] = KIND_COLUMNS
    _kinds: dict[tuple[str, ...], PhoneKind] = field(default_factory=dict)
    _interned: dict[PhoneKind, PhoneKind] = field(default_factory=dict)

    def rows(self, stream: BinaryIO) -> Iterator[Row]:
        """Yield the phones.

        Raises:
            MixedModeError: The file cannot be read, or a row is bad and bad rows are not skipped.
        """
        source = opened(stream, self.name)
        head = source.peek(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        raw = self._array(source) if head == b"[" else self._lines(source) if head == b"{" else self._csv(source)
        seen: set[str] = set()
        known = self._kinds
        for row, line, text, cells, carried in raw:
            try:
                name = text if _COMMON(text) is not None else device_name(plain(text))
            except MixedModeError as error:
                self._refuse(row, line, "name", error)
                continue
            if name in seen:
                self._refuse(row, line, "name", UsageError(f"{name} is there twice", next_step="name each phone once"))
                continue
            kind = known.get(cells)
            if kind is None:
                found = self._kind(cells)
                if isinstance(found, MixedModeError):
                    self._refuse(row, line, found.where or "", found)
                    continue
                kind = found
            seen.add(name)
            yield name, kind, carried

    def _kind(self, cells: tuple[str, ...]) -> PhoneKind | MixedModeError:
        try:
            kind = self.cells.kind(dict(zip(self._columns, cells, strict=True)))
        except MixedModeError as error:
            return error
        found = self._kinds[cells] = self._interned.setdefault(kind, kind)
        return found

    def _refuse(self, row: int, place: Line, column: str, error: MixedModeError) -> None:
        line = place if isinstance(place, int) else place.line_num + 1
        made = MalformedError(
            f"row {row}, column {column}: {error.what}" if column else f"row {row}: {error.what}",
            where=f"{self.name}:{line}" if line else self.name,
            why=error.why,
            next_step=error.next_step or "correct the row, or leave such rows out with --skip-bad-rows",
            code=error.code,
        )
        if not self.skip_bad:
            raise made
        self.bad += 1
        if len(self.errors) < _EXAMPLES:
            self.errors.append(made)

    def _note_columns(self, names: tuple[str, ...]) -> None:
        self.ignored = tuple(each for each in names if each not in COLUMNS)
        self.missing = tuple(each for each in ("model", "ctl", "itl") if each not in names)

    # CSV.

    def _csv(self, source: io.BufferedReader) -> Iterator[_Raw]:
        lines = itertools.chain.from_iterable(pieces(source, self.name))
        head = next((line for line in lines if line.strip()), "")
        names, separator = self._header(head)
        self._note_columns(names)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        width = len(names)
        name_of = itemgetter(names.index("name"))
        self._columns = tuple(each for each in KIND_COLUMNS if each in names)
        kind_of = _getter(names, self._columns)
        carried_of = _getter(names, CARRIED) if any(each in names for each in CARRIED) else _nothing
        row = 0
        while True:
            try:
                for cells in reader:
                    if len(cells) == width:
                        row += 1
                        yield row, reader, name_of(cells), kind_of(cells), carried_of(cells)
                    elif cells:
                        row += 1
                        self._odd(row, reader, cells, names)
            except csv.Error as error:
                row += 1
                self._refuse(row, reader, "", MalformedError(f"this is no CSV: {error}"))
            else:
                return

    def _odd(self, row: int, line: Line, cells: list[str], names: tuple[str, ...]) -> None:
        if cells and cells[0] == OVERLONG:
            self._refuse(row, line, "", MalformedError(f"the line is longer than {LONGEST} characters"))
        else:
            many = len(cells) > len(names)
            column = names[-1] if many else names[len(cells)]
            what = f"the row has {len(cells)} fields, the header {len(names)}"
            self._refuse(row, line, column, MalformedError(what, next_step="quote cells that hold the separator"))

    def _header(self, line: str) -> tuple[tuple[str, ...], str]:
        for separator in _SEPARATORS:
            try:
                found = next(csv.reader([line], delimiter=separator, strict=True), [])
            except csv.Error:
                continue
            names = tuple(each.strip().lower().replace(" ", "_") for each in found)
            if "name" in names:
                twice = next((each for each in names if each in COLUMNS and names.count(each) > 1), None)
                if twice:
                    raise UsageError(f"row 0, column {twice}: the header has it twice", where=f"{self.name}:1")
                return names, separator
        raise UsageError(
            "the header has no column name",
            where=f"{self.name}:1",
            why=f"it begins with {line[:60].strip()!r}",
            next_step=f"columns: {', '.join(COLUMNS)}",
        )

    # JSON.

    def _lines(self, source: io.BufferedReader) -> Iterator[_Raw]:
        row = 0
        for line, text in enumerate(itertools.chain.from_iterable(pieces(source, self.name)), 1):
            if not text.strip():
                continue
            row += 1
            if text.startswith(OVERLONG):
                self._refuse(row, line, "", MalformedError(f"the line is longer than {LONGEST} characters"))
                continue
            try:
                found = json.loads(text)
            except (ValueError, RecursionError) as error:
                self._refuse(row, line, "", MalformedError(f"this is no JSON: {error}"))
                continue
            yield from self._object(row, line, found)

    def _array(self, source: io.BufferedReader) -> Iterator[_Raw]:
        for row, found in enumerate(JsonArray(texts(source, self.name), self.name).elements(), 1):
            yield from self._object(row, 0, found)

    def _object(self, row: int, line: int, found: Any) -> Iterator[_Raw]:
        if not isinstance(found, dict):
            self._refuse(row, line, "", MalformedError("this is no object"))
            return
        cells = {}
        for column, value in found.items():
            name = column.strip().lower()
            if name not in COLUMNS:
                if name not in self.ignored and len(self.ignored) < _EXAMPLES:
                    self.ignored = (*self.ignored, name)
            elif value is None or isinstance(value, (str, int)):
                cells[name] = "" if value is None else str(value)
            else:
                self._refuse(row, line, name, MalformedError("this is no text"))
                return
        carried = tuple(cells.get(each, "") for each in CARRIED)
        kind = tuple(cells.get(each, "") for each in KIND_COLUMNS)
        yield row, line, cells.get("name", ""), kind, carried if any(carried) else ()


def _nothing(_cells: list[str]) -> tuple[str, ...]:
    return ()


def _getter(names: tuple[str, ...], wanted: tuple[str, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """Return a function that picks the cells of columns; those that are not there are empty."""
    if len(wanted) > 1 and all(each in names for each in wanted):
        return itemgetter(*(names.index(each) for each in wanted))
    places = [names.index(each) if each in names else None for each in wanted]
    return lambda cells: tuple("" if place is None else cells[place] for place in places)
