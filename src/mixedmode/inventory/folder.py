"""An inventory that is a folder of lists: what each phone holds, as files.

Layouts, which may stand side by side:

1. ``SEP001122334455/CTLFile.tlv`` and ``SEP001122334455/ITLFile.tlv``: a folder for each device;
2. ``CTLSEP001122334455.tlv`` and ``ITLSEP001122334455.tlv``: the names by which phones ask for lists of their own.

``phones.csv`` in the folder, if it is there, names devices with their models and what else an inventory's row holds;
a list that is a file takes the place of an empty cell. A list that is not there is not known, which is not ``none``:
an empty file says that the phone holds none. Two files that say otherwise of one list are a bad row.
"""

from __future__ import annotations

import filecmp
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mixedmode.causes import file_error
from mixedmode.errors import UsageError
from mixedmode.inventory.cells import KIND_COLUMNS
from mixedmode.pki.device_names import same_device

if TYPE_CHECKING:
    from mixedmode.inventory.csv_rows import Raw
    from mixedmode.inventory.reading import Batch, Inventory

PHONES: Final = "phones.csv"
"""Devices of the folder, with their models."""
_FLAT: Final = re.compile(r"(CTL|ITL)([A-Z0-9][A-Z0-9._-]*)\.tlv", re.IGNORECASE)
_OWN: Final = re.compile(r"(CTL|ITL)File\.tlv", re.IGNORECASE)
_PLACES: Final = {kind: KIND_COLUMNS.index(kind) for kind in ("ctl", "itl")}
_NONE: Final = "none"
_NOTHING: Final = ("",) * len(KIND_COLUMNS)
Files = dict[str, dict[str, list[str]]]
"""Paths relative to the folder by device and kind; ``none`` for an empty file."""


def folder_batches(inventory: Inventory, folder: Path, told: Callable[[Raw], None] | None = None) -> Iterator[Batch]:
    """Yield the phones of a folder.

    Args:
        inventory: Reads rows; its paths are relative to the folder.
        folder: The folder.
        told: Told of each row.

    Raises:
        MixedModeError: It cannot be read, or holds no phone's lists, or a row is bad and bad rows are not skipped.
    """
    rows = _rows(inventory, folder)
    yield from inventory.careful(rows if told is None else _telling(rows, told))


def _telling(rows: Iterator[Raw], told: Callable[[Raw], None]) -> Iterator[Raw]:
    for row in rows:
        told(row)
        yield row


def _rows(inventory: Inventory, folder: Path) -> Iterator[Raw]:
    """Yield the rows of ``phones.csv`` with their lists, then the devices of which there are lists alone."""
    try:
        files = _files(folder)
        named = folder / PHONES
        there = named.is_file()
    except OSError as error:
        raise file_error(error) from error
    if not files and not there:
        raise UsageError(
            "no phone's lists are in this folder",
            where=str(folder),
            code="no-lists",
            next_step="name them SEP001122334455/CTLFile.tlv or CTLSEP001122334455.tlv, likewise ITL; "
            f"models stand in {PHONES} beside them",
        )
    count = 0
    label = inventory.name
    if there:
        inventory.name = str(named)
        try:
            with named.open("rb") as stream:
                for count, line, name, cells, carried in inventory.named_rows(stream):
                    yield from _filled(inventory, (count, line, name, cells, carried), files.pop(same_device(name), {}))
        except OSError as error:
            raise file_error(error) from error
        inventory.name = label
    inventory.missing = tuple(each for each in inventory.missing if each not in _PLACES)
    if not there:
        inventory.missing = ("model",)
    for name, lists in files.items():
        count += 1
        yield from _filled(inventory, (count, 0, name, _NOTHING, ()), lists)


def _filled(inventory: Inventory, row: Raw, lists: dict[str, list[str]]) -> Iterator[Raw]:
    """Yield a row whose empty cells are filled with what is a file."""
    number, line, name, cells, carried = row
    filled = list(cells)
    for kind, paths in lists.items():
        if filled[_PLACES[kind]].strip():
            continue
        if len(paths) > 1:
            wrong = UsageError(
                f"{name}: {' and '.join(paths[:2])} are not the same", next_step="leave the list that the phone holds"
            )
            inventory.refuse(number, line, kind, wrong)
            return
        filled[_PLACES[kind]] = paths[0]
    yield number, line, name, tuple(filled), carried


def _files(folder: Path) -> Files:
    """Return the lists of each device, in the order of names; of one list several paths only where they differ."""
    found: Files = {}
    for kind, device, path in _lists(folder):
        name = path.relative_to(folder).as_posix() if path.stat().st_size else _NONE
        paths = found.setdefault(same_device(device), {}).setdefault(kind, [])
        if not any(_same(folder, each, name) for each in paths):
            paths.append(name)
    return found


def _same(folder: Path, one: str, two: str) -> bool:
    if _NONE in (one, two):
        return one == two
    return filecmp.cmp(folder / one, folder / two, shallow=False)


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
