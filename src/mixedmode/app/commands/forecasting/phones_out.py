"""The outcome of each phone as CSV or NDJSON, written while the inventory is read; it appears when it is whole."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from mixedmode.inventory.cells import CARRIED
from mixedmode.pki.files import written_whole
from mixedmode.printable import spreadsheet_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mixedmode.forecast.tally import Cell
    from mixedmode.inventory.fast_lane import Known

COLUMNS = ("name", "outcome", "reason", "remedy")
_NDJSON = {".ndjson", ".jsonl", ".json"}


class Rows(Protocol):
    """Takes the phones."""

    def __call__(self, name: str, cell: Cell, carried: tuple[str, ...]) -> None:
        """Write one."""

    def many(
        self, names: Sequence[str], places: Sequence[int], cells: Mapping[int, Cell], known: Sequence[Known]
    ) -> None:
        """Write many.

        Args:
            names: Of the phones.
            places: The number of each one's cell.
            cells: By these numbers; a number stays a cell's.
            known: What the inventory says of each.
        """


@contextmanager
def written(path: Path | None) -> Iterator[Rows | None]:
    """Give what takes the phones; the file is there when the block ends well, and untouched if it does not.

    Args:
        path: ``.ndjson``, ``.jsonl`` and ``.json`` are NDJSON, anything else is CSV; None: nothing is written.

    Raises:
        OSError: The folder is not there or not writable.
    """
    if path is None:
        yield None
        return
    with written_whole(path) as file:
        yield _JsonRows(file) if path.suffix.lower() in _NDJSON else _CsvRows(file)


class _CsvRows:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.writer(file)
        self._columns: tuple[str, ...] = ()
        self._rests: dict[int, str] = {}
        self._by_place: dict[int, str] = {}

    def __call__(self, name: str, cell: Cell, carried: tuple[str, ...]) -> None:
        self._begin(carried)
        if self._columns is COLUMNS:
            self._file.write(name + self._rest(cell))
            return
        forecast = cell.forecast
        more = map(spreadsheet_cell, carried or ("",) * len(CARRIED))
        said = map(spreadsheet_cell, (forecast.reason, cell.remedy))
        self._writer.writerow((name, forecast.outcome.value, *said, *more))

    def many(
        self, names: Sequence[str], places: Sequence[int], cells: Mapping[int, Cell], known: Sequence[Known]
    ) -> None:
        self._begin(known[0].carried)
        if self._columns is COLUMNS:
            rests = self._by_place
            for place in set(places).difference(rests):
                rests[place] = self._rest(cells[place])
            self._file.write("".join([name + rests[place] for name, place in zip(names, places, strict=True)]))
            return
        for name, place, each in zip(names, places, known, strict=True):
            self(name, cells[place], each.carried)

    def _begin(self, carried: tuple[str, ...]) -> None:
        if not self._columns:
            self._columns = (*COLUMNS, *CARRIED) if carried else COLUMNS
            self._writer.writerow(self._columns)

    def _rest(self, cell: Cell) -> str:
        """Return what follows the name; phones of one kind have it in common."""
        rest = self._rests.get(id(cell))
        if rest is None:
            text = io.StringIO()
            csv.writer(text).writerow(("", cell.forecast.outcome.value, cell.forecast.reason, cell.remedy))
            rest = self._rests[id(cell)] = text.getvalue().removeprefix('""')
        return rest


class _JsonRows:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, name: str, cell: Cell, carried: tuple[str, ...]) -> None:
        values = (name, cell.forecast.outcome.value, cell.forecast.reason, cell.remedy)
        document = dict(zip(COLUMNS, values, strict=True))
        if carried:
            document |= dict(zip(CARRIED, carried, strict=True))
        self._file.write(f"{json.dumps(document, ensure_ascii=False)}\n")

    def many(
        self, names: Sequence[str], places: Sequence[int], cells: Mapping[int, Cell], known: Sequence[Known]
    ) -> None:
        for name, place, each in zip(names, places, known, strict=True):
            self(name, cells[place], each.carried)
