r"""Text of strangers, safe for a terminal, a log and a line: names, banners, reasons, file names.

Whatever is no printable character is shown by its number: control characters of ASCII and of ISO 8859-1 (C1 begins
escape sequences too), the marks that turn the direction of writing or have no width, line ends and paragraph ends,
halves of surrogate pairs (bytes of file names that are no UTF-8). A newline in a name cannot begin a line of its own.

The sinks call this, not those who make the text: :mod:`mixedmode.faces.terminal.console` for the command line, the
shell's terminals, the logs. To do it twice does no harm: what comes out is printable.
"""

from __future__ import annotations

import re
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
LONGEST_SHOWN: Final = 4096
"""Characters of an error that are shown: as many as a path may have."""
_LINE_ENDS: Final = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


def printable(text: str) -> str:
    r"""Return a text that is one line, with all that is not printable as ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN``."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def printable_block(text: str) -> str:
    """Return a text of several lines, each of them printable; tabs stay."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else _escape(each) for each in text)


def shortened(text: str, most: int = LONGEST_SHOWN) -> str:
    """Return a text, without its middle if it is too long to be read: a stranger's line may have megabytes."""
    if len(text) <= most:
        return text
    return f"{text[: most * 3 // 4]} ... ({len(text):,} characters) ... {text[-most // 8 :]}"


def one_line(text: str) -> str:
    """Return a text as one printable line; the line ends of texts that libraries write become blanks."""
    return text if text.isprintable() else printable(_LINE_ENDS.sub(" ", text.strip()))


def spreadsheet_cell(text: str) -> str:
    """Return a cell that a spreadsheet may open: what it would calculate has a quote before it (CWE-1236)."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def of_spreadsheet_cell(text: str) -> str:
    """Return what :func:`spreadsheet_cell` was given."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


class PrintableStream:
    """Makes a stream of text printable, piece by piece; a line may end with CR LF.

    A carriage return by itself would let a line be written over, so it is shown.
    """

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what can be shown now."""
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        return printable_block(text.removesuffix("\r").replace("\r\n", "\n"))

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return printable_block(held)


def _escape(character: str) -> str:
    number = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if number <= 0xFF:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
