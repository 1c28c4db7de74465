"""What kind of file an inventory is, by its first bytes; and its text, a bounded piece at a time."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from mixedmode.errors import UsageError
from mixedmode.pki.unpacking import damaged, damages, unpacked

PIECE: Final = 1 << 19
"""Bytes that are read at once."""
_FEW_ZEROS: Final = 3
LONGEST: Final = 1 << 20
"""Characters of the longest line, or JSON object."""
OVERLONG: Final = "\x00overlong "
"""Begins what stands for a line that is longer; behind it, how many of each separator its beginning holds."""
SEPARATORS: Final = ",;\t"
"""Of CSV."""
_STRANGE: Final = {
    b"PK\x03\x04": "this is a ZIP archive, as spreadsheets (XLSX, ODS) are",
    b"\xd0\xcf\x11\xe0": "this is an old spreadsheet (XLS)",
    b"\xff\xfe\0\0": "this is UTF-32",
    b"\0\0\xfe\xff": "this is UTF-32",
    b"\xff\xfe": "this is UTF-16",
    b"\xfe\xff": "this is UTF-16",
    b"%PDF-": "this is a PDF",
    b"{\\rtf": "this is RTF",
    b"\x89PNG": "this is a picture (PNG)",
    b"\xff\xd8\xff": "this is a picture (JPEG)",
    b"GIF8": "this is a picture (GIF)",
    b"\x1f\x8b": "this is compressed twice",
    b"BZh": "this is compressed with bzip2, not gzip",
    b"\xfd7zXZ": "this is compressed with xz, not gzip",
    b"\x28\xb5\x2f\xfd": "this is compressed with Zstandard, not gzip",
    b"SQLite format 3": "this is a database (SQLite)",
    b"<": "this is HTML or XML",
}
"""What a file of another kind begins with."""


def opened(stream: BinaryIO, name: str) -> io.BufferedReader:
    """Return a stream of an inventory's text, decompressed.

    Args:
        stream: The file.
        name: For messages.

    Raises:
        UsageError: It is empty, or of a kind that is no text.
        MalformedError: It is damaged.
    """
    try:
        found = unpacked(stream)
        head = found.peek(16)
    except damages() as error:
        raise damaged(error, name) from error
    except OSError as error:
        raise unreadable(error, name) from error
    inside = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not inside:
        raise UsageError("the inventory is empty", where=name, next_step="its first row names the columns")
    for start, what in _STRANGE.items():
        if head.startswith(start) or inside.startswith(start):
            raise UsageError(what, where=name, code="not-text", next_step="save it as CSV in UTF-8")
    if head[:16].count(0) > _FEW_ZEROS:
        what = "this is UTF-16" if 0 in head[:2] and any(head[:2]) else "this is no text"
        raise UsageError(what, where=name, code="not-text", next_step="save it as CSV in UTF-8")
    return found


def unreadable(error: OSError, name: str) -> UsageError:
    """Return the error of a file that cannot be read, or not to its end."""
    return UsageError(f"cannot read it: {error.strerror or error}", where=name, code="unreadable")


def texts(stream: io.BufferedReader, name: str) -> Iterator[str]:
    """Yield a stream's text in pieces; bytes that are no UTF-8 become lone surrogates.

    Raises:
        MalformedError: The compressed file is damaged.
        UsageError: It cannot be read to its end.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    first = True
    while True:
        try:
            data = stream.read(PIECE)
        except damages() as error:
            raise damaged(error, name) from error
        except OSError as error:
            raise unreadable(error, name) from error
        text = decoder.decode(data, final=not data)
        if first:
            text, first = text.lstrip("\ufeff"), False
        if text:
            yield text
        if not data:
            return


def pieces(stream: io.BufferedReader, name: str) -> Iterator[io.StringIO]:
    """Yield whole lines in pieces that yield them; :data:`OVERLONG` in the place of a line that is too long."""
    rest = ""
    dropping = False
    for text in texts(stream, name):
        start = text.find("\n") + 1 if dropping else 0
        if dropping and not start:
            continue
        dropping = False
        joined = rest + text[start:]
        # A line may end in CR alone; a CR at the very end may be half of a CRLF.
        cut = max(joined.rfind("\n"), joined.rfind("\r", 0, len(joined) - 1)) + 1
        rest = joined[cut:]
        yield io.StringIO(joined[:cut], newline="")
        if len(rest) > LONGEST:
            # Where in the line it became too long, the reader can tell by the separators.
            counts = ":".join(str(rest.count(each)) for each in SEPARATORS)
            yield io.StringIO(f"{OVERLONG}{counts}\n", newline="")
            rest, dropping = "", True
    if rest:
        yield io.StringIO(rest, newline="")
