"""The end of a trace of a node on this host: its last lines, numbered so that a page can go on where it was.

Rules:

1. At most :data:`MOST_BYTES` are read, however long the files are.
2. A line is shown as it came, with what no terminal should print made visible.
3. A line's number grows from file to file; it is safe in JavaScript.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.folders import NodeFolder
from mixedmode.printable import printable
from mixedmode.services.traces.catalogue import TraceKind
from mixedmode.services.traces.trace_file import trace_files

MOST_BYTES: Final = 256 << 10
MOST_LINES: Final = 2000
_FILE_STEP: Final = 1 << 24
_CLASSES: Final = (("|   error", "e"), ("| fatal", "e"), ("|   warn", "w"))


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a trace.

    Attributes:
        lines: Class, text and number of each; oldest first.
        at: The number of the last line there is, shown or not.
        size: Bytes of all its files.
        is_here: Whether the node's folder is on this host.
    """

    lines: tuple[tuple[str, str, int], ...] = ()
    at: int = 0
    size: int = 0
    is_here: bool = True


def tail(cluster: Cluster, node: str, kind: TraceKind, most: int = 200, find: str = "") -> Tail:
    """Return the last lines of a trace.

    Args:
        cluster: Has the node's folder.
        node: Its name.
        kind: Which trace.
        most: Lines at most.
        find: Only lines with this text in them, in any case.
    """
    folder = NodeFolder(cluster.directory / node)
    if not folder.is_here:
        return Tail(is_here=False)
    files = trace_files(folder.area("activelog") / kind.folder, kind.prefix)
    wanted = find.casefold()
    lines: list[tuple[str, str, int]] = []
    at = size = 0
    left = MOST_BYTES
    for number, path in reversed(files):
        read = _end(path, left)
        if read is None:
            continue
        start, length, data = read
        size += length
        left -= len(data)
        found = list(_lines(number, start, data))
        at = max(at, found[-1][2] if found else 0)
        lines[:0] = [line for line in found if wanted in line[1].casefold()]
    return Tail(tuple(lines[-min(most, MOST_LINES) :]), at, size)


def whole(cluster: Cluster, node: str, kind: TraceKind) -> bytes:
    """Return all files of a trace, one after the other."""
    folder = NodeFolder(cluster.directory / node)
    if not folder.is_here:
        return b""
    found = []
    for _, path in trace_files(folder.area("activelog") / kind.folder, kind.prefix):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return b"".join(found)


def _end(path: Path, most: int) -> tuple[int, int, bytes] | None:
    """Return where the end of a file begins, how long the file is, and that end."""
    try:
        with path.open("rb") as file:
            length = file.seek(0, 2)
            start = file.seek(max(0, length - most)) if most > 0 else length
            return start, length, file.read(max(0, most))
    except OSError:
        return None  # it was deleted meanwhile


def _lines(number: int, start: int, data: bytes) -> list[tuple[str, str, int]]:
    pieces = data.split(b"\n")
    place, found = start, []
    for at, piece in enumerate(pieces[:-1]):
        place += len(piece) + 1
        if at == 0 and start > 0:
            continue  # its beginning was not read
        text = printable(piece.decode("utf-8", "replace"))
        kind = next((css for sign, css in _CLASSES if sign in text[:40]), "")
        found.append((kind, text, number * _FILE_STEP + place))
    return found
