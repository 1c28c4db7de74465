"""Rows of CSV: where their cells stand, and what is wrong with a row that is none.

Rules:

1. The header shows the separator: comma, semicolon or tab; a line ``sep=;`` above it, as Excel writes it, says so too.
2. Rows of which every cell is blank are blank lines. Cells of columns without a name may be missing at a row's end.
3. No cell of a column that is known goes on in the next line. Where one does, a quote was forgotten: the row's first
   line is bad, and each line after it is read by itself, so that a forgotten quote hides no phone.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, Protocol

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.inventory.cells import CARRIED, COLUMNS
from mixedmode.inventory.sources import LONGEST, OVERLONG, SEPARATORS

_HINT: Final = re.compile(rf'"?sep=([{SEPARATORS}])"?', re.IGNORECASE)
_NAMES: Final = frozenset({"devicename", "phonename", "macaddress", "device", "mac", "phone"})
_MOST_LINES: Final = 1000
"""Lines of one row."""
_SHOWN: Final = 64
"""Letters of a column's name in a message."""


class _CsvReader(Protocol):
    @property
    def line_num(self) -> int:
        """Lines that were read."""


@dataclass(slots=True)
class Place:
    """Where a reader is: asked for when there is something to say, since it would take a tenth of the time otherwise.

    Attributes:
        above: Lines that were read before the reader.
        row: Rows that were read before it.
        reader: Reads now.
        held: The lines of the row that was read last.
    """

    above: int
    row: int = 0
    reader: _CsvReader | None = None
    held: list[str] = field(default_factory=list)

    @property
    def line(self) -> int:
        """The first line of the row that was read last."""
        return self.last - max(len(self.held) - 1, 0)

    @property
    def last(self) -> int:
        """The line that was read last."""
        return self.above + (self.reader.line_num if self.reader is not None else 0)


class Form:
    """Where the cells of a row stand."""

    __slots__ = ("carried_of", "kind_of", "name_of", "names", "separator", "width")

    def __init__(self, names: tuple[str, ...], separator: str, columns: tuple[str, ...]) -> None:
        self.names, self.separator, self.width = names, separator, len(names)
        self.name_of = itemgetter(names.index("name"))
        self.kind_of = _getter(names, columns)
        self.carried_of = _getter(names, CARRIED) if any(each in names for each in CARRIED) else _nothing


Line = int | Place
"""A line (0: none), or what knows it."""
Raw = tuple[int, Line, str, tuple[str, ...], tuple[str, ...]]
"""Row, line, name, the cells of its kind, the carried ones."""
Refuse = Callable[[int, Line, str, MixedModeError], None]
"""Told of a bad row: its number, its line, the column, and what is wrong; raises it, or counts it."""


def cells_of(form: Form, place: Place, lines: Iterator[str], refuse: Refuse) -> Iterator[Raw]:
    """Yield the rows of lines.

    Args:
        form: Where cells stand.
        place: Where the lines begin; kept.
        lines: The lines behind the header.
        refuse: Told of bad rows.
    """
    rows = _Rows(form, place, lines, refuse)
    while (yield from rows.run()):
        yield from rows.apart()


