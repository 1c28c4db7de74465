"""What the cluster knows of its phones: the input of a forecast."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mixedmode.faces.api.endpoint import JSON, Call, Endpoint, Reply, Stream
from mixedmode.faces.api.shared import CSV
from mixedmode.inventory.cluster import COLUMNS, ClusterInventory, Entry
from mixedmode.inventory.library import Library
from mixedmode.printable import spreadsheet_cell

_NDJSON: Final = "application/x-ndjson"
_ROWS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "object", "properties": {name: {"type": "string"} for name in COLUMNS}},
}
_AT_ONCE: Final = 200


def _inventory(call: Call) -> Reply:
    entries = ClusterInventory(call.cluster, Library()).entries()
    written = {CSV: _csv, JSON: _json, _NDJSON: _ndjson}[call.accept]
    return Reply(Stream(_together(written(entries))), media_type=call.accept)


def _csv(entries: Iterable[Entry]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: spreadsheet_cell(cell) for name, cell in entry.cells().items()})
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _json(entries: Iterable[Entry]) -> Iterator[str]:
    begun = False
    for entry in entries:
        yield f"{',' if begun else '['}\n{json.dumps(entry.document())}"
        begun = True
    yield "\n]\n" if begun else "[]\n"


def _ndjson(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        yield f"{json.dumps(entry.document())}\n"


def _together(texts: Iterator[str]) -> Iterator[bytes]:
    """Yield many rows at once: each piece costs a change of threads."""
    some: list[str] = []
    for text in texts:
        some.append(text)
        if len(some) == _AT_ONCE:
            yield "".join(some).encode()
            some = []
    yield "".join(some).encode()


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/inventory",
        "exportInventory",
        "Have what the cluster knows of its phones, as forecasts read it.",
        _inventory,
        "forecasts",
        _ROWS,
        media_types=(JSON, CSV, _NDJSON),
        cost=20,
    ),
)
