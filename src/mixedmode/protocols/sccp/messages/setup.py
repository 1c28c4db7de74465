"""Messages that a registered phone sets itself up with: capabilities, templates, lines, time (wire-formats.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from mixedmode.protocols.sccp.messages.fields import Fields, Message, ended_text, exactly, filled, number, text

_CAPABILITY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class CapabilitiesReq(Message):
    """009B: which codecs do you know?"""

    ID: ClassVar[int] = 0x009B


@dataclass(frozen=True, slots=True)
class Capability:
    """A codec: its number, the most frames in a packet, and 8 bytes that depend on it."""

    codec: int = 0
    frames: int = 0
    parameters: bytes = bytes(8)


@dataclass(frozen=True, slots=True)
class CapabilitiesRes(Message):
    """0010: these.

    Attributes:
        count: How many of the slots count.
        slots: As they stand in the message: 18 in old phones, or as many as count.
    """

    ID: ClassVar[int] = 0x0010
    count: int = 0
    slots: tuple[Capability, ...] = ()

    def body(self) -> bytes:
        """Return 4 bytes and 16 for each slot."""
        parts = [number(self.count)]
        parts += [
            number(each.codec) + number(each.frames) + exactly(each.parameters, 8, "the parameters")
            for each in self.slots
        ]
        return b"".join(parts)

    @classmethod
    def parse(cls, fields: Fields) -> CapabilitiesRes:
        """Read it."""
        count = fields.number("count")
        slots = []
        while fields.left >= _CAPABILITY_BYTES:
            slots.append(Capability(fields.number("codec"), fields.number("frames"), fields.raw(8, "parameters")))
        return cls(count, tuple(slots))


@dataclass(frozen=True, slots=True)
class LineStatReq(Message):
    """000B: what is line ``line``?"""

    ID: ClassVar[int] = 0x000B
    line: int = 1

    def body(self) -> bytes:
        """Return 4 bytes."""
        return number(self.line)

    @classmethod
    def parse(cls, fields: Fields) -> LineStatReq:
        """Read it."""
        return cls(fields.number("line"))


@dataclass(frozen=True, slots=True)
class LineStat(Message):
    """0092: this.

    Attributes:
        line: Its number on the phone, from 1.
        directory_number: ``1001``; empty if there is no such line.
        full_name: The name to show to others.
        label: The name on the phone.
        options: Bits.
    """

    ID: ClassVar[int] = 0x0092
    line: int = 1
    directory_number: str = ""
    full_name: str = ""
    label: str = ""
    options: int = 0x0F

    def body(self) -> bytes:
        """Return 112 bytes."""
        names = text(self.directory_number, 24) + text(self.full_name, 40) + text(self.label, 40)
        return number(self.line) + names + number(self.options)

    @classmethod
    def parse(cls, fields: Fields) -> LineStat:
        """Read it; old servers end before the options."""
        line, directory_number = fields.number("line"), fields.text(24, "directory number")
        full_name, label = fields.text(40, "full name"), fields.text(40, "label")
        return cls(line, directory_number, full_name, label, fields.optional("options"))


@dataclass(frozen=True, slots=True)
class DynamicLineStat(Message):
    """0147: LineStat for protocol 17 and later; each text ends with a NUL, the whole is filled up to words."""

    ID: ClassVar[int] = 0x0147
    line: int = 1
    directory_number: str = ""
    full_name: str = ""
    label: str = ""
    options: int = 0x0F

    def body(self) -> bytes:
        """Return 8 bytes and the texts."""
        texts = map(ended_text, (self.directory_number, self.full_name, self.label))
        return filled(number(self.line) + number(self.options) + b"".join(texts))

    @classmethod
    def parse(cls, fields: Fields) -> DynamicLineStat:
        """Read it."""
        line, options = fields.number("line"), fields.number("options")
        directory_number, full_name = fields.ended_text("directory number"), fields.ended_text("full name")
        return cls(line, directory_number, full_name, fields.ended_text("label"), options)


@dataclass(frozen=True, slots=True)
class RegisterAvailableLines(Message):
    """002D: the phone can show ``lines`` lines."""

    ID: ClassVar[int] = 0x002D
    lines: int = 1

    def body(self) -> bytes:
        """Return 4 bytes."""
        return number(self.lines)

    @classmethod
    def parse(cls, fields: Fields) -> RegisterAvailableLines:
        """Read it."""
        return cls(fields.optional("lines", 1))


@dataclass(frozen=True, slots=True)
class TimeDateReq(Message):
    """000D: what time is it?"""

    ID: ClassVar[int] = 0x000D


@dataclass(frozen=True, slots=True)
class DefineTimeDate(Message):
    """0094: this; the local time in parts, and seconds since 1970."""

    ID: ClassVar[int] = 0x0094
    year: int
    month: int
    weekday: int
    day: int
    hour: int
    minute: int
    second: int
    millisecond: int
    unix: int

    @classmethod
    def of(cls, moment: datetime) -> DefineTimeDate:
        """Return the message of a moment; Sunday is day 0."""
        return cls(
            moment.year,
            moment.month,
            moment.isoweekday() % 7,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond // 1000,
            int(moment.timestamp()),
        )

    def body(self) -> bytes:
        """Return 36 bytes."""
        parts = (self.year, self.month, self.weekday, self.day, self.hour, self.minute, self.second)
        return b"".join(number(part) for part in (*parts, self.millisecond, self.unix))

    @classmethod
    def parse(cls, fields: Fields) -> DefineTimeDate:
        """Read it; a server may end before milliseconds and Unix time."""
        parts = [fields.number(f"time, part {part}") for part in range(1, 8)]
        return cls(*parts, *(fields.optional(name) for name in ("milliseconds", "Unix time")))
