"""Messages about being registered: Register in its sizes, tokens, keepalives, alarms, reset (wire-formats.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final

from mixedmode.protocols.sccp.messages.fields import Fields, Message, address, exactly, number, text
from mixedmode.protocols.sccp.messages.register import NAME_WIDTH

REJECT_WIDTH: Final = 32
ALARM_WIDTH: Final = 80
XML_ALARM_WIDTH: Final = 2048


class ResetKind(IntEnum):
    """What a CallManager wants of a phone."""

    RESET = 1
    """Boot again, from power-on."""
    RESTART = 2
    """Fetch the files and register again, without a reboot."""
    APPLY_CONFIG = 3
    """Fetch the configuration; register again only if it says something else."""


class UnregisterStatus(IntEnum):
    """The answer to Unregister."""

    OK = 0
    ERROR = 1
    NAK = 2
    """A call is active."""


@dataclass(frozen=True, slots=True)
class KeepAlive(Message):
    """0000: the phone is there."""

    ID: ClassVar[int] = 0x0000


@dataclass(frozen=True, slots=True)
class KeepAliveAck(Message):
    """0100: so is the server."""

    ID: ClassVar[int] = 0x0100


@dataclass(frozen=True, slots=True)
class RegisterAck(Message):
    """0081: the phone is registered.

    Attributes:
        keepalive: Seconds between keepalives to this server.
        secondary_keepalive: The same to a server that the phone is not registered with.
        date_template: How dates are shown: ``D.M.Y``.
        protocol: The version that both speak from now on.
        features: 3 bytes.
    """

    ID: ClassVar[int] = 0x0081
    keepalive: int = 30
    secondary_keepalive: int = 60
    date_template: str = "D.M.Y"
    protocol: int = 3
    features: bytes = bytes(3)

    def body(self) -> bytes:
        """Return 20 bytes."""
        head = number(self.keepalive) + text(self.date_template, 8) + number(self.secondary_keepalive)
        return head + number(self.protocol, 1) + exactly(self.features, 3, "the features")

    @classmethod
    def parse(cls, fields: Fields) -> RegisterAck:
        """Read it; the date template has 8 bytes, of which CUCM uses 6. What old servers leave out has its default."""
        keepalive, template = fields.number("keepalive"), fields.text(8, "date template")
        secondary, protocol = fields.optional("secondary keepalive", keepalive), fields.optional("protocol", 3, 1)
        return cls(
            keepalive, secondary, template, protocol, fields.raw(min(fields.left, 3), "features").ljust(3, b"\0")
        )


@dataclass(frozen=True, slots=True)
class RegisterReject(Message):
    """009D: the phone is not registered; ``text`` says why."""

    ID: ClassVar[int] = 0x009D
    text: str = ""

    def body(self) -> bytes:
        """Return 32 bytes."""
        return text(self.text, REJECT_WIDTH)

    @classmethod
    def parse(cls, fields: Fields) -> RegisterReject:
        """Read it."""
        return cls(fields.text(min(fields.left, REJECT_WIDTH), "text"))


@dataclass(frozen=True, slots=True)
class Unregister(Message):
    """0027: the phone leaves; ``reason`` 0 is unknown, 1 power save, None is not said."""

    ID: ClassVar[int] = 0x0027
    reason: int | None = None

    def body(self) -> bytes:
        """Return nothing or 4 bytes."""
        return b"" if self.reason is None else number(self.reason)

    @classmethod
    def parse(cls, fields: Fields) -> Unregister:
        """Read it."""
        return cls(fields.number("reason") if fields.left else None)


@dataclass(frozen=True, slots=True)
class UnregisterAck(Message):
    """0118: see :class:`UnregisterStatus`."""

    ID: ClassVar[int] = 0x0118
    status: int = UnregisterStatus.OK

    def body(self) -> bytes:
        """Return 4 bytes."""
        return number(self.status)

    @classmethod
    def parse(cls, fields: Fields) -> UnregisterAck:
        """Read it."""
        return cls(fields.optional("status"))


@dataclass(frozen=True, slots=True)
class Reset(Message):
    """009F: see :class:`ResetKind`; an unknown kind is kept as a number."""

    ID: ClassVar[int] = 0x009F
    kind: int = ResetKind.RESET

    def body(self) -> bytes:
        """Return 4 bytes."""
        return number(self.kind)

    @classmethod
    def parse(cls, fields: Fields) -> Reset:
        """Read it."""
        return cls(fields.number("kind"))


@dataclass(frozen=True, slots=True)
class Alarm(Message):
    """0020: why the phone starts, such as ``25: Name=SEP001122334455 Load=... Last=Initialized``.

    Attributes:
        severity: 0 critical, 2 informational...
        text: The alarm.
        first: First parameter.
        second: Second parameter; the phone's address, read as a number.
    """

    ID: ClassVar[int] = 0x0020
    severity: int = 2
    text: str = ""
    first: int = 0
    second: int = 0

    def body(self) -> bytes:
        """Return 92 bytes."""
        return number(self.severity) + text(self.text, ALARM_WIDTH) + number(self.first) + number(self.second)

    @classmethod
    def parse(cls, fields: Fields) -> Alarm:
        """Read it."""
        severity, words = fields.number("severity"), fields.text(ALARM_WIDTH, "text")
        return cls(severity, words, fields.optional("first parameter"), fields.optional("second parameter"))


@dataclass(frozen=True, slots=True)
class XmlAlarm(Message):
    """015A: an alarm as XML, of firmware 9.1 and later, in 2048 bytes."""

    ID: ClassVar[int] = 0x015A
    text: str = ""

    def body(self) -> bytes:
        """Return 2048 bytes."""
        return text(self.text, XML_ALARM_WIDTH)

    @classmethod
    def parse(cls, fields: Fields) -> XmlAlarm:
        """Read it; a shorter one is taken too."""
        return cls(fields.text(min(fields.left, XML_ALARM_WIDTH), "text"))


@dataclass(frozen=True, slots=True)
class IpPort(Message):
    """0002: the UDP port that the phone takes RTP on."""

    ID: ClassVar[int] = 0x0002
    port: int = 0x4000

    def body(self) -> bytes:
        """Return 4 bytes."""
        return number(self.port)

    @classmethod
    def parse(cls, fields: Fields) -> IpPort:
        """Read it."""
        return cls(fields.optional("port"))


@dataclass(frozen=True, slots=True)
class RegisterTokenReq(Message):
    """0029: may I register here? A phone asks before it returns to a better server.

    Attributes:
        device: Device name.
        user: User id.
        instance: Instance.
        address: IPv4 address.
        device_type: As in Register.
        ipv6: 16 bytes.
        extra: 4 more bytes of some phones.
    """

    ID: ClassVar[int] = 0x0029
    device: str
    address: str
    device_type: int
    user: int = 0
    instance: int = 1
    ipv6: bytes = bytes(16)
    extra: bytes = bytes(4)

    def body(self) -> bytes:
        """Return 48 bytes and the extra ones."""
        head = text(self.device, NAME_WIDTH) + number(self.user) + number(self.instance) + address(self.address)
        return head + number(self.device_type) + exactly(self.ipv6, 16, "the IPv6 address") + self.extra

    @classmethod
    def parse(cls, fields: Fields) -> RegisterTokenReq:
        """Read it; old phones send no IPv6 address."""
        device, user, instance = (
            fields.text(NAME_WIDTH, "device name"),
            fields.number("user"),
            fields.number("instance"),
        )
        where, device_type = fields.address("address"), fields.number("device type")
        ipv6 = fields.raw(16, "IPv6") if fields.left >= 16 else bytes(16)
        return cls(device, where, device_type, user, instance, ipv6, fields.rest())


@dataclass(frozen=True, slots=True)
class RegisterTokenAck(Message):
    """011A: yes."""

    ID: ClassVar[int] = 0x011A


@dataclass(frozen=True, slots=True)
class RegisterTokenReject(Message):
    """011B: not now; ask again after ``wait`` seconds."""

    ID: ClassVar[int] = 0x011B
    wait: int = 60

    def body(self) -> bytes:
        """Return 4 bytes."""
        return number(self.wait)

    @classmethod
    def parse(cls, fields: Fields) -> RegisterTokenReject:
        """Read it."""
        return cls(fields.optional("wait", 60))
