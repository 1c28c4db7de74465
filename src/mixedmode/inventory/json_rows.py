"""Rows of JSON: an array of objects, or an object a line.

Rules:

1. Whole numbers are taken as they are written, however long; truth values and fractions are no text.
2. Keys are compared as columns of a CSV header are; an object that has a column twice is bad, as a header would be.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from mixedmode.errors import MalformedError
from mixedmode.inventory.cells import CARRIED, COLUMNS, KIND_COLUMNS
from mixedmode.inventory.csv_rows import Raw, Refuse, column_name
from mixedmode.inventory.json_array import JsonArray
from mixedmode.inventory.sources import LONGEST, OVERLONG, pieces, texts

if TYPE_CHECKING:
    import io

_KNOWN: Final = frozenset(COLUMNS)
_SHOWN: Final = 64
Note = Callable[[str], None]
"""Told of a key that is no column."""


class _Doubled(dict[str, Any]):
    """An object that has a key twice: what the last one says."""

    __slots__ = ("key",)

    key: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = _Doubled(found)
    keys = [key for key, _ in pairs]
    doubled.key = next(key for key in keys if keys.count(key) > 1)
    return doubled


DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=str)
"""Reads objects by the rules of this module."""


def line_rows(source: io.BufferedReader, name: str, refuse: Refuse, note: Note) -> Iterator[Raw]:
    """Yield the rows of NDJSON.

    Args:
        source: The file.
        name: Of the file, for messages.
        refuse: Told of bad rows.
        note: Told of keys that are no columns.
    """
    row = 0
    for line, text in enumerate(itertools.chain.from_iterable(pieces(source, name)), 1):
        if not text.strip():
            continue
        row += 1
        if text.startswith(OVERLONG):
            refuse(row, line, "", MalformedError(f"the line is longer than {LONGEST} characters"))
            continue
        try:
            found = DECODER.decode(text)
        except RecursionError:
            refuse(row, line, "", MalformedError("this is no JSON that can be read: it is nested too deeply"))
        except ValueError as error:
            refuse(row, line, "", MalformedError(f"this is no JSON: {error}"))
        else:
            yield from _row(row, line, found, refuse, note)


def array_rows(source: io.BufferedReader, name: str, refuse: Refuse, note: Note) -> Iterator[Raw]:
    """Yield the rows of an array; arguments as for :func:`line_rows`."""
    return object_rows(JsonArray(texts(source, name), name, DECODER).elements(), refuse, note)


def object_rows(elements: Iterator[Any], refuse: Refuse, note: Note) -> Iterator[Raw]:
    """Yield the rows that objects are.

    Args:
        elements: The objects, and what else stands among them.
        refuse: Told of bad rows.
        note: Told of keys that are no columns.
    """
    for row, found in enumerate(elements, 1):
        yield from _row(row, 0, found, refuse, note)


def _row(row: int, line: int, found: Any, refuse: Refuse, note: Note) -> Iterator[Raw]:
    if not isinstance(found, dict):
        refuse(row, line, "", MalformedError("this is no object"))
        return
    cells: dict[str, str] = {}
    doubled = column_name(found.key) if isinstance(found, _Doubled) else ""
    for key, value in found.items():
        column = key if key in _KNOWN else column_name(key)
        if column not in _KNOWN:
            note(column[:_SHOWN])
        elif column in cells or column == doubled:
            refuse(row, line, column, MalformedError("the object has it twice"))
            return
        elif value is None:
            cells[column] = ""
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            cells[column] = str(value)
        else:
            refuse(row, line, column, MalformedError("this is no text"))
            return
    carried = tuple(cells.get(each, "") for each in CARRIED)
    kind = tuple(cells.get(each, "") for each in KIND_COLUMNS)
    yield row, line, cells.get("name", ""), kind, carried if any(carried) else ()
