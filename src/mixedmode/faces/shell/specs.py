"""File specifications: which files below a folder a text such as ``cm/trace/*.log`` names.

Rules:

1. Nothing outside of the folder is ever found: ``..``, absolute paths and links that lead out are refused.
2. Temporary files (their names begin with a dot) are not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from mixedmode.errors import RemoteError, UsageError
from mixedmode.printable import printable

FOUND_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder.

    Attributes:
        name: Below the area, with its folders.
        modified: Seconds since 1970.
    """

    path: Path
    name: str
    size: int
    modified: float
    is_directory: bool


def find(folder: Path, area: str, spec: str, *, listing: bool = False, recursive: bool = False) -> list[Found]:
    """Return what a specification names, by name.

    Args:
        folder: Of the area.
        area: Its name, for errors.
        spec: Folders and a name with ``*`` and ``?``; an empty name means all of a folder.
        listing: Show what is in a folder that is named without a pattern.
        recursive: Go into folders too.

    Raises:
        UsageError: The specification leads out of the area.
        RemoteError: The folder cannot be read.
    """
    parts = PurePosixPath(spec.lstrip("/")).parts or ("*",)
    if ".." in parts or "\0" in spec:
        raise UsageError(f"{spec!r} leads out of {area}", next_step="name files below it")
    place, pattern = folder.joinpath(*parts[:-1]), parts[-1]
    if listing and place.joinpath(pattern).is_dir():
        place, pattern = place / pattern, "*"
    root = folder.resolve()
    found = []
    try:
        for path in _walk(place, recursive=recursive):
            if path.name.startswith(".") or not fnmatchcase(path.name, pattern):
                continue
            if not path.resolve().is_relative_to(root):
                continue
            status = path.stat()
            name = path.relative_to(folder).as_posix()
            found.append(Found(path, name, status.st_size, status.st_mtime, path.is_dir()))
            if len(found) > FOUND_LIMIT:
                raise UsageError(f"more than {FOUND_LIMIT} files match", next_step="name fewer")
    except OSError as error:
        raise RemoteError(f"{area} cannot be read: {error.strerror}", where=str(error.filename)) from error
    return sorted(found, key=lambda each: each.name)


def _walk(place: Path, *, recursive: bool) -> Iterator[Path]:
    if place.is_dir():
        yield from place.rglob("*") if recursive else place.iterdir()


def human_name(found: Found) -> str:
    """Return a name as ``file list`` shows it; a name may hold control characters, which no terminal shall obey."""
    name = printable(found.name)
    return f"<dir>   {name}" if found.is_directory else name
