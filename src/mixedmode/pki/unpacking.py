"""Files that may be compressed with gzip, read a piece at a time so that what they unpack to fills no memory."""

from __future__ import annotations

import io
import zlib
from typing import BinaryIO, Final

from mixedmode.errors import MalformedError

_GZIP: Final = b"\x1f\x8b"


def unpacked(stream: BinaryIO) -> io.BufferedReader:
    """Return a stream's content, decompressed if it is compressed.

    Args:
        stream: The file; what reads it has :func:`damages` to reckon with.

    Raises:
        OSError: It cannot be read.
    """
    found = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(_raw(stream))
    if found.peek(2)[:2] != _GZIP:
        return found
    from gzip import GzipFile

    return io.BufferedReader(_raw(GzipFile(fileobj=found)))


def damages() -> tuple[type[Exception], ...]:
    """Return the errors of a damaged file; nobody asks before there is one, and few files are compressed."""
    from gzip import BadGzipFile

    return BadGzipFile, EOFError, zlib.error


def damaged(error: Exception, name: str | None = None) -> MalformedError:
    """Make the error for a compressed file that cannot be read."""
    return MalformedError("the compressed file is damaged", where=name, why=str(error) or None, code="gzip")


def _raw(stream: object) -> io.RawIOBase:
    return stream  # type: ignore[return-value]
