"""Messages about a phone's buttons and soft keys (wire-formats.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.messages.fields import Fields, Message, exactly, number, text

BUTTON_SLOTS: Final = 42
SOFT_KEY_SLOTS: Final = 32
BUTTON_LINE: Final = 9
BUTTON_SPEED_DIAL: Final = 2
_KEYS: Final = 16
_SET_BYTES: Final = 3 * _KEYS
_SOFT_KEY_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class ButtonTemplateReq(Message):
    """000E: which buttons have I?"""

    ID: ClassVar[int] = 0x000E


@dataclass(frozen=True, slots=True)
class Button:
    """A button: the number of its line or speed dial, and its type; 9 line, 2 speed dial, 255 undefined."""

    instance: int = 0
    kind: int = 0


@dataclass(frozen=True, slots=True)
class ButtonTemplateRes(Message):
    """0097: these.

    Attributes:
        offset: Of the first.
        count: How many of the slots count.
        total: How many there are.
        slots: As they stand in the message: 42 or 56.
    """

    ID: ClassVar[int] = 0x0097
    offset: int = 0
    count: int = 0
    total: int = 0
    slots: tuple[Button, ...] = ()

    @classmethod
    def of(cls, buttons: tuple[Button, ...]) -> ButtonTemplateRes:
        """Return the message of up to 42 buttons."""
        used = buttons[:BUTTON_SLOTS]
        return cls(0, len(used), len(used), used + (Button(),) * (BUTTON_SLOTS - len(used)))

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Those that count."""
        return self.slots[: self.count]

    def body(self) -> bytes:
        """Return 12 bytes and 2 for each slot."""
        head = number(self.offset) + number(self.count) + number(self.total)
        return head + b"".join(number(each.instance, 1) + number(each.kind, 1) for each in self.slots)

    @classmethod
    def parse(cls, fields: Fields) -> ButtonTemplateRes:
        """Read it."""
        offset, count, total = fields.number("offset"), fields.number("count"), fields.number("total")
        slots = []
        while fields.left >= 2:
            slots.append(Button(fields.number("instance", 1), fields.number("type", 1)))
        return cls(offset, count, total, tuple(slots))


@dataclass(frozen=True, slots=True)
class SoftKeyTemplateReq(Message):
    """0028: which soft keys are there?"""

    ID: ClassVar[int] = 0x0028


@dataclass(frozen=True, slots=True)
class SoftKey:
    """A soft key: its label, often two bytes that stand for a word of the phone's language, and its event."""

    label: str = ""
    event: int = 0


@dataclass(frozen=True, slots=True)
class SoftKeyTemplateRes(Message):
    """0108: these, in 32 slots."""

    ID: ClassVar[int] = 0x0108
    offset: int = 0
    count: int = 0
    total: int = 0
    slots: tuple[SoftKey, ...] = ()

    @classmethod
    def of(cls, keys: tuple[SoftKey, ...]) -> SoftKeyTemplateRes:
        """Return the message of up to 32 keys."""
        used = keys[:SOFT_KEY_SLOTS]
        return cls(0, len(used), len(used), used + (SoftKey(),) * (SOFT_KEY_SLOTS - len(used)))

    def body(self) -> bytes:
        """Return 12 bytes and 20 for each slot."""
        head = number(self.offset) + number(self.count) + number(self.total)
        return head + b"".join(text(each.label, 16) + number(each.event) for each in self.slots)

    @classmethod
    def parse(cls, fields: Fields) -> SoftKeyTemplateRes:
        """Read it."""
        offset, count, total = fields.number("offset"), fields.number("count"), fields.number("total")
        slots = []
        while fields.left >= _SOFT_KEY_BYTES:
            slots.append(SoftKey(fields.text(16, "label"), fields.number("event")))
        return cls(offset, count, total, tuple(slots))


@dataclass(frozen=True, slots=True)
class SoftKeySetReq(Message):
    """0025: which soft keys are shown when?"""

    ID: ClassVar[int] = 0x0025


@dataclass(frozen=True, slots=True)
class SoftKeySet:
    """The keys of one state of a call: 16 places in the template, and 16 numbers of them."""

    places: bytes = bytes(_KEYS)
    numbers: tuple[int, ...] = (0,) * _KEYS


@dataclass(frozen=True, slots=True)
class SoftKeySetRes(Message):
    """0109: these, one set for each state."""

    ID: ClassVar[int] = 0x0109
    offset: int = 0
    count: int = 0
    total: int = 0
    sets: tuple[SoftKeySet, ...] = ()

    def body(self) -> bytes:
        """Return 12 bytes and 48 for each set."""
        parts = [number(self.offset), number(self.count), number(self.total)]
        for each in self.sets:
            parts.append(exactly(each.places, _KEYS, "a soft key set"))
            parts.append(exactly(b"".join(number(n, 2) for n in each.numbers), 2 * _KEYS, "a soft key set"))
        return b"".join(parts)

    @classmethod
    def parse(cls, fields: Fields) -> SoftKeySetRes:
        """Read it."""
        offset, count, total = fields.number("offset"), fields.number("count"), fields.number("total")
        sets = []
        while fields.left >= _SET_BYTES:
            places = fields.raw(_KEYS, "places")
            sets.append(SoftKeySet(places, tuple(fields.number("number", 2) for _ in range(_KEYS))))
        return cls(offset, count, total, tuple(sets))
