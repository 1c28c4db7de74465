"""How the messages of calls are laid out: a table of fields for each, read and written by the agreed version.

Rules (calls-and-media.md 1 and 2):

1. A field is in the layout of the versions from ``since`` on. One that is marked ``early`` is read below that too, if
   the body goes on: some phones of old versions send it.
2. A body may end after the last field that is needed, and go on after the last one that is known.
3. What is not laid out as ours would be, is kept: a message that was read is written byte for byte as it came, to a
   peer of the same version.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, ClassVar, Final, Protocol, Self

from mixedmode.protocols.sccp.errors import MalformedSccpError
from mixedmode.protocols.sccp.messages.fields import (
    Fields,
    Message,
    address,
    ended_text,
    exactly,
    filled,
    number,
    text,
)

TYPED_ADDRESSES_FROM: Final = 17
"""The protocol version from which an address has a type and 16 bytes."""
HIGHEST: Final = 22
_ADDRESS_BYTES: Final = 16
_FEW: Final = 1 << 24
"""A number that is read a byte too early is greater: its first byte is then its highest."""
_IPV6: Final = 1
NOWHERE: Final = "0.0.0.0"  # noqa: S104 - an address that is not known yet


class Kind(Protocol):
    """What a field holds."""

    def size(self, fields: Fields) -> int:
        """Return how many bytes it takes at least in a body."""

    def read(self, fields: Fields, name: str) -> Any:
        """Return its value."""

    def write(self, value: Any, protocol: int) -> bytes:
        """Return its bytes.

        Raises:
            MalformedSccpError: The value does not fit.
        """


@dataclass(frozen=True, slots=True)
class Number:
    """A little-endian number."""

    width: int = 4

    def size(self, _fields: Fields) -> int:
        """Its width."""
        return self.width

    def read(self, fields: Fields, name: str) -> int:
        """Return its value."""
        return fields.number(name, self.width)

    def write(self, value: int, _protocol: int) -> bytes:
        """Return its bytes."""
        return number(value, self.width)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a fixed width.

    Attributes:
        width: Bytes.
        wide: Bytes in later versions.
        since: From which one on.
        total: The length of the body without which it is narrow all the same: other servers write so. It is narrow too
            where something stands in the bytes that only a wide text has, which end it with a NUL. A body so long is
            wide in earlier versions too, where those bytes are NUL and a number of a line or call follows.
    """

    width: int
    wide: int = 0
    since: int = HIGHEST + 1
    total: int = 0

    def size(self, fields: Fields) -> int:
        """Its width."""
        end = fields.at + self.wide
        if fields.total < self.total or any(fields.whole[fields.at + self.width : end]):
            return self.width
        if fields.protocol >= self.since:
            return self.wide
        return self.wide if self.total and 0 < _number_at(fields.whole, end) < _FEW else self.width

    def read(self, fields: Fields, name: str) -> str:
        """Return its value."""
        return fields.text(self.size(fields), name)

    def write(self, value: str, protocol: int) -> bytes:
        """Return its bytes."""
        return text(value, self.wide if protocol >= self.since else self.width)


