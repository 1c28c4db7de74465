"""Rows of an inventory, one at a time: memory does not grow with the file but by the names, which must be unique.

Rules (forecast.md 1):

1. ``[`` begins a JSON array, ``{`` NDJSON or a collected inventory (:mod:`.json_rows`), anything else is CSV
   (:mod:`.csv_rows`). Capitals in the names of columns make no difference; columns that are not known are left alone.
2. A bad row is an error that names the row (the first phone's is 1), the line and the column; whoever skips bad rows
   gets their number instead. What makes the whole file unreadable is an error in any case.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.inventory.cells import CARRIED, COLUMNS, KIND_COLUMNS, Cells, plain
from mixedmode.inventory.csv_rows import Form, Line, Place, Raw, cells_of, header, hint
from mixedmode.inventory.fast_lane import FastLane, Known
from mixedmode.inventory.json_rows import array_rows, line_rows, object_rows
from mixedmode.inventory.sources import SEPARATORS, opened, pieces
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
        absent: Folders in which hashes were to be looked up, and which are not there: what they explain is not known.
        strangers: Phones of which the change says that they are off, and which are not there.
        remarks: What has to be said of the cluster.
        fast: Whether many lines may be read at once where nothing is lost by it.
    """

    name: str
    cells: Cells
    skip_bad: bool = False
    bad: int = 0
    errors: list[MixedModeError] = field(default_factory=list)
    ignored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
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
        if head == b"[":
            yield from self.careful(array_rows(source, self.name, self.refuse, self._note))
        elif head == b"{":
            yield from self.careful(self._objects(source, begin))
        else:
            yield from self._csv(source)

    def _objects(self, source: io.BufferedReader, begin: bytes) -> Iterator[Raw]:
        from mixedmode.inventory.collected import collected_phones, is_collected

        if is_collected(begin):
            phones = collected_phones(source, self.name, self.cells.library, self._remark)
            return object_rows(phones, self.refuse, self._note)
        return line_rows(source, self.name, self.refuse, self._note)

    def careful(self, raw: Iterator[Raw]) -> Iterator[Batch]:
        """Read rows one by one, so that an error names its row and column; see :meth:`batches`."""
        names: list[str] = []
        found: list[Known] = []
        seen, kinds = self._seen, self._kinds
        for row, line, text, cells, carried in raw:
            try:
                name = text if _COMMON(text) is not None else device_name(plain(_bounded(text)))
            except MixedModeError as error:
                self.refuse(row, line, "name", error)
                continue
            if name in seen:
                self.refuse(row, line, "name", UsageError(f"{name} is there twice", next_step="name each phone once"))
                continue
            if carried and (wrong := _unprintable(carried)) is not None:
                self.refuse(row, line, *wrong)
                continue
            kind = kinds.get(cells)
            if kind is None:
                made = self._kind(cells)
                if isinstance(made, MixedModeError):
                    self.refuse(row, line, made.where or "", made)
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

    def refuse(self, row: int, place: Line, column: str, error: MixedModeError) -> None:
        """Raise what is wrong with a row, or count it where bad rows are skipped.

        Args:
            row: The first phone's is 1.
            place: The line; 0 if there is none.
            column: Its name; empty if it is the row.
            error: What is wrong.

        Raises:
            MalformedError: Bad rows are not skipped.
        """
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

    def _remark(self, text: str) -> None:
        self.remarks = (*self.remarks, text)

    def _note(self, column: str) -> None:
        if column not in self.ignored and len(self.ignored) < _EXAMPLES:
            self.ignored = (*self.ignored, column)

    def _note_columns(self, names: tuple[str, ...]) -> None:
        ignored = [each[:_SHOWN] for each in names if each not in COLUMNS]
        more = len(ignored) - _EXAMPLES
        self.ignored = (*ignored[:_EXAMPLES], *((f"and {more} more",) if more > 0 else ()))
        self.missing = tuple(each for each in ("model", "ctl", "itl") if each not in names)

    def named_rows(self, stream: BinaryIO) -> Iterator[Raw]:
        """Yield the rows of a CSV file with a cell for each column of a kind, to be read by :meth:`careful`.

        Raises:
            MixedModeError: The file cannot be read, or a row is bad and bad rows are not skipped.
        """
        form, place, parts = self._begin(opened(stream, self.name), KIND_COLUMNS)
        yield from cells_of(form, place, itertools.chain.from_iterable(parts), self.refuse)

    def _begin(
        self, source: io.BufferedReader, columns: tuple[str, ...] | None = None
    ) -> tuple[Form, Place, Iterator[io.StringIO]]:
        """Read the header, and return where cells stand, where that is, and what is behind it."""
        parts = pieces(source, self.name)
        above, head, said, first = 0, "", "", io.StringIO()
        for first in parts:
            for line in first:
                above += 1
                if not said and (said := hint(line)):
                    continue
                if line.strip():
                    head = line
                    break
            if head:
                break
        names, separator = header(head, f"{self.name}:{max(above, 1)}", said or SEPARATORS)
        self._note_columns(names)
        self._columns = columns or tuple(each for each in KIND_COLUMNS if each in names)
        # The header's piece goes on behind the header.
        rest = itertools.chain((io.StringIO(first.read(), newline=""),), parts)
        return Form(names, separator, self._columns), Place(above), rest

    def _csv(self, source: io.BufferedReader) -> Iterator[Batch]:
        form, place, parts = self._begin(source)
        lane = FastLane(form.separator, partial(self._one, form), self._seen)
        if not self.fast or form.names[0] != "name":
            yield from self.careful(cells_of(form, place, itertools.chain.from_iterable(parts), self.refuse))
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
                yield from self.careful(cells_of(form, place, rest, self.refuse))
                return
            elif text:
                yield from self.careful(cells_of(form, place, part, self.refuse))

    def _one(self, form: Form, line: str) -> Known | None:
        """Return what one line says, None if it is not good."""
        try:
            (cells,) = csv.reader((line,), delimiter=form.separator, strict=True)
        except (csv.Error, ValueError):
            return None
        if len(cells) != form.width:
            return None
        kind_cells, carried = form.kind_of(cells), form.carried_of(cells)
        if carried and _unprintable(carried) is not None:
            return None
        kind = self._kinds.get(kind_cells) or self._kind(kind_cells)
        return None if isinstance(kind, MixedModeError) else Known(kind, carried)


def _bounded(text: str) -> str:
    """Return a name that is not too long for a message; what is cut off is no name."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _unprintable(carried: tuple[str, ...]) -> tuple[str, MixedModeError] | None:
    """Return the carried column that no report can show, and why; None if there is none."""
    if "".join(carried).isprintable():
        return None
    for column, text in zip(CARRIED, carried, strict=True):
        try:
            plain(text)
        except MixedModeError as error:
            return column, error
    return None