class _Rows:
    """Reads lines until a row is torn (rule 3), and then its lines one by one."""

    def __init__(self, form: Form, place: Place, lines: Iterator[str], refuse: Refuse) -> None:
        self.form, self.place, self.lines, self.refuse = form, place, lines, refuse

    def run(self) -> Generator[Raw, None, bool]:
        """Yield rows; returns whether there is more behind a torn row."""
        form, place, held = self.form, self.place, self.place.held
        held.clear()
        reader = csv.reader(_kept(self.lines, held), delimiter=form.separator, strict=True)
        place.reader = reader
        width, name_of, kind_of, carried_of = form.width, form.name_of, form.kind_of, form.carried_of
        row = place.row
        try:
            for found in reader:
                cells = found if len(found) == width or not found else _evened(found, form)
                if not cells:
                    held.clear()
                    continue
                if len(held) > 1 and (len(cells) != width or _torn(form, cells) is not None):
                    place.row = row
                    self._refuse_torn(cells)
                    return True
                if len(cells) == width:
                    name = name_of(cells)
                    if name or any(each.strip() for each in cells):
                        row += 1
                        yield row, place, name, kind_of(cells), carried_of(cells)
                elif any(each.strip() for each in cells):
                    row += 1
                    self._odd(row, cells)
                held.clear()
        except csv.Error as error:
            place.row = row
            self._refuse_broken(error)
            return True
        place.row, place.above, place.reader = row, place.last, None
        return False

    def apart(self) -> Iterator[Raw]:
        """Yield what the lines of a torn row but the first are, each by itself (rule 3)."""
        form, place = self.form, self.place
        torn, first = list(place.held[1:]), place.line
        place.reader, place.above = None, first
        for line in torn:
            place.held[:] = [line]
            place.above += 1
            try:
                cells = next(csv.reader((line,), delimiter=form.separator, strict=True), [])
            except csv.Error as error:
                self._refuse_broken(error)
                continue
            cells = _evened(cells, form)
            if not any(each.strip() for each in cells):
                continue
            place.row += 1
            if len(cells) == form.width:
                yield place.row, place, form.name_of(cells), form.kind_of(cells), form.carried_of(cells)
            else:
                self._odd(place.row, cells)

    def _refuse_torn(self, cells: list[str]) -> None:
        place = self.place
        column = _torn(self.form, cells)
        if column is None:
            at = next((at for at, each in enumerate(cells) if "\n" in each or "\r" in each), len(cells))
            column = _named(self.form, at)
        place.row += 1
        what = "the cell goes on in the next line: a quote was not closed"
        self.refuse(place.row, place, column, MalformedError(what, next_step="close the quote, or remove it"))

    def _refuse_broken(self, error: csv.Error) -> None:
        """Tell of a row that is no CSV, by the column where it breaks."""
        place = self.place
        place.row += 1
        at, what = _breaks("".join(place.held), self.form.separator, str(error))
        self.refuse(place.row, place, _named(self.form, at), MalformedError(f"this is no CSV: {what}"))

    def _odd(self, row: int, cells: list[str]) -> None:
        """Tell of a row with too many or too few cells, or of a line that is too long."""
        form = self.form
        if cells[0].startswith(OVERLONG):
            at = int(cells[0].removeprefix(OVERLONG).split(":")[SEPARATORS.index(form.separator)])
            error = MalformedError(f"the line is longer than {LONGEST} characters")
        else:
            at = len(cells)
            what = f"the row has {at} fields, the header {form.width}"
            error = MalformedError(what, next_step="quote cells that hold the separator")
        self.refuse(row, self.place, _named(form, at), error)


def header(line: str, where: str, separators: str = SEPARATORS) -> tuple[tuple[str, ...], str]:
    """Return the columns of a CSV header and what separates them (rule 1).

    Raises:
        UsageError: No column is ``name``, or one is there twice.
        MalformedError: It is too long, no UTF-8, or a column that is known has invisible characters in its name.
    """
    if line.startswith(OVERLONG):
        raise MalformedError(f"row 0, the header: the line is longer than {LONGEST} characters", where=where)
    for separator in separators:
        try:
            found = next(csv.reader([line], delimiter=separator, strict=True), [])
        except csv.Error:
            continue
        names = tuple(map(column_name, found))
        if "name" in names:
            twice = next((each for each in names if each in COLUMNS and names.count(each) > 1), None)
            if twice:
                raise UsageError(f"row 0, column {twice}: the header has it twice", where=where)
            _check_visible(names, where)
            return names, separator
    if any("\udc80" <= letter <= "\udcff" for letter in line):
        raise MalformedError(
            "row 0, the header: this is not UTF-8", where=where, code="encoding", next_step="save it as CSV in UTF-8"
        )
    raise UsageError(
        "the header has no column name",
        where=where,
        why=f"it begins with {line[:60].strip()!r}",
        next_step=_renamed(line) or f"columns: {', '.join(COLUMNS)}",
    )


