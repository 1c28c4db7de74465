"""CAPF messages (wire-formats.md 5).

Layout::

    0  1  0x55
    1  1  command
    2  4  session, big-endian, counted by the server
    6  2  length of the body, big-endian
    8     elements: tag u8, length u16 big-endian, value

Rules:

1. Elements are taken in any order; unknown ones are kept; of two with one tag the first counts.
2. A message goes out in one piece: phones stall on a header that comes alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from mixedmode.errors import MalformedError

MAGIC: Final = 0x55
HEADER_LENGTH: Final = 8
MAX_BODY: Final = 0xFFFF
VERSION: Final = 3
"""The newest version; clients of version 2 are known too."""
_ENVELOPE: Final = 5
_DEVICE_LIMIT: Final = 64


class MalformedCapfError(MalformedError):
    """Bytes that are no CAPF message."""


class Command(IntEnum):
    """Messages; those from 16 on are known but not used here, except IN_PROGRESS."""

    AUTH_REQUEST = 1
    AUTH_RESPONSE = 2
    KEYGEN_REQUEST = 3
    KEYGEN_RESPONSE = 4
    STORE_REQUEST = 9
    STORE_RESPONSE = 10
    FETCH_REQUEST = 11
    FETCH_RESPONSE = 12
    DELETE_REQUEST = 13
    DELETE_RESPONSE = 14
    END_SESSION = 15
    IN_PROGRESS = 17


class Element(IntEnum):
    """Tags."""

    REASON = 1
    CERTIFICATE_TYPE = 3
    CERTIFICATE = 4
    SIGNED_DATA = 6
    VERSION = 7
    AUTH_TYPE = 8
    PUBLIC_KEY = 9
    KEY_SIZE = 10
    PASSWORD = 11
    DEVICE = 13
    SUDI = 16
    KEY_TYPE = 17
    CURVE = 18
    SIGNED_DATA_SHA2 = 20


class Reason(IntEnum):
    """Why a session ends, or how a step went."""

    NO_ACTION = 0
    OK = 1
    INVALID = 7
    UNKNOWN_DEVICE = 9


class CertificateType(IntEnum):
    """Whose certificate is meant."""

    LSC = 1
    MIC = 2


class KeyType(IntEnum):
    """Kinds of keys."""

    RSA = 0
    EC = 1


class Curve(IntEnum):
    """Curves of EC keys."""

    P256 = 0
    P384 = 1
    P521 = 2


@dataclass(frozen=True, slots=True)
class KeyWish:
    """The key that a phone shall make.

    Attributes:
        bits: Of an RSA key; None for EC.
        curve: Of an EC key; None for RSA.
    """

    bits: int | None = 2048
    curve: Curve | None = None

    def elements(self) -> tuple[tuple[int, bytes], ...]:
        """Return the wish as elements."""
        if self.curve is not None:
            return (Element.KEY_TYPE, bytes([KeyType.EC])), (Element.CURVE, bytes([self.curve]))
        return (Element.KEY_SIZE, (self.bits or 2048).to_bytes(2, "big")), (Element.KEY_TYPE, bytes([KeyType.RSA]))


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes:
        command: A :class:`Command`, or a number that has no name here.
        session: 32 bits.
        elements: (tag, value) in order.
    """

    command: int
    session: int
    elements: tuple[tuple[int, bytes], ...] = ()

    def get(self, tag: Element) -> bytes | None:
        """Return an element's value, None without one."""
        return next((value for each, value in self.elements if each == tag), None)

    def number(self, tag: Element) -> int | None:
        """Return an element's value as a number; an empty one is none."""
        value = self.get(tag)
        return int.from_bytes(value, "big") if value else None

    def text(self, tag: Element) -> str | None:
        """Return an element's text without its NUL.

        Raises:
            MalformedCapfError: It is no ASCII text that ends in NUL, or it is too long.
        """
        value = self.get(tag)
        if value is None:
            return None
        if not value.endswith(b"\0") or b"\0" in value[:-1] or not value.isascii() or len(value) > _DEVICE_LIMIT:
            raise MalformedCapfError(f"element {tag} is no text")
        return value[:-1].decode("ascii")

    def certificate(self) -> bytes | None:
        """Return the DER of element 4, out of its envelope ``01 u16(length + 2) 00 01``.

        Raises:
            MalformedCapfError: The envelope does not hold.
        """
        value = self.get(Element.CERTIFICATE)
        if value is None:
            return None
        if len(value) < _ENVELOPE or value[0] != 1 or int.from_bytes(value[1:3], "big") != len(value) - 3:
            raise MalformedCapfError("the certificate's envelope does not hold")
        return value[_ENVELOPE:]


def certificate_elements(der: bytes) -> tuple[tuple[int, bytes], ...]:
    """Return elements 3 and 4 of an LSC."""
    envelope = b"\1" + (len(der) + 2).to_bytes(2, "big") + b"\0\1"
    return (Element.CERTIFICATE_TYPE, bytes([CertificateType.LSC])), (Element.CERTIFICATE, envelope + der)


def text_element(tag: Element, text: str) -> tuple[int, bytes]:
    """Return a text with its NUL.

    Raises:
        MalformedCapfError: It is not ASCII.
    """
    if not text.isascii():
        raise MalformedCapfError(f"the text of element {tag} is not ASCII")
    return tag, text.encode("ascii") + b"\0"


def message_length(data: bytes | bytearray) -> int | None:
    """Return the whole length of the message that begins here, None while its header is not whole.

    Raises:
        MalformedCapfError: It begins with something else.
    """
    if data and data[0] != MAGIC:
        raise MalformedCapfError("no CAPF message: it does not begin with 0x55", offset=0)
    if len(data) < HEADER_LENGTH:
        return None
    return HEADER_LENGTH + int.from_bytes(data[6:8], "big")


def parse_message(data: bytes) -> Message:
    """Parse one whole message.

    Raises:
        MalformedCapfError: It is none, with the offset of the first byte that is wrong.
    """
    length = message_length(data)
    if length is None or length != len(data):
        raise MalformedCapfError("the message's length does not hold", offset=min(len(data), 6))
    return Message(data[1], int.from_bytes(data[2:6], "big"), tuple(_elements(data)))


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = HEADER_LENGTH
    while at < len(data):
        end = at + 3 + int.from_bytes(data[at + 1 : at + 3], "big") if at + 3 <= len(data) else len(data) + 1
        if end > len(data):
            raise MalformedCapfError("an element goes beyond the message", offset=at)
        yield data[at], data[at + 3 : end]
        at = end


def encode_message(message: Message) -> bytes:
    """Return the bytes of a message.

    Raises:
        MalformedCapfError: It would be too long.
    """
    if any(len(value) > MAX_BODY for _, value in message.elements):
        raise MalformedCapfError("an element is too long")
    body = b"".join(bytes([tag]) + len(value).to_bytes(2, "big") + value for tag, value in message.elements)
    if len(body) > MAX_BODY:
        raise MalformedCapfError("the message is too long")
    return bytes([MAGIC, message.command]) + message.session.to_bytes(4, "big") + len(body).to_bytes(2, "big") + body


class Inbox:
    """Cuts a stream into messages; holds at most one of the longest."""

    def __init__(self) -> None:
        self._data = bytearray()

    def receive(self, data: bytes) -> None:
        """Take bytes."""
        self._data += data

    def next(self) -> Message | None:
        """Return the next whole message.

        Raises:
            MalformedCapfError: The bytes are none.
        """
        length = message_length(self._data)
        if length is None or len(self._data) < length:
            return None
        whole = bytes(self._data[:length])
        del self._data[:length]
        return parse_message(whole)
