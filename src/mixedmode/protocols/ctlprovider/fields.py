"""The elements that messages are made of: one table-driven parser, one encoder, both bounded.

::

    element: tag u8 | length u32 | value

============  ============================================================================
kind          value
============  ============================================================================
NUMBER        4 bytes, unsigned
FLAG          one byte, 00 or 01
TEXT          UTF-8 without control characters but line feed, 4096 bytes at most
SECRET        UTF-8, 1024 bytes at most
BYTES         as they are
NESTED        elements again
============  ============================================================================

Rules:

1. Numbers are big-endian. An element with a tag that is not in the table is skipped by its length.
2. An element that is not ``many`` comes once at most; without ``optional`` or ``many`` it must come.
3. A container has :data:`MAX_ELEMENTS` elements at most, so that few bytes cannot make many objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from mixedmode.errors import MalformedError

ELEMENT_HEAD: Final = 5
"""Bytes before an element's value."""
MAX_ELEMENTS: Final = 1024
MAX_TEXT: Final = 4096
MAX_SECRET: Final = 1024
_U32: Final = 0xFFFFFFFF


class MalformedMessageError(MalformedError):
    """Bytes are no message of the protocol; ``offset`` counts from the first byte after the frame's length."""

    default_code = "ctlprovider-message"


class Kind(Enum):
    """How a value is written."""

    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - the kind's name
    BYTES = "bytes"
    NESTED = "nested"


@dataclass(frozen=True, slots=True)
class Element:
    """A row of a table.

    Attributes:
        tag: 1 to 255.
        name: Attribute of the message.
        kind: How its value is written.
        nested: Class of a NESTED value; it is in ``tables`` too.
        many: Whether it comes any number of times; the attribute is a tuple.
        optional: Whether it may be absent; the attribute is None then.
    """

    tag: int
    name: str
    kind: Kind
    nested: type[Any] | None = None
    many: bool = False
    optional: bool = False


Tables = Mapping[type[Any], tuple[Element, ...]]


def encode_elements(value: object, tables: Tables) -> bytes:
    """Return the elements of a message or nested value.

    Raises:
        MalformedMessageError: A value does not fit its kind.
    """
    parts = []
    for row in tables[type(value)]:
        found = getattr(value, row.name)
        if found is None and row.optional:
            continue
        for each in found if row.many else (found,):
            data = _encoded(each, row, tables)
            parts.append(bytes((row.tag,)) + len(data).to_bytes(4) + data)
    return b"".join(parts)


def parse_elements(kind: type[Any], data: bytes, tables: Tables, *, offset: int = 0) -> Any:
    """Return the message or nested value that elements tell.

    Args:
        kind: Its class.
        data: All of its elements.
        tables: By class.
        offset: Of ``data`` in the message, for errors.

    Raises:
        MalformedMessageError: An element is cut short, missing, comes twice or does not fit its kind.
    """
    rows = {row.tag: row for row in tables[kind]}
    values: dict[str, Any] = {row.name: () if row.many else None for row in rows.values()}
    for tag, start, end in _elements(data, offset):
        row = rows.get(tag)
        if row is None:
            continue
        value = _parsed(data[start:end], row, tables, offset + start)
        if row.many:
            values[row.name] = (*values[row.name], value)
        elif values[row.name] is not None:
            raise MalformedMessageError(f"{kind.__name__}: {row.name} comes twice", offset=offset + start)
        else:
            values[row.name] = value
    for row in rows.values():
        if values[row.name] is None and not row.optional:
            raise MalformedMessageError(f"{kind.__name__}: {row.name} is missing", offset=offset)
    return kind(**values)


def _elements(data: bytes, offset: int) -> Iterator[tuple[int, int, int]]:
    position = count = 0
    while position < len(data):
        count += 1
        start = position + ELEMENT_HEAD
        end = start + int.from_bytes(data[position + 1 : start])
        if start > len(data) or end > len(data):
            raise MalformedMessageError("an element is longer than its message", offset=offset + position)
        if count > MAX_ELEMENTS:
            raise MalformedMessageError(f"more than {MAX_ELEMENTS} elements", offset=offset + position)
        yield data[position], start, end
        position = end


def _encoded(value: Any, row: Element, tables: Tables) -> bytes:
    if row.kind is Kind.NUMBER:
        if not 0 <= value <= _U32:
            raise MalformedMessageError(f"{row.name} {value} does not fit 4 bytes")
        return int(value).to_bytes(4)
    if row.kind is Kind.FLAG:
        return b"\x01" if value else b"\x00"
    if row.kind is Kind.NESTED:
        return encode_elements(value, tables)
    if row.kind is Kind.BYTES:
        return bytes(value)
    try:
        data = str(value).encode()
    except UnicodeEncodeError as error:
        raise MalformedMessageError(f"{row.name} is no Unicode text") from error
    _check_text(data, str(value), row, None)
    return data


def _parsed(data: bytes, row: Element, tables: Tables, offset: int) -> Any:
    if row.kind is Kind.NUMBER:
        if len(data) != 4:
            raise MalformedMessageError(f"{row.name} has {len(data)} bytes instead of 4", offset=offset)
        return int.from_bytes(data)
    if row.kind is Kind.FLAG:
        if data not in {b"\x00", b"\x01"}:
            raise MalformedMessageError(f"{row.name} is neither 00 nor 01", offset=offset)
        return data == b"\x01"
    if row.kind is Kind.NESTED and row.nested is not None:
        return parse_elements(row.nested, data, tables, offset=offset)
    if row.kind is Kind.BYTES:
        return data
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise MalformedMessageError(f"{row.name} is not UTF-8", offset=offset + error.start) from error
    _check_text(data, text, row, offset)
    return text


def _check_text(data: bytes, text: str, row: Element, offset: int | None) -> None:
    limit = MAX_SECRET if row.kind is Kind.SECRET else MAX_TEXT
    if len(data) > limit:
        raise MalformedMessageError(f"{row.name} has {len(data)} bytes; the limit is {limit}", offset=offset)
    if row.kind is Kind.TEXT and printable(text) != text:
        raise MalformedMessageError(f"{row.name} holds control characters", offset=offset)


def printable(text: str) -> str:
    """Return a text with a question mark for each character that could steer a terminal or split a log line."""
    return "".join("?" if (c < " " and c != "\n") or "\x7f" <= c <= "\x9f" else c for c in text)
