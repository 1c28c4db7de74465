"""Register in its sizes: the message by which a phone says what it is (wire-formats.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.messages.fields import Fields, Message, address, exactly, number, text

NAME_WIDTH: Final = 16
LOAD_WIDTH: Final = 32
STAMP_WIDTH: Final = 48
_MAC_WIDTH: Final = 12


@dataclass(frozen=True, slots=True)
class RegisterTail:
    """The second part of Register, of phones whose body has 72 bytes or more.

    Attributes:
        max_conferences: Conferences it can hold.
        active_conferences: Conferences it holds.
        mac: 12 bytes: six raw and six NUL (7941), or twelve hex digits (6961).
        ipv4_scope: What its address is good for.
        max_lines: Lines it can show.
    """

    max_conferences: int = 1
    active_conferences: int = 0
    mac: bytes = bytes(_MAC_WIDTH)
    ipv4_scope: int = 3
    max_lines: int = 2

    def encode(self) -> bytes:
        """Return its 28 bytes."""
        head = number(self.max_conferences) + number(self.active_conferences)
        return head + exactly(self.mac, _MAC_WIDTH, "the MAC") + number(self.ipv4_scope) + number(self.max_lines)


@dataclass(frozen=True, slots=True)
class RegisterLoad:
    """The third part, of phones whose body has 124 bytes or more.

    Attributes:
        ipv6: 16 bytes.
        ipv6_scope: What that is good for.
        load: The firmware that runs.
    """

    ipv6: bytes = bytes(16)
    ipv6_scope: int = 0
    load: str = ""

    def encode(self) -> bytes:
        """Return its 52 bytes."""
        return exactly(self.ipv6, 16, "the IPv6 address") + number(self.ipv6_scope) + text(self.load, LOAD_WIDTH)


@dataclass(frozen=True, slots=True)
class Register(Message):
    """0001: a phone wants to be registered. Its parts are told apart by the remaining length, never by version.

    Attributes:
        device: ``SEP001122334455``.
        user: User id.
        instance: Instance.
        address: The phone's IPv4 address.
        device_type: As CUCM numbers models; 437 is a 7975.
        max_streams: RTP streams it can hold.
        active_streams: RTP streams it holds.
        protocol: Highest protocol version that it speaks.
        features: 3 bytes.
        tail: The part up to 72 bytes.
        firmware: The part up to 124 bytes; only after ``tail``.
        stamp: Configuration version stamp, up to 172 bytes; only after ``firmware``.
        extra: What newer phones append.
    """

    ID: ClassVar[int] = 0x0001
    device: str
    address: str
    device_type: int
    user: int = 0
    instance: int = 1
    max_streams: int = 5
    active_streams: int = 0
    protocol: int = 3
    features: bytes = bytes(3)
    tail: RegisterTail | None = None
    firmware: RegisterLoad | None = None
    stamp: str | None = None
    extra: bytes = b""

    @property
    def load(self) -> str:
        """The firmware that runs, empty if the phone does not say."""
        return self.firmware.load if self.firmware is not None else ""

    def body(self) -> bytes:
        """Return 44, 72, 124, 172 or more bytes."""
        parts = [
            text(self.device, NAME_WIDTH),
            number(self.user),
            number(self.instance),
            address(self.address),
            number(self.device_type),
            number(self.max_streams),
            number(self.active_streams),
            number(self.protocol, 1),
            exactly(self.features, 3, "the features"),
        ]
        if self.tail is not None:
            parts.append(self.tail.encode())
            if self.firmware is not None:
                parts.append(self.firmware.encode())
                if self.stamp is not None:
                    parts.append(text(self.stamp, STAMP_WIDTH))
        return b"".join((*parts, self.extra))

    @classmethod
    def parse(cls, fields: Fields) -> Register:
        """Read what there is of it; at least 44 bytes.

        Raises:
            MalformedSccpError: There is less.
        """
        device, user, instance = (
            fields.text(NAME_WIDTH, "device name"),
            fields.number("user"),
            fields.number("instance"),
        )
        where, device_type = fields.address("address"), fields.number("device type")
        max_streams, active_streams = fields.number("max streams"), fields.number("active streams")
        protocol, features = fields.number("protocol", 1), fields.raw(3, "features")
        tail = firmware = stamp = None
        if fields.left >= 28:
            tail = RegisterTail(
                fields.number("max conferences"),
                fields.number("active conferences"),
                fields.raw(_MAC_WIDTH, "MAC"),
                fields.number("IPv4 scope"),
                fields.number("max lines"),
            )
            if fields.left >= 52:
                ipv6, scope = fields.raw(16, "IPv6"), fields.number("IPv6 scope")
                firmware = RegisterLoad(ipv6, scope, fields.text(LOAD_WIDTH, "load"))
                if fields.left >= STAMP_WIDTH:
                    stamp = fields.text(STAMP_WIDTH, "stamp")
        return cls(
            device,
            where,
            device_type,
            user,
            instance,
            max_streams,
            active_streams,
            protocol,
            features,
            tail,
            firmware,
            stamp,
            fields.rest(),
        )


_PHONE_FEATURES: Final = ((17, "007285"), (12, "207085"), (11, "006085"))
"""From which protocol version which feature bytes: as a 7941 (17), a 6961 (15) and a 7960 (11) sent them
(calls-and-media.md 7.5). What the bits mean is not known; of older phones no trace shows any."""


def phone_features(protocol: int) -> bytes:
    """Return the three feature bytes that a phone of a protocol version sends in Register."""
    return next((bytes.fromhex(value) for least, value in _PHONE_FEATURES if protocol >= least), bytes(3))
