"""Reading and writing the fields of a body, with bounds.

Texts have a fixed width and end at their first NUL; bytes that are no UTF-8 survive as surrogates, so that what was
read can be written again. Show a text to people through :func:`shown`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.errors import MalformedSccpError

_U32: Final = 0xFFFFFFFF
_SHOWN: Final = 120
_ADDRESS_BYTES: Final = 4


class Fields:
    """Takes fields off the front of a body.

    Args:
        data: The body.
        protocol: The protocol version that both ends agreed on; 0 before. Layouts depend on it and on the length, never
            on the header version (calls-and-media.md 1).

    Attributes:
        protocol: The same.
    """

    def __init__(self, data: bytes, protocol: int = 0) -> None:
        self.protocol = protocol
        self._data = data
        self._at = 0

    @property
    def whole(self) -> bytes:
        """The body."""
        return self._data

    @property
    def total(self) -> int:
        """Bytes of the body."""
        return len(self._data)

    @property
    def at(self) -> int:
        """Bytes taken."""
        return self._at

    @property
    def left(self) -> int:
        """Bytes not taken yet."""
        return len(self._data) - self._at

    def raw(self, size: int, name: str) -> bytes:
        """Return the next bytes.

        Raises:
            MalformedSccpError: The body ends before.
        """
        end = self._at + size
        if end > len(self._data):
            raise MalformedSccpError(
                f"the message ends within {name}: {self.left} of {size} bytes",
                offset=self._at,
                code="sccp-short",
            )
        value = self._data[self._at : end]
        self._at = end
        return value

    def number(self, name: str, size: int = 4) -> int:
        """Return the next little-endian number."""
        return int.from_bytes(self.raw(size, name), "little")

    def optional(self, name: str, default: int = 0, size: int = 4) -> int:
        """Return the next number, or a default if the body ended before it: old and other servers write less."""
        return self.number(name, size) if self.left >= size else default

    def text(self, size: int, name: str) -> str:
        """Return the next text of a fixed width."""
        return self.raw(size, name).split(b"\0", 1)[0].decode("utf-8", "surrogateescape")

    def ended_text(self, name: str) -> str:
        """Return the next text, which ends with a NUL or with the body."""
        data, end, _ = self._data[self._at :].partition(b"\0")
        self.raw(len(data) + len(end), name)
        return data.decode("utf-8", "surrogateescape")

    def address(self, name: str) -> str:
        """Return the next IPv4 address, which stands in network order."""
        return ".".join(map(str, self.raw(_ADDRESS_BYTES, name)))

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.raw(self.left, "the rest")


def number(value: int, size: int = 4) -> bytes:
    """Return a little-endian number.

    Raises:
        MalformedSccpError: It does not fit.
    """
    if not 0 <= value < 1 << 8 * size:
        raise MalformedSccpError(f"{value} does not fit into {size} bytes")
    return value.to_bytes(size, "little")


def text(value: str, size: int) -> bytes:
    """Return a text, padded with NUL to its width.

    Raises:
        MalformedSccpError: It is too long or holds a NUL.
    """
    data = value.encode("utf-8", "surrogateescape")
    if len(data) > size or b"\0" in data:
        raise MalformedSccpError(f"{value!r} is no text of up to {size} bytes")
    return data.ljust(size, b"\0")


def ended_text(value: str) -> bytes:
    """Return a text with its closing NUL.

    Raises:
        MalformedSccpError: It holds a NUL itself.
    """
    return text(value, len(value.encode("utf-8", "surrogateescape")) + 1)


def filled(body: bytes) -> bytes:
    """Return a body filled up to a multiple of four bytes, which counts in its length."""
    return body + bytes(-len(body) % 4)


def address(value: str) -> bytes:
    """Return an IPv4 address in network order.

    Raises:
        MalformedSccpError: It is none.
    """
    parts = value.split(".")
    if len(parts) != _ADDRESS_BYTES or not all(
        p.isascii() and p.isdigit() and len(p) < 4 and int(p) < 256 for p in parts
    ):
        raise MalformedSccpError(f"{value!r} is no IPv4 address")
    return bytes(map(int, parts))


def exactly(data: bytes, size: int, name: str) -> bytes:
    """Return bytes of a fixed width.

    Raises:
        MalformedSccpError: Their number is another.
    """
    if len(data) != size:
        raise MalformedSccpError(f"{name} has {len(data)} bytes, not {size}")
    return data


def fitting(value: str, size: int) -> str:
    """Return a text cut so that it and a closing NUL fit into its width, without half a character."""
    return value.replace("\0", "").encode("utf-8", "replace")[: size - 1].decode("utf-8", "ignore")


def shown(value: str) -> str:
    """Return a text from the wire as it may be shown: printable, of bounded length."""
    return "".join(c if c.isprintable() else "?" for c in value[:_SHOWN])


@dataclass(frozen=True, slots=True)
class Message:
    """A message; each kind is a subclass with the id of the table. Without fields the body is empty."""

    ID: ClassVar[int] = _U32

    @property
    def message_id(self) -> int:
        """The id on the wire."""
        return self.ID

    def body(self) -> bytes:
        """Return the bytes after the header.

        Raises:
            MalformedSccpError: A value does not fit into its field.
        """
        return b""

    def laid_out(self, _protocol: int) -> bytes:
        """Return the bytes after the header for a peer that agreed on a protocol version.

        Raises:
            MalformedSccpError: A value does not fit into its field.
        """
        return self.body()

    @classmethod
    def parse(cls, _fields: Fields) -> Message:
        """Return the message of a body; bytes beyond the known fields are ignored.

        Raises:
            MalformedSccpError: The body is too short.
        """
        return cls()
