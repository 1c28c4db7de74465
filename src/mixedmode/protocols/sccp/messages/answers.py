"""The answers to what a registered phone asks (calls-and-media.md 5).

Rules:

1. Two forms where there are two: texts of a fixed width below protocol 17, texts that end with a NUL from 17 on, as
   with LineStat. The agreed version decides what is written.
2. Reading goes by length where it tells forms apart (ForwardStat), and takes what ends early.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.messages.fields import Fields, Message, ended_text, filled, fitting, number, text

DYNAMIC_FROM: Final = 17
"""The protocol version from which texts end with a NUL."""
VERSION_WIDTH: Final = 16
_WIDER_NUMBERS_FROM: Final = 18
_FORWARDS: Final = 3


@dataclass(frozen=True, slots=True)
class Forward:
    """Where calls go, and whether they do."""

    active: int = 0
    number: str = ""


@dataclass(frozen=True, slots=True)
class ForwardStat(Message):
    """0090: how a line is forwarded.

    Attributes:
        line: The line.
        targets: Of all calls, when busy, when nobody answers.
        active: Whether any of them is.
        width: Bytes of a number: 24, from protocol 18 on 25.
    """

    ID: ClassVar[int] = 0x0090
    line: int = 1
    targets: tuple[Forward, Forward, Forward] = (Forward(), Forward(), Forward())
    active: int = 0
    width: int = 24

    @classmethod
    def of(cls, line: int, numbers: tuple[str, str, str], protocol: int) -> ForwardStat:
        """Return the answer for a line: where all calls go, those that find it busy, and those that nobody answers."""
        one, two, three = (Forward(bool(each), fitting(each, 24)) for each in numbers)
        width = 25 if protocol >= _WIDER_NUMBERS_FROM else 24
        return cls(line, (one, two, three), int(any(numbers)), width)

    def body(self) -> bytes:
        """Return 92 bytes, or 95 filled up."""
        parts = [number(each.active) + text(each.number, self.width) for each in self.targets]
        return filled(number(self.active) + number(self.line) + b"".join(parts))

    @classmethod
    def parse(cls, fields: Fields) -> ForwardStat:
        """Read it; its length tells the forms apart."""
        active, line = fields.number("active"), fields.number("line")
        width = 25 if fields.left >= _FORWARDS * (4 + 25) else 24
        one, two, three = (
            Forward(fields.number("active"), fields.text(width, "number").rstrip("\0")) for _ in range(_FORWARDS)
        )
        return cls(line, (one, two, three), active, width)


@dataclass(frozen=True, slots=True)
class SpeedDialStat(Message):
    """0091: a speed dial; empty texts for one that is not there."""

    ID: ClassVar[int] = 0x0091
    index: int = 1
    digits: str = ""
    name: str = ""

    def body(self) -> bytes:
        """Return 68 bytes."""
        return number(self.index) + text(self.digits, 24) + text(self.name, 40)

    @classmethod
    def parse(cls, fields: Fields) -> SpeedDialStat:
        """Read it."""
        return cls(fields.number("index"), fields.text(24, "number"), fields.text(40, "name"))


@dataclass(frozen=True, slots=True)
class DynamicSpeedDialStat(SpeedDialStat):
    """0149: the same with texts that end with a NUL."""

    ID: ClassVar[int] = 0x0149

    def body(self) -> bytes:
        """Return 4 bytes and the texts."""
        return filled(number(self.index) + ended_text(self.digits) + ended_text(self.name))

    @classmethod
    def parse(cls, fields: Fields) -> DynamicSpeedDialStat:
        """Read it."""
        return cls(fields.number("index"), fields.ended_text("number"), fields.ended_text("name"))


@dataclass(frozen=True, slots=True)
class FeatureStat(Message):
    """011F: a feature button; type and status 0 for one that is not there."""

    ID: ClassVar[int] = 0x011F
    index: int = 1
    kind: int = 0
    label: str = ""
    status: int = 0

    def body(self) -> bytes:
        """Return 52 bytes."""
        return number(self.index) + number(self.kind) + text(self.label, 40) + number(self.status)

    @classmethod
    def parse(cls, fields: Fields) -> FeatureStat:
        """Read it."""
        index, kind, label = fields.number("index"), fields.number("type"), fields.text(40, "label")
        return cls(index, kind, label, fields.optional("status"))


@dataclass(frozen=True, slots=True)
class DynamicFeatureStat(FeatureStat):
    """0146: the same with a text that ends with a NUL."""

    ID: ClassVar[int] = 0x0146

    def body(self) -> bytes:
        """Return 12 bytes and the text."""
        return filled(number(self.index) + number(self.kind) + number(self.status) + ended_text(self.label))

    @classmethod
    def parse(cls, fields: Fields) -> DynamicFeatureStat:
        """Read it."""
        index, kind, status = fields.number("index"), fields.number("type"), fields.number("status")
        return cls(index, kind, fields.ended_text("label"), status)


@dataclass(frozen=True, slots=True)
class ServiceUrlStat(Message):
    """012F: a service; empty texts for one that is not there."""

    ID: ClassVar[int] = 0x012F
    index: int = 1
    url: str = ""
    label: str = ""

    def body(self) -> bytes:
        """Return 300 bytes."""
        return number(self.index) + text(self.url, 256) + text(self.label, 40)

    @classmethod
    def parse(cls, fields: Fields) -> ServiceUrlStat:
        """Read it."""
        return cls(fields.number("index"), fields.text(256, "URL"), fields.text(40, "label"))


@dataclass(frozen=True, slots=True)
class DynamicServiceUrlStat(ServiceUrlStat):
    """0148: the same with texts that end with a NUL."""

    ID: ClassVar[int] = 0x0148

    def body(self) -> bytes:
        """Return 4 bytes and the texts."""
        return filled(number(self.index) + ended_text(self.url) + ended_text(self.label))

    @classmethod
    def parse(cls, fields: Fields) -> DynamicServiceUrlStat:
        """Read it."""
        return cls(fields.number("index"), fields.ended_text("URL"), fields.ended_text("label"))


@dataclass(frozen=True, slots=True)
class ConfigStat(Message):
    """0093: who the phone is.

    Attributes:
        device: Its name.
        instance: As it registered.
        user: Whose it is.
        server: The server's name.
        lines: How many it has.
        speed_dials: The same.
    """

    ID: ClassVar[int] = 0x0093
    device: str = ""
    instance: int = 1
    user: str = ""
    server: str = ""
    lines: int = 0
    speed_dials: int = 0

    def body(self) -> bytes:
        """Return 112 bytes."""
        head = text(self.device, 16) + number(0) + number(self.instance)
        return head + text(self.user, 40) + text(self.server, 40) + number(self.lines) + number(self.speed_dials)

    @classmethod
    def parse(cls, fields: Fields) -> ConfigStat:
        """Read it."""
        device, _, instance = fields.text(16, "device"), fields.number("user id"), fields.number("instance")
        user, server = fields.text(40, "user"), fields.text(40, "server")
        return cls(device, instance, user, server, fields.optional("lines"), fields.optional("speed dials"))


@dataclass(frozen=True, slots=True)
class DynamicConfigStat(ConfigStat):
    """0142: the same with texts that end with a NUL."""

    ID: ClassVar[int] = 0x0142

    def body(self) -> bytes:
        """Return 32 bytes and the texts."""
        head = text(self.device, 16) + number(0) + number(self.instance)
        return filled(
            head + number(self.lines) + number(self.speed_dials) + ended_text(self.user) + ended_text(self.server)
        )

    @classmethod
    def parse(cls, fields: Fields) -> DynamicConfigStat:
        """Read it."""
        device, _, instance = fields.text(16, "device"), fields.number("user id"), fields.number("instance")
        lines, speed_dials = fields.number("lines"), fields.number("speed dials")
        return cls(device, instance, fields.ended_text("user"), fields.ended_text("server"), lines, speed_dials)


@dataclass(frozen=True, slots=True)
class VersionRes(Message):
    """0098: the firmware that the phone shall run; empty where the server has no wish."""

    ID: ClassVar[int] = 0x0098
    version: str = ""

    def body(self) -> bytes:
        """Return 16 bytes."""
        return text(self.version, VERSION_WIDTH)

    @classmethod
    def parse(cls, fields: Fields) -> VersionRes:
        """Read it."""
        return cls(fields.text(min(fields.left, VERSION_WIDTH), "version"))


@dataclass(frozen=True, slots=True)
class SubscriptionStat(Message):
    """0152: the answer to a subscription.

    Attributes:
        transaction: As asked.
        feature: As asked.
        timer: As asked.
        cause: 0 granted, 1 nobody knows such a thing.
    """

    ID: ClassVar[int] = 0x0152
    transaction: int = 0
    feature: int = 0
    timer: int = 0
    cause: int = 0

    def body(self) -> bytes:
        """Return 16 bytes."""
        return number(self.transaction) + number(self.feature) + number(self.timer) + number(self.cause)

    @classmethod
    def parse(cls, fields: Fields) -> SubscriptionStat:
        """Read it."""
        transaction, feature = fields.number("transaction"), fields.number("feature")
        return cls(transaction, feature, fields.number("timer"), fields.optional("cause"))
