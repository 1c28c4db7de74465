"""Where a forecast's phones come from: a file, a folder of lists, standard input, or the cluster itself."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mixedmode.app.commands.forecasting.asked import CLUSTER, STDIN, Asked, place
from mixedmode.inventory.cells import Cells
from mixedmode.inventory.reading import Inventory
from mixedmode.inventory.sources import unreadable

if TYPE_CHECKING:
    from mixedmode.inventory.library import Library
    from mixedmode.inventory.reading import Batch


@dataclass(frozen=True, slots=True)
class Phones:
    """Phones, to be read once.

    Attributes:
        found: What is noted while they are read.
        batches: The phones.
        finish: Says the hash of it all when they are read, empty unless that was asked for.
    """

    found: Inventory
    batches: Iterator[Batch]
    finish: Callable[[], str]


@contextmanager
def opened(asked: Asked, folder: Path, library: Library, *, hashed: bool) -> Iterator[Phones]:
    """Open what a forecast's phones come from.

    Args:
        asked: What was asked.
        folder: What its names are relative to.
        library: Where hashes are looked up.
        hashed: Whether to hash what is read.

    Raises:
        MixedModeError: It cannot be opened.
    """
    if asked.inventory == CLUSTER:
        with _cluster(asked, folder, library, hashed=hashed) as phones:
            yield phones
        return
    path = Path(STDIN) if asked.inventory == STDIN else place(folder, asked.inventory)
    found = Inventory("standard input" if str(path) == STDIN else str(path), Cells(library, _home(path)))
    found.skip_bad = asked.skip_bad_rows
    if path.is_dir():
        from mixedmode.inventory.folder import folder_batches

        told = hashlib.sha256()
        note = (lambda row: told.update(repr((row[2], *row[3:])).encode())) if hashed else None
        yield Phones(found, folder_batches(found, path, note), told.hexdigest if hashed else str)
        return
    with _stream(path) as stream, _hashing(stream, hashed=hashed) as (source, finish):
        yield Phones(found, found.batches(source), finish)


@contextmanager
def _cluster(asked: Asked, folder: Path, library: Library, *, hashed: bool) -> Iterator[Phones]:
    from mixedmode.app.targets.hands import looked_at
    from mixedmode.inventory.cluster import ClusterInventory

    directory = None if asked.directory is None else place(folder, asked.directory)
    config = None if asked.config is None else place(folder, asked.config)
    with looked_at(directory, config) as hands:
        phones = ClusterInventory(hands.cluster, library)
        yield Phones(Inventory(phones.name, Cells(library, Path())), phones.batches(), phones.sha256 if hashed else str)


@contextmanager
def _hashing(stream: BinaryIO, *, hashed: bool) -> Iterator[tuple[BinaryIO, Callable[[], str]]]:
    """Give a stream to read from, and what says the hash of it all."""
    if not hashed:
        yield stream, str
        return
    from mixedmode.app.commands.forecasting.fingerprints import Hashing

    hashing = Hashing(stream)
    yield io.BufferedReader(hashing, 1 << 16), hashing.finish


def _home(path: Path) -> Path:
    """Return what an inventory's paths of lists are relative to."""
    if str(path) == STDIN:
        return Path()
    return path if path.is_dir() else path.parent


def _stream(path: Path) -> BinaryIO:
    if str(path) == STDIN:
        return open(sys.stdin.fileno(), "rb", closefd=False) if sys.stdin.isatty() else sys.stdin.buffer
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(error, str(path)) from error
