"""Rows of an inventory, one at a time: memory does not grow with the file but by the names, which must be unique.

Rules (forecast.md 1):

1. ``[`` begins a JSON array, ``{`` NDJSON or a collected inventory, anything else is CSV whose header shows the
   separator: comma, semicolon or tab. Capitals in the header make no difference; columns that are not known are left
   alone.
2. A bad row is an error that names the row (the first phone's is 1), the line and the column; whoever skips bad rows
   gets their number instead. What makes the whole file unreadable is an error in any case.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, Protocol

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.inventory.cells import CARRIED, COLUMNS, KIND_COLUMNS, Cells, plain
from mixedmode.inventory.collected import collected_phones, is_collected
from mixedmode.inventory.fast_lane import FastLane, Known
from mixedmode.inventory.json_array import JsonArray
from mixedmode.inventory.sources import LONGEST, OVERLONG, SEPARATORS, opened, pieces, texts
from mixedmode.pki.device_names import device_name

if TYPE_CHECKING:
    from mixedmode.inventory.kinds import PhoneKind

_COMMON: Final = re.compile(r"SEP[0-9A-F]{12}").fullmatch
_EXAMPLES: Final = 5
_SHOWN: Final = 64
"""Letters of a column's name in a message."""
Row = tuple[str, "PhoneKind", tuple[str, ...]]
"""Name, what is known, and the carried columns ``registered`` and ``last_seen``."""
_BATCH: Final = 512


class Batch(NamedTuple):
    """Phones that were read at once.

    Attributes:
        names: Of the phones.
        known: What is known of each.
        shared: Whether phones of which the same is known have the very same object, in other batches too.
    """

    names: list[str]
    known: list[Known]
    shared: bool = False


class _CsvReader(Protocol):
    @property
    def line_num(self) -> int:
        """Lines that were read."""


@dataclass(slots=True)
class _Place:
    """Where a reader is: asked for when there is something to say, since it would take a tenth of the time otherwise.

    Attributes:
        above: Lines that were read before the reader.
        row: Rows that were read before it.
        reader: Reads now.
    """

    above: int
    row: int = 0
    reader: _CsvReader | None = None

    @property
    def line(self) -> int:
        """The line that was read last."""
        return self.above + (self.reader.line_num if self.reader is not None else 0)


class _Form:
    """Where the cells of a row stand."""

    __slots__ = ("carried_of", "kind_of", "name_of", "names", "separator", "width")

    def __init__(self, names: tuple[str, ...], separator: str, columns: tuple[str, ...]) -> None:
        self.names, self.separator, self.width = names, separator, len(names)
        self.name_of = itemgetter(names.index("name"))
        self.kind_of = _getter(names, columns)
        self.carried_of = _getter(names, CARRIED) if any(each in names for each in CARRIED) else _nothing


