"""The outcome of each phone as CSV or NDJSON, written while the inventory is read; it appears when it is whole."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from mixedmode.inventory.cells import CARRIED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mixedmode.forecast.tally import Cell

COLUMNS = ("name", "outcome", "reason", "remedy")
_NDJSON = {".ndjson", ".jsonl", ".json"}


class Rows(Protocol):
    """Takes the phones."""

    def __call__(self, name: str, cell: Cell, carried: tuple[str, ...]) -> None:
        """Write one."""


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
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="", buffering=1 << 20) as file:
            os.fchmod(handle, 0o644)
            yield _json_rows(file) if path.suffix.lower() in _NDJSON else _csv_rows(file)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _csv_rows(file: TextIO) -> Rows:
    writer = csv.writer(file)
    columns: tuple[str, ...] = ()
    rest_of: dict[int, str] = {}
    write = file.write

    def row(name: str, cell: Cell, carried: tuple[str, ...]) -> None:
        nonlocal columns
        if not columns:
            columns = (*COLUMNS, *CARRIED) if carried else COLUMNS
            writer.writerow(columns)
        if columns is not COLUMNS:
            forecast = cell.forecast
            more = carried or ("",) * len(CARRIED)
            writer.writerow((name, forecast.outcome.value, forecast.reason, cell.remedy, *more))
            return
        # What phones of one kind have in common is put into CSV's form once.
        rest = rest_of.get(id(cell))
        if rest is None:
            text = io.StringIO()
            csv.writer(text).writerow(("", cell.forecast.outcome.value, cell.forecast.reason, cell.remedy))
            rest = rest_of[id(cell)] = text.getvalue().removeprefix('""')
        write(name + rest)

    return row


def _json_rows(file: TextIO) -> Rows:
    def row(name: str, cell: Cell, carried: tuple[str, ...]) -> None:
        values = (name, cell.forecast.outcome.value, cell.forecast.reason, cell.remedy)
        document = dict(zip(COLUMNS, values, strict=True))
        if carried:
            document |= dict(zip(CARRIED, carried, strict=True))
        file.write(f"{json.dumps(document, ensure_ascii=False)}\n")

    return row
