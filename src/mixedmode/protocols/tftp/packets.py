"""TFTP packets as values: one parser, one encoder (wire-formats.md 7, RFC 1350 section 5, RFC 2347).

Rules enforced here: a request fits in 512 bytes and its strings end with NUL; option names are
case-insensitive and come out lower-case, the first of a repeated option counts; nothing follows the last
NUL of a packet that we write (some phones reject an OACK with trailing bytes).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TypeAlias

from mixedmode.errors import MalformedError

REQUEST_LIMIT = 512
"""Bytes in a request, RFC 2347."""
_OPTION_PAIRS_LIMIT = 16
_MESSAGE_LIMIT = 512


class MalformedPacketError(MalformedError):
    """A datagram is not a TFTP packet; ``offset`` says from which byte on."""

    default_code = "tftp-packet"


class Opcode(IntEnum):
    """The first two bytes of a packet."""

    RRQ = 1
    WRQ = 2
    DATA = 3
    ACK = 4
    ERROR = 5
    OACK = 6


_RRQ = int(Opcode.RRQ)


class ErrorCode(IntEnum):
    """Codes of an ERROR packet (RFC 1350; 8 is RFC 2347)."""

    UNDEFINED = 0
    FILE_NOT_FOUND = 1
    ACCESS_VIOLATION = 2
    DISK_FULL = 3
    ILLEGAL_OPERATION = 4
    UNKNOWN_TID = 5
    FILE_EXISTS = 6
    NO_SUCH_USER = 7
    OPTION_REFUSED = 8


class Mode(StrEnum):
    """How the file's bytes travel. ``mail`` is obsolete and refused."""

    OCTET = "octet"
    NETASCII = "netascii"


@dataclass(frozen=True, slots=True)
class Request:
    """A read or write request; ``options`` are (lower-case name, text) in the order they came."""

    opcode: Opcode
    filename: str
    mode: str = Mode.OCTET
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Data:
    """One block; ``block`` is the number on the wire, 0 to 65535."""

    block: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """Acknowledges ``block`` and, with a window, all before it."""

    block: int


@dataclass(frozen=True, slots=True)
class ErrorPacket:
    """Ends a transfer. ``code`` may be one that :class:`ErrorCode` does not know."""

    code: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class OptionAck:
    """The options that the server took, with its values."""

    options: tuple[tuple[str, str], ...]


Packet: TypeAlias = Request | Data | Ack | ErrorPacket | OptionAck


def parse_packet(data: bytes) -> Packet:
    """Parse one datagram.

    Raises:
        MalformedPacketError: The datagram is cut short, has an unknown opcode or text that does not end.
    """
    if len(data) < 4:
        raise MalformedPacketError("A TFTP packet has at least 4 bytes", offset=len(data), code="tftp-short")
    number = data[0] << 8 | data[1]
    if number == _RRQ:
        return _parse_request(Opcode.RRQ, data)
    if number == Opcode.DATA:
        return Data(data[2] << 8 | data[3], data[4:])
    if number == Opcode.ACK:
        return Ack(data[2] << 8 | data[3])
    if number == Opcode.ERROR:
        message = data[4 : 4 + _MESSAGE_LIMIT].partition(b"\0")[0]
        return ErrorPacket(data[2] << 8 | data[3], message.decode("utf-8", "replace"))
    if number == Opcode.WRQ:
        return _parse_request(Opcode.WRQ, data)
    if number == Opcode.OACK:
        return OptionAck(_option_pairs(_strings(data)))
    raise MalformedPacketError(f"Opcode {number} is not a TFTP opcode", offset=0, code="tftp-opcode")


def _parse_request(opcode: Opcode, data: bytes) -> Request:
    strings = _strings(data)
    if len(strings) < 2:
        raise MalformedPacketError("A request needs a file name and a mode", offset=len(data))
    options = _option_pairs(strings[2:]) if len(strings) > 2 else ()
    return Request(opcode, strings[0], strings[1].lower(), options)


def _strings(data: bytes) -> list[str]:
    if len(data) > REQUEST_LIMIT:
        raise MalformedPacketError(
            f"A request has at most {REQUEST_LIMIT} bytes, this has {len(data)}", offset=REQUEST_LIMIT
        )
    end = data.rfind(b"\0")
    if end < 2 or data[end:] != b"\0":
        raise MalformedPacketError("The last text does not end with NUL", offset=end + 1)
    try:
        return data[2:end].decode("utf-8").split("\0")
    except UnicodeDecodeError as error:
        raise MalformedPacketError("Text is not UTF-8", offset=2 + error.start) from error


def _option_pairs(strings: list[str]) -> tuple[tuple[str, str], ...]:
    # Some boot loaders pad a request with NULs: an empty option name carries nothing and is left out.
    if len(strings) > 2 * _OPTION_PAIRS_LIMIT:
        raise MalformedPacketError(f"More than {_OPTION_PAIRS_LIMIT} options", code="tftp-options")
    found: dict[str, str] = {}
    for name, value in zip(strings[::2], strings[1::2], strict=False):
        if name:
            found.setdefault(name.lower(), value)
    return tuple(found.items())


def encode_packet(packet: Packet) -> bytes:
    """Return the bytes of ``packet``.

    Raises:
        MalformedPacketError: A text holds a NUL, or a request would be longer than 512 bytes.
    """
    if isinstance(packet, Data):
        return b"\0\3" + packet.block.to_bytes(2, "big") + packet.payload
    if isinstance(packet, Ack):
        return b"\0\4" + packet.block.to_bytes(2, "big")
    if isinstance(packet, ErrorPacket):
        return b"\0\5" + packet.code.to_bytes(2, "big") + _texts(packet.message)
    flat = [text for pair in packet.options for text in pair]
    if isinstance(packet, OptionAck):
        return b"\0\6" + _texts(*flat)
    encoded = packet.opcode.to_bytes(2, "big") + _texts(packet.filename, packet.mode, *flat)
    if len(encoded) > REQUEST_LIMIT:
        raise MalformedPacketError(
            f"The request would have {len(encoded)} bytes, {REQUEST_LIMIT} are allowed",
            next_step="Use a shorter file name.",
        )
    return encoded


def _texts(*texts: str) -> bytes:
    if any("\0" in text for text in texts):
        raise MalformedPacketError("A text of a TFTP packet cannot hold NUL")
    return b"".join(text.encode() + b"\0" for text in texts)