def _check_visible(names: tuple[str, ...], where: str) -> None:
    """Refuse a column that only looks like one that is known, since its cells would be left alone."""
    for each in names:
        seen = "".join(filter(str.isprintable, each)) if not each.isprintable() else ""
        if seen in COLUMNS:
            what = f"row 0, column {seen}: the header holds a character that is not printable"
            raise MalformedError(what, where=where, code="encoding", next_step="write the column's name anew")


def _renamed(line: str) -> str:
    """Return what to do about a header that CUCM wrote, whose column of names is called otherwise; empty if not so."""
    cells = [each.strip(' "\r\n') for each in re.split(f"[{SEPARATORS}]", line)]
    found = next((each for each in cells if column_name(each).replace("_", "") in _NAMES), "")
    return f"call the column {found[:_SHOWN]!r} name; columns: {', '.join(COLUMNS)}" if found else ""


def hint(line: str) -> str:
    """Return the separator that a line such as ``sep=;`` names, empty if it is none (rule 1)."""
    found = _HINT.fullmatch(line.strip("\r\n "))
    return found[1] if found else ""


def column_name(text: str) -> str:
    """Return a column's name as it is compared: capitals and blanks make no difference."""
    return text.strip().lower().replace(" ", "_")


def _kept(lines: Iterator[str], held: list[str]) -> Iterator[str]:
    """Yield lines and keep them, a row's at most (rule 3)."""
    size = 0
    for line in lines:
        size = size + len(line) if held else len(line)
        held.append(line)
        yield line
        if held and (len(held) >= _MOST_LINES or size > LONGEST):
            raise csv.Error(f"the row goes over more than {len(held)} lines")


def _evened(cells: list[str], form: Form) -> list[str]:
    """Return a row with the cells that may be missing (rule 2)."""
    missing = form.names[len(cells) :]
    return cells if any(missing) else [*cells, *missing]


def _named(form: Form, at: int) -> str:
    """Return the name of a column, of one that has none that of the last one before it."""
    return next((each[:_SHOWN] for each in reversed(form.names[: at + 1]) if each), "name")


def _torn(form: Form, cells: list[str]) -> str | None:
    """Return the column that is known whose cell goes on in the next line, None if there is none."""
    named = zip(form.names, cells, strict=False)
    return next((name for name, cell in named if name in COLUMNS and ("\n" in cell or "\r" in cell)), None)


def _breaks(text: str, separator: str, why: str) -> tuple[int, str]:
    """Return in which cell a row of CSV breaks, from 0, and how.

    The same steps as those of the csv module, which does not tell where it was.
    """
    limit = csv.field_size_limit()
    column, place = 0, 0
    quoted = re.compile(r'"(?:[^"]+|"")*("?)')
    bare = re.compile(rf"[^{separator}\r\n]*")
    while True:
        found = quoted.match(text, place) or bare.match(text, place)
        if found is None or len(found[0]) > limit:
            return column, why if found is None else f"the cell is longer than {limit} characters"
        end = found.end()
        if found.re is quoted and not found[1]:
            return column, "a quote is not closed"
        if end == len(text) or text[end] in "\r\n":
            return column, why
        if text[end] != separator:
            return column, f"something follows the closing quote: {separator!r} is expected"
        column, place = column + 1, end + 1


def _nothing(_cells: list[str]) -> tuple[str, ...]:
    return ()


def _getter(names: tuple[str, ...], wanted: tuple[str, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """Return a function that picks the cells of columns; those that are not there are empty."""
    if len(wanted) > 1 and all(each in names for each in wanted):
        return itemgetter(*(names.index(each) for each in wanted))
    places = [names.index(each) if each in names else None for each in wanted]
    return lambda cells: tuple("" if place is None else cells[place] for place in places)
