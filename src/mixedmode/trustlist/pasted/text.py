"""Bytes to numbered lines, whatever a terminal, an editor or a mail did to them.

Rules:

1. UTF-8, UTF-16 and UTF-32 by their marks, UTF-16 without one by its zeros; bytes that are none of it become escapes.
2. A line ends in LF, CR LF or CR. Colours and other terminal sequences, quotation marks of mails (``> ``), no-break
   blanks and marks without width go; nothing else does.
3. A line has at most :data:`LONGEST` characters; what is behind them is left out and counted. Memory does not grow with
   the length of the text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import Final

from mixedmode.errors import MalformedError

LONGEST: Final = 1 << 20
MOST_BYTES: Final = 64 << 20
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_STRANGE: Final = {
    b"\x01\x00\x02": ("this is a trust list or a signed file, not a log", "mixedmode show describes it"),
    b"PK\x03\x04": ("this is a ZIP archive", "unpack it, and give the log in it"),
    b"%PDF-": ("this is a PDF", "copy its text into a file"),
    b"\xd0\xcf\x11\xe0": ("this is an old Office document", "save it as text"),
    b"BZh": ("this is compressed with bzip2", "unpack it"),
    b"\xfd7zXZ": ("this is compressed with xz", "unpack it"),
    b"7z\xbc\xaf": ("this is a 7z archive", "unpack it"),
    b"\xd4\xc3\xb2\xa1": ("this is a capture of packets", "export the log, or the alarm in it, as text"),
    b"\n\r\r\n": ("this is a capture of packets", "export the log, or the alarm in it, as text"),
    b"\x89PNG": ("this is a picture", "copy the text; pictures of text cannot be read"),
    b"\xff\xd8\xff": ("this is a picture", "copy the text; pictures of text cannot be read"),
    b"\x7fELF": ("this is a program", None),
}
_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]{0,32}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)?|[PX^_][^\x1b]{0,256}\x1b\\|[@-Z\\-_]?)"
)
_QUOTES: Final = re.compile(r"\s{0,3}(?:>[ \t]?){1,16}(?!=)")
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\x00\x08\x7f"), None) | {
    0xA0: " ", 0x202F: " ", 0x2007: " ", 0x3000: " ", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: "-",
}  # fmt: skip
_HEAD: Final = 4096
_CONTROLS: Final = bytes({*range(32)} - {*b"\0\t\n\f\r\x1b\x08"})
"""What terminals do not write, and text has no use for."""


def encoding_of(head: bytes) -> str:
    """Return how a text is encoded, by its first bytes (rule 1).

    Raises:
        MalformedError: It is no text.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for start, (what, step) in _STRANGE.items():
        if head.startswith(start):
            raise MalformedError(what, code="not-text", next_step=step)
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = max(len(head) // 2, 1)
    if odd > half * 0.7 and even < half * 0.2:
        return "utf-16-le"
    if even > half * 0.7 and odd < half * 0.2:
        return "utf-16-be"
    if head.count(0) > len(head) // 8 or len(head.translate(None, _CONTROLS)) < len(head) * 0.95:
        raise MalformedError("this is no text", code="not-text", next_step="give the log as text")
    return "utf-8"


class Lines:
    """Lines of a text that comes in pieces.

    Attributes:
        encoding: How it is encoded; empty before the first piece.
        size: Bytes that came.
        cut: Lines that were too long.
        truncated: Whether there was more than is read.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.encoding = ""
        self.size = 0
        self.cut = 0
        self.truncated = False
        self._most = most

    def __call__(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, str]]:
        """Yield number and text of each line, the first is 1.

        Raises:
            MalformedError: It is no text.
        """
        for number, line in enumerate(self._lines(self._texts(chunks)), 1):
            yield number, cleaned(line)

    def _texts(self, chunks: Iterable[bytes]) -> Iterator[str]:
        decoder: codecs.IncrementalDecoder | None = None
        head = b""
        for chunk in chunks:
            if self.truncated:
                break
            room = self._most - self.size
            self.size += min(len(chunk), room)
            self.truncated = len(chunk) > room
            data = chunk[:room]
            if decoder is None:
                head += data
                if len(head) < _HEAD:
                    continue
                decoder, data = self._decoder(head), head
            yield decoder.decode(data)
        if decoder is None:
            decoder = self._decoder(head)
            yield decoder.decode(head)
        yield decoder.decode(b"", final=True)

    def _decoder(self, head: bytes) -> codecs.IncrementalDecoder:
        self.encoding = encoding_of(head[:_HEAD])
        return codecs.getincrementaldecoder(self.encoding)("backslashreplace")

    def _lines(self, texts: Iterable[str]) -> Iterator[str]:
        rest: list[str] = []
        held = 0
        overlong = False
        half = False
        for piece in texts:
            text = ("\r" if half else "") + piece
            half = text.endswith("\r")
            parts = (text[:-1] if half else text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
            for number, part in enumerate(parts):
                if number:
                    self.cut += overlong
                    yield "".join(rest)
                    rest, held, overlong = [], 0, False
                room = LONGEST - held
                overlong = overlong or len(part) > room
                if room > 0 and part:
                    rest.append(part[:room])
                    held += min(len(part), room)
        if rest:
            self.cut += overlong
            yield "".join(rest)


def cleaned(line: str) -> str:
    """Return a line without what terminals and mails add (rule 2)."""
    if line.isascii() and line.isprintable() and not line.lstrip(" ").startswith(">"):
        return line
    text = _ESCAPES.sub("", line) if "\x1b" in line else line
    text = text.translate(_INVISIBLE)
    return _QUOTES.sub("", text, count=1) if text.lstrip(" \t").startswith(">") else text
