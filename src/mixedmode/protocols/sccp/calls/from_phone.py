"""What a phone says of calls (calls-and-media.md 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from mixedmode.protocols.sccp.calls.codes import DIGITS
from mixedmode.protocols.sccp.calls.layout import Laid, Slot, needed, numbers
from mixedmode.protocols.sccp.messages.fields import Fields, filled, number, text

_NUMBER: Final = 24
_WIDE_NUMBER: Final = 25
_WIDE_FROM: Final = 18
_LINE_FROM: Final = 17
_ALIGNED_LINE: Final = 28
_ALIGNED_BODY: Final = 32


@dataclass(frozen=True, slots=True)
class _OfCall(Laid):
    SLOTS: ClassVar[tuple[Slot, ...]] = numbers("line", "call")
    line: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class OffHook(_OfCall):
    """0006: the handset is lifted: to answer, or for a new call; without line and call on the default one."""

    ID: ClassVar[int] = 0x0006


@dataclass(frozen=True, slots=True)
class OnHook(_OfCall):
    """0007: the handset is put down: the active call ends if none is named."""

    ID: ClassVar[int] = 0x0007


@dataclass(frozen=True, slots=True)
class KeypadButton(Laid):
    """0003: a key.

    Attributes:
        key: 0 to 9, 0xA to 0xD for A to D, 0xE ``*``, 0xF ``#``, 0x10 ``+``.
        line: Of the call; old phones do not say it.
        call: The same.
    """

    ID: ClassVar[int] = 0x0003
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("key"), *numbers("line", "call", since=5, early=True))
    key: int
    line: int = 0
    call: int = 0

    @property
    def digit(self) -> str:
        """The character, empty for a key that has none."""
        return DIGITS[self.key] if self.key < len(DIGITS) else ""


@dataclass(frozen=True, slots=True)
class EnblocCall(Laid):
    """0004: call this number, all at once.

    Attributes:
        number: The number.
        line: On which line; 0 where it is not said.
    """

    ID: ClassVar[int] = 0x0004
    number: str
    line: int = 0

    def _written(self, protocol: int) -> bytes:
        if protocol < _LINE_FROM:
            return text(self.number, _NUMBER)
        width = _WIDE_NUMBER if protocol >= _WIDE_FROM else _NUMBER
        return filled(text(self.number, width) + number(self.line))

    @classmethod
    def _read(cls, fields: Fields) -> dict[str, Any]:
        """Read it by its length; two phones of version 22 were seen with the line at byte 25 and at 28."""
        body = fields.whole
        wide = len(body) > _ALIGNED_LINE and (fields.protocol >= _WIDE_FROM or not body[_NUMBER])
        called = fields.text(min(_WIDE_NUMBER if wide else _NUMBER, fields.left), "number")
        aligned = int.from_bytes(body[_ALIGNED_LINE:_ALIGNED_BODY], "little")
        if wide and aligned and len(body) >= _ALIGNED_BODY:
            return {"number": called, "line": aligned}
        return {"number": called, "line": fields.optional("line")}


@dataclass(frozen=True, slots=True)
class Stimulus(Laid):
    """0005: a button; see :class:`~mixedmode.protocols.sccp.calls.codes.Button`."""

    ID: ClassVar[int] = 0x0005
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("stimulus"), *numbers("instance", "call", "status"))
    stimulus: int
    instance: int = 0
    call: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class SoftKeyEvent(Laid):
    """0026: a soft key; see :class:`~mixedmode.protocols.sccp.calls.codes.Key`."""

    ID: ClassVar[int] = 0x0026
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("event"), *numbers("line", "call"))
    event: int
    line: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class MediaPathEvent(Laid):
    """0049: headset (1), handset (2) or speaker (3) is switched on (1) or off (2)."""

    ID: ClassVar[int] = 0x0049
    SLOTS: ClassVar[tuple[Slot, ...]] = needed("path", "event")
    path: int
    event: int


@dataclass(frozen=True, slots=True)
class MediaPathCapability(Laid):
    """004A: headset (1), handset (2) or speaker (3) can be used (1), not (2), or to listen (3)."""

    ID: ClassVar[int] = 0x004A
    SLOTS: ClassVar[tuple[Slot, ...]] = needed("path", "capability")
    path: int
    capability: int


@dataclass(frozen=True, slots=True)
class UpdateCapabilities(Laid):
    """0030: codecs and picture formats of a phone with a camera; what is in it is not needed here."""

    ID: ClassVar[int] = 0x0030
    data: bytes = b""

    def _written(self, _protocol: int) -> bytes:
        return self.data

    @classmethod
    def _read(cls, fields: Fields) -> dict[str, Any]:
        return {"data": fields.rest()}
