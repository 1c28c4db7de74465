"""An inventory that is a folder of lists: what each phone holds, as files.

Layouts, which may stand side by side:

1. ``SEP001122334455/CTLFile.tlv`` and ``SEP001122334455/ITLFile.tlv``: a folder for each device;
2. ``CTLSEP001122334455.tlv`` and ``ITLSEP001122334455.tlv``: the names by which phones ask for lists of their own.

``phones.csv`` in the folder, if it is there, names devices with their models and what else an inventory's row holds;
a list that is a file takes the place of an empty cell. A list that is not there is not known, which is not ``none``:
an empty file says that the phone holds none.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.inventory.reading import header

PHONES: Final = "phones.csv"
"""Devices of the folder, with their models."""
_FLAT: Final = re.compile(r"(CTL|ITL)([A-Z0-9][A-Z0-9._-]*)\.tlv", re.IGNORECASE)
_OWN: Final = re.compile(r"(CTL|ITL)File\.tlv", re.IGNORECASE)


def folder_as_csv(folder: Path) -> bytes:
    """Return a folder's phones as a CSV inventory, whose lists are paths relative to the folder.

    Args:
        folder: The folder.

    Raises:
        UsageError: It cannot be read, or holds no phone's lists, or its ``phones.csv`` has no column ``name``.
        MalformedError: Its ``phones.csv`` is no CSV.
    """
    rows, columns = _named(folder / PHONES)
    try:
        for kind, device, path in _lists(folder):
            row = rows.setdefault(device.upper(), {"name": device})
            if not (row.get(kind) or "").strip():
                row[kind] = path.relative_to(folder).as_posix() if path.stat().st_size else "none"
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=str(error.filename or folder)) from error
    if not rows:
        raise UsageError(
            "no phone's lists are in this folder",
            where=str(folder),
            code="no-lists",
            next_step="name them SEP001122334455/CTLFile.tlv or CTLSEP001122334455.tlv, likewise ITL; "
            f"models stand in {PHONES} beside them",
        )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(("name", "model", "ctl", "itl", *columns))), restval="")
    writer.writeheader()
    writer.writerows(rows.values())
    return text.getvalue().encode("utf-8", "surrogateescape")


def _lists(folder: Path) -> list[tuple[str, str, Path]]:
    """Return the kind, the device and the path of each list, in the order of names."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            found += [
                (own[1].lower(), path.name, each)
                for each in sorted(path.iterdir())
                if (own := _OWN.fullmatch(each.name)) and each.is_file()
            ]
        elif (flat := _FLAT.fullmatch(path.name)) and flat[2].upper() != "FILE" and path.is_file():
            found.append((flat[1].lower(), flat[2], path))
    return found


def _named(path: Path) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Return the rows of ``phones.csv`` by name, and its columns."""
    try:
        text = path.read_text("utf-8-sig", "surrogateescape")
    except FileNotFoundError:
        return {}, ()
    except OSError as error:
        raise UsageError(f"cannot read it: {error.strerror}", where=str(path)) from error
    try:
        lines = io.StringIO(text)
        columns, separator = header(next((line for line in lines if line.strip()), ""), str(path))
        reader = csv.DictReader(lines, columns, delimiter=separator, restval="", strict=True)
        rows: dict[str, dict[str, str]] = {}
        for number, row in enumerate(reader, 2):
            if None in row:
                raise MalformedError(f"row {number} has more cells than there are columns", where=str(path))
            name = row["name"].strip()
            if name.upper() in rows:
                raise MalformedError(f"row {number}: {name} stands in it already", where=str(path))
            rows[name.upper()] = dict(row)
    except csv.Error as error:
        raise MalformedError("it is no CSV", where=str(path), why=str(error)) from error
    return rows, columns
