"""The elements of a JSON array one at a time: no more than one of them, and one piece of text, is in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from mixedmode.errors import MalformedError
from mixedmode.inventory.sources import LONGEST

_BLANKS: Final = re.compile(r"[ \t\r\n]*").match


class JsonArray:
    """Reads an array.

    Args:
        parts: The text, in pieces.
        name: Of the file, for messages.
        decoder: Reads elements.
    """

    def __init__(self, parts: Iterator[str], name: str, decoder: json.JSONDecoder | None = None) -> None:
        self._parts = parts
        self._name = name
        self._decoder = decoder or json.JSONDecoder()
        self._text = ""
        self._pos = 0
        self._ended = False
        self._row = 0

    def elements(self) -> Iterator[Any]:
        """Yield the elements.

        Raises:
            MalformedError: It is no array, or an element is too long.
        """
        self._take()
        if self._next() == "]":
            self._pos += 1
        else:
            mark = ","
            while mark == ",":
                yield self._element()
                self._row += 1
                mark = self._take()
            if mark != "]":
                raise self._wrong("a comma or the array's end is missing")
        if self._next():
            raise self._wrong("something follows the array's end")

    def _element(self) -> Any:
        self._next()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._text, self._pos)
            except ValueError as error:
                if len(self._text) - self._pos > LONGEST:
                    raise self._wrong(f"the object is longer than {LONGEST} characters, or this is no JSON") from None
                if self._ended or not self._more():
                    raise self._wrong(f"this is no JSON: {error}") from None
                continue
            except RecursionError:
                raise self._wrong("this is no JSON that can be read: it is nested too deeply") from None
            # What ends with the text may go on, as a number can.
            if end < len(self._text) or self._ended:
                self._pos = end
                return found
            self._more()

    def _take(self) -> str:
        """Return the next sign that is no blank, and go past it."""
        found = self._next()
        self._pos += 1
        return found

    def _next(self) -> str:
        """Return the next sign that is no blank; empty at the end."""
        while True:
            blanks = _BLANKS(self._text, self._pos)
            self._pos = self._pos if blanks is None else blanks.end()
            if self._pos < len(self._text) or not self._more():
                return self._text[self._pos : self._pos + 1]

    def _more(self) -> bool:
        part = next(self._parts, None)
        self._ended = part is None
        self._text, self._pos = self._text[self._pos :] + (part or ""), 0
        return not self._ended

    def _wrong(self, what: str) -> MalformedError:
        return MalformedError(f"row {self._row + 1}: {what}", where=self._name, code="json", next_step="check the JSON")
