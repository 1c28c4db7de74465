"""Reading ASN.1 structures as OpenSSL does: DER, and the BER that old writers left in certificates.

Rules:

1. A length may be longer than it need be, and a structure may be of indefinite length: OpenSSL reads both.
2. Everything is within bounds: an element never runs past the one around it.
3. Where the bytes break the format, the error names the byte within the structure, in plain words.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mixedmode.errors import MalformedError

INTEGER, BIT_STRING, OCTET_STRING, OID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
MAX_DEPTH = 24
"""Levels of indefinite length; real certificates have none."""
_CONSTRUCTED = 0x20
_TWO_OCTETS = 0x82
_new = tuple.__new__
"""Makes an element in half the time: reading a certificate makes a dozen, on the way to every new signer's key."""


class Element(NamedTuple):
    """One element of a structure, by offsets into its bytes.

    Attributes:
        tag: The first identifier octet.
        outer: Where the element begins.
        start: Where its contents begin.
        end: The byte after its contents.
        next: The byte after the element.
    """

    tag: int
    outer: int
    start: int
    end: int
    next: int


def broken(position: int, what: str) -> MalformedError:
    """Make the error for bytes that break the format at a position."""
    return MalformedError("the structure cannot be read", why=f"at its byte {position}: {what}", code="asn1")


def read_element(data: bytes, pos: int, limit: int, depth: int = 0) -> Element:
    """Return the element that begins at ``pos``.

    Args:
        data: The structure's bytes.
        pos: Where the element begins.
        limit: The byte that it must not pass.
        depth: Levels of indefinite length around it.

    Raises:
        MalformedError: There is none within the bounds.
    """
    start = pos + 2
    if start > limit:
        raise broken(pos, "the bytes end where a field should begin")
    tag, length = data[pos], data[pos + 1]
    if tag & 0x1F == 0x1F:
        raise broken(pos, "a field of a kind that certificates do not have")
    if length >= 0x80:
        octets = length & 0x7F
        if not octets:
            return _indefinite(data, pos, limit, depth)
        start += octets
        if octets > 8 or start > limit:
            raise broken(pos, "a field whose length makes no sense")
        length = int.from_bytes(data[pos + 2 : start])
    end = start + length
    if end > limit:
        raise broken(pos, f"a field of {length} bytes, where only {limit - start} are left")
    return Element(tag, pos, start, end, end)


def _indefinite(data: bytes, pos: int, limit: int, depth: int) -> Element:
    if not data[pos] & _CONSTRUCTED or depth >= MAX_DEPTH:
        raise broken(pos, "a field whose length makes no sense")
    here = pos + 2
    while data[here : here + 2] != b"\0\0":
        here = read_element(data, here, limit, depth + 1).next
    if here + 2 > limit:
        raise broken(pos, "a field without its end")
    return Element(data[pos], pos, pos + 2, here, here + 2)


def expect(data: bytes, pos: int, limit: int, tag: int, what: str) -> Element:
    """Return the element at ``pos``, which must be of a kind.

    Raises:
        MalformedError: It is another one, or there is none.
    """
    element = read_element(data, pos, limit)
    if element[0] != tag:
        raise broken(pos, f"{what} expected, another field found")
    return element


def children(data: bytes, parent: Element) -> list[Element]:
    """Return the elements inside another one.

    Raises:
        MalformedError: They do not fill it exactly.
    """
    found = []
    pos, end = parent.start, parent.end
    while pos < end:
        start = pos + 2
        after = 0
        if start <= end and data[pos] & 0x1F != 0x1F:
            length = data[pos + 1]
            if length < 0x80:
                after = start + length
            elif length == _TWO_OCTETS and start + 2 <= end:
                after = start + 2 + (data[start] << 8 | data[start + 1])
                start += 2
        # Short elements and those of a length of two octets are nearly all; the others are read with more care.
        element = _new(Element, (data[pos], pos, start, after, after)) if 0 < after <= end else None
        element = element or read_element(data, pos, end)
        found.append(element)
        pos = element.next
    return found


def contents(data: bytes, element: Element) -> bytes:
    """Return an element's contents."""
    return data[element.start : element.end]


def whole(data: bytes, element: Element) -> bytes:
    """Return an element's bytes, its tag and length included."""
    return data[element.outer : element.next]


def as_der(data: bytes, element: Element) -> bytes:
    """Return an element with every length in its shortest form, as strict readers want it."""
    if element.tag & _CONSTRUCTED:
        inner = b"".join(as_der(data, child) for child in children(data, element))
    else:
        inner = contents(data, element)
    return encode(element.tag, inner)


def encode(tag: int, value: bytes) -> bytes:
    """Return an element of a tag and its contents."""
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    octets = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octets)) + size.to_bytes(octets) + value


@lru_cache(maxsize=256)
def oid_text(value: bytes) -> str:
    """Return an object identifier's contents in dots.

    Raises:
        MalformedError: It breaks off.
    """
    if not value or value[-1] & 0x80:
        raise broken(0, "an object identifier that breaks off")
    numbers: list[int] = []
    number = 0
    for octet in value:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))