Line = int | _Place
"""A line (0: none), or what knows it."""
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
        fast: Whether many lines may be read at once where nothing is lost by it.
    """

    name: str
    cells: Cells
    skip_bad: bool = False
    bad: int = 0
    errors: list[MixedModeError] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    fast: bool = True
    _columns: tuple[str, ...] = KIND_COLUMNS
    _seen: set[str] = field(default_factory=set)
    _kinds: dict[tuple[str, ...], PhoneKind] = field(default_factory=dict)
    _interned: dict[PhoneKind, PhoneKind] = field(default_factory=dict)

    def rows(self, stream: BinaryIO) -> Iterator[Row]:
        """Yield the phones one by one; see :meth:`batches`."""
        for names, found, _ in self.batches(stream):
            for name, known in zip(names, found, strict=True):
                yield name, known.kind, known.carried

    def batches(self, stream: BinaryIO) -> Iterator[Batch]:
        """Yield the phones.

        Raises:
            MixedModeError: The file cannot be read, or a row is bad and bad rows are not skipped.
        """
        source = opened(stream, self.name)
        begin = source.peek(1 << 12)
        head = begin.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if is_collected(begin):
            yield from self._careful(self._objects(collected_phones(source, self.name, self.cells.library)))
        elif head == b"[":
            yield from self._careful(self._array(source))
        elif head == b"{":
            yield from self._careful(self._lines(source))
        else:
            yield from self._csv(source)

    def _careful(self, raw: Iterator[_Raw]) -> Iterator[Batch]:
        """Read rows one by one, so that an error names its row and column."""
        names: list[str] = []
        found: list[Known] = []
        seen, kinds = self._seen, self._kinds
        for row, line, text, cells, carried in raw:
            try:
                name = text if _COMMON(text) is not None else device_name(plain(_bounded(text)))
            except MixedModeError as error:
                self._refuse(row, line, "name", error)
                continue
            if name in seen:
                self._refuse(row, line, "name", UsageError(f"{name} is there twice", next_step="name each phone once"))
                continue
            kind = kinds.get(cells)
            if kind is None:
                made = self._kind(cells)
                if isinstance(made, MixedModeError):
                    self._refuse(row, line, made.where or "", made)
                    continue
                kind = made
            seen.add(name)
            names.append(name)
            found.append(Known(kind, carried))
            if len(names) == _BATCH:
                yield Batch(names, found)
                names, found = [], []
        if names:
            yield Batch(names, found)

    def _kind(self, cells: tuple[str, ...]) -> PhoneKind | MixedModeError:
        try:
            kind = self.cells.kind(dict(zip(self._columns, cells, strict=True)))
        except MixedModeError as error:
            return error
        found = self._kinds[cells] = self._interned.setdefault(kind, kind)
        return found

    def _refuse(self, row: int, place: Line, column: str, error: MixedModeError) -> None:
        line = place if isinstance(place, int) else place.line
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
        ignored = [each[:_SHOWN] for each in names if each not in COLUMNS]
        more = len(ignored) - _EXAMPLES
        self.ignored = (*ignored[:_EXAMPLES], *((f"and {more} more",) if more > 0 else ()))
        self.missing = tuple(each for each in ("model", "ctl", "itl") if each not in names)

    # CSV.

    def _csv(self, source: io.BufferedReader) -> Iterator[Batch]:
        parts = pieces(source, self.name)
        above = 0
        head, first = "", io.StringIO()
        for first in parts:
            for head in first:
                above += 1
                if head.strip():
                    break
            if head.strip():
                break
        names, separator = header(head, f"{self.name}:{max(above, 1)}")
        self._note_columns(names)
        self._columns = tuple(each for each in KIND_COLUMNS if each in names)
        form = _Form(names, separator, self._columns)
        place = _Place(above)
        lane = FastLane(separator, partial(self._one, form), self._seen)
        # The header's piece goes on behind the header.
        parts = itertools.chain((io.StringIO(first.read(), newline=""),), parts)
        if not self.fast or names[0] != "name":
            yield from self._careful(self._cells(form, place, itertools.chain.from_iterable(parts)))
            return
        for part in parts:
            text = part.getvalue()
            taken = lane.take(text) if lane.is_open else None
            if taken is not None:
                place.row += len(taken[0])
                place.above += len(taken[0])
                yield Batch(*taken, shared=True)
            elif text and ('"' in text or not lane.is_open):
                # A quoted cell may go on in the next piece.
                rest = itertools.chain(part, itertools.chain.from_iterable(parts))
                yield from self._careful(self._cells(form, place, rest))
                return
            elif text:
                yield from self._careful(self._cells(form, place, part))

    def _cells(self, form: _Form, place: _Place, lines: Iterator[str]) -> Iterator[_Raw]:
        """Yield the rows of lines."""
        reader = csv.reader(lines, delimiter=form.separator, strict=True)
        place.reader = reader
        width, name_of, kind_of, carried_of = form.width, form.name_of, form.kind_of, form.carried_of
        row = place.row
        while True:
            try:
                for cells in reader:
                    if len(cells) == width:
                        row += 1
                        yield row, place, name_of(cells), kind_of(cells), carried_of(cells)
                    elif cells:
                        row += 1
                        self._odd(row, place, cells, form)
            except csv.Error as error:
                row += 1
                self._refuse(row, place, "", MalformedError(f"this is no CSV: {error}"))
            else:
                break
        place.row, place.above, place.reader = row, place.line, None

    def _one(self, form: _Form, line: str) -> Known | None:
        """Return what one line says, None if it is not good."""
        try:
            (cells,) = csv.reader((line,), delimiter=form.separator, strict=True)
        except (csv.Error, ValueError):
            return None
        if len(cells) != form.width:
            return None
        kind_cells = form.kind_of(cells)
        kind = self._kinds.get(kind_cells) or self._kind(kind_cells)
        return None if isinstance(kind, MixedModeError) else Known(kind, form.carried_of(cells))

    def _odd(self, row: int, line: Line, cells: list[str], form: _Form) -> None:
        names, separator = form.names, form.separator
        if cells and cells[0].startswith(OVERLONG):
            count = int(cells[0].removeprefix(OVERLONG).split(":")[SEPARATORS.index(separator)])
            column = names[min(count, len(names) - 1)]
            self._refuse(row, line, column, MalformedError(f"the line is longer than {LONGEST} characters"))
        else:
            many = len(cells) > len(names)
            column = names[-1] if many else names[len(cells)]
            what = f"the row has {len(cells)} fields, the header {len(names)}"
            self._refuse(row, line, column, MalformedError(what, next_step="quote cells that hold the separator"))

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
        yield from self._objects(JsonArray(texts(source, self.name), self.name).elements())

    def _objects(self, elements: Iterator[Any]) -> Iterator[_Raw]:
        for row, found in enumerate(elements, 1):
            yield from self._object(row, 0, found)

    def _object(self, row: int, line: int, found: Any) -> Iterator[_Raw]:
        if not isinstance(found, dict):
            self._refuse(row, line, "", MalformedError("this is no object"))
            return
        cells = {}
        for column, value in found.items():
            name = column.strip().lower()
            if name not in COLUMNS:
                if name[:_SHOWN] not in self.ignored and len(self.ignored) < _EXAMPLES:
                    self.ignored = (*self.ignored, name[:_SHOWN])
            elif value is None or isinstance(value, (str, int)):
                cells[name] = "" if value is None else str(value)
            else:
                self._refuse(row, line, name, MalformedError("this is no text"))
                return
        carried = tuple(cells.get(each, "") for each in CARRIED)
        kind = tuple(cells.get(each, "") for each in KIND_COLUMNS)
        yield row, line, cells.get("name", ""), kind, carried if any(carried) else ()


def header(line: str, where: str) -> tuple[tuple[str, ...], str]:
    """Return the columns of a CSV header and what separates them (rule 1).

    Raises:
        UsageError: No column is ``name``, or one is there twice.
    """
    for separator in SEPARATORS:
        try:
            found = next(csv.reader([line], delimiter=separator, strict=True), [])
        except csv.Error:
            continue
        names = tuple(each.strip().lower().replace(" ", "_") for each in found)
        if "name" in names:
            twice = next((each for each in names if each in COLUMNS and names.count(each) > 1), None)
            if twice:
                raise UsageError(f"row 0, column {twice}: the header has it twice", where=where)
            return names, separator
    raise UsageError(
        "the header has no column name",
        where=where,
        why=f"it begins with {line[:60].strip()!r}",
        next_step=f"columns: {', '.join(COLUMNS)}",
    )


def _bounded(text: str) -> str:
    """Return a name that is not too long for a message; what is cut off is no name."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _nothing(_cells: list[str]) -> tuple[str, ...]:
    return ()


def _getter(names: tuple[str, ...], wanted: tuple[str, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """Return a function that picks the cells of columns; those that are not there are empty."""
    if len(wanted) > 1 and all(each in names for each in wanted):
        return itemgetter(*(names.index(each) for each in wanted))
    places = [names.index(each) if each in names else None for each in wanted]
    return lambda cells: tuple("" if place is None else cells[place] for place in places)