@dataclass(frozen=True, slots=True)
class EndedText:
    """A text that ends with a NUL, or with the body."""

    def size(self, _fields: Fields) -> int:
        """Nothing, where the body ended before."""
        return 0

    def read(self, fields: Fields, name: str) -> str:
        """Return its value."""
        return fields.ended_text(name)

    def write(self, value: str, _protocol: int) -> bytes:
        """Return its bytes."""
        return ended_text(value)


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address: IPv4 in 4 bytes, from version 17 on a type and 16 bytes. Only type 1 is IPv6.

    Attributes:
        total: The length of a body of the later form. Where the length speaks for the other form than the version, and
            the bytes do too (no type is above 1, no address that small), the other one is read.
    """

    total: int = 0

    def size(self, fields: Fields) -> int:
        """4 or 20 bytes."""
        return 4 + _ADDRESS_BYTES if self._typed(fields) else 4

    def _typed(self, fields: Fields) -> bool:
        typed = fields.protocol >= TYPED_ADDRESSES_FROM
        first = _number_at(fields.whole, fields.at)
        if self.total and typed and fields.total < self.total:
            return first <= _IPV6
        return typed or (self.total > 0 and fields.total >= self.total and first <= _IPV6)

    def read(self, fields: Fields, name: str) -> str:
        """Return it as people write it."""
        if not self._typed(fields):
            return fields.address(name)
        kind, data = fields.number(f"type of {name}"), fields.raw(_ADDRESS_BYTES, name)
        return str(IPv6Address(data) if kind == _IPV6 else IPv4Address(data[:4]))

    def write(self, value: str, protocol: int) -> bytes:
        """Return its bytes."""
        if protocol < TYPED_ADDRESSES_FROM:
            return address(value)
        if ":" not in value:
            return number(0) + address(value).ljust(_ADDRESS_BYTES, b"\0")
        try:
            return number(_IPV6) + IPv6Address(value).packed
        except AddressValueError as error:
            raise MalformedSccpError(f"{value!r} is no IPv6 address") from error


def _number_at(body: bytes, at: int) -> int:
    return int.from_bytes(body[at : at + 4], "little")


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that nobody here reads."""

    width: int

    def size(self, _fields: Fields) -> int:
        """Its width."""
        return self.width

    def read(self, fields: Fields, name: str) -> bytes:
        """Return them."""
        return fields.raw(self.width, name)

    def write(self, value: bytes, _protocol: int) -> bytes:
        """Return them."""
        return exactly(value, self.width, "a field")


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of a message.

    Attributes:
        name: The message's attribute.
        kind: What it holds.
        since: The first version that has it (rule 1).
        early: Whether it is read in versions before.
        needed: Whether a body may not end before it (rule 2).
    """

    name: str
    kind: Kind = Number()
    since: int = 0
    early: bool = False
    needed: bool = False

    @property
    def words(self) -> str:
        """Its name, for people."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Origin:
    """How a message was read, and how its body differs from what would be written (rule 3).

    Attributes:
        protocol: The version by which it was read.
        same: Bytes from the start that do not differ; None if none does.
        more: What follows instead.
    """

    protocol: int
    same: int | None = None
    more: bytes = b""


@dataclass(frozen=True, slots=True)
class Laid(Message):
    """A message that is read and written by its table.

    Attributes:
        origin: Of a message that was read; it does not count when messages are compared.
    """

    SLOTS: ClassVar[tuple[Slot, ...]] = ()
    FILLED: ClassVar[bool] = False
    """Whether it is filled up to a multiple of four bytes."""
    origin: Origin | None = field(default=None, compare=False, repr=False, kw_only=True)

    @property
    def ragged(self) -> bool:
        """Whether it came otherwise than it would be written (rule 3)."""
        return self.origin is not None and self.origin.same is not None

    def body(self) -> bytes:
        """Return its bytes in the version that it was read by, or in the highest."""
        return self.laid_out(HIGHEST if self.origin is None else self.origin.protocol)

    def laid_out(self, protocol: int) -> bytes:
        """Return its bytes for a peer of a version.

        Raises:
            MalformedSccpError: A value does not fit into its field.
        """
        data = self._written(protocol)
        origin = self.origin
        if origin is None or origin.same is None or origin.protocol != protocol:
            return data
        return data[: origin.same] + origin.more

    def _written(self, protocol: int) -> bytes:
        parts = [slot.kind.write(getattr(self, slot.name), protocol) for slot in self.SLOTS if slot.since <= protocol]
        return filled(b"".join(parts)) if self.FILLED else b"".join(parts)

    @classmethod
    def parse(cls, fields: Fields) -> Self:
        """Read it (rules 1 to 3).

        Raises:
            MalformedSccpError: It ends before a field that is needed.
        """
        data = fields.whole
        message = cls(**cls._read(fields))
        written = message._written(fields.protocol)
        if written == data:
            return replace(message, origin=Origin(fields.protocol))
        same = next((at for at, (one, other) in enumerate(zip(written, data, strict=False)) if one != other), None)
        same = min(len(written), len(data)) if same is None else same
        return replace(message, origin=Origin(fields.protocol, same, data[same:]))

    @classmethod
    def _read(cls, fields: Fields) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for slot in cls.SLOTS:
            if slot.since > fields.protocol and not slot.early:
                continue
            if not slot.needed and fields.left < slot.kind.size(fields):
                break
            values[slot.name] = slot.kind.read(fields, slot.words)
        return values


def needed(*names: str) -> tuple[Slot, ...]:
    """Return fields that hold numbers, without which the message says nothing."""
    return tuple(Slot(name, needed=True) for name in names)


def numbers(*names: str, since: int = 0, early: bool = False) -> tuple[Slot, ...]:
    """Return fields that hold numbers, which a body may end before."""
    return tuple(Slot(name, since=since, early=early) for name in names)
