"""What a phone counted in a call (calls-and-media.md 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from mixedmode.protocols.sccp.calls.layout import Laid, Slot, Text, needed, numbers
from mixedmode.protocols.sccp.messages.fields import Fields, filled, number, text

_NUMBER: Final = 24
_WIDE_NUMBER: Final = 28
_WIDE_FROM: Final = 18
_PACKED_FROM: Final = 22
_TEXT: Final = 600
_PACKED_SIZE_AT: Final = 61
_LENGTHS: Final = {664: False, 668: True}
"""Bodies with a text of 600 bytes: whether the number is wide."""
_COUNTERS: Final = (
    *("packets_sent", "octets_sent", "packets_received", "octets_received"),
    *("packets_lost", "jitter", "latency"),
)


@dataclass(frozen=True, slots=True)
class ConnectionStatisticsReq(Laid):
    """0107: what have you counted? Mode 1 keeps the counters, 0 clears them."""

    ID: ClassVar[int] = 0x0107
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        Slot("number", Text(_NUMBER, _WIDE_NUMBER, _WIDE_FROM, 36), needed=True),
        *needed("call"),
        *numbers("mode"),
    )
    number: str
    call: int
    mode: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionStatisticsRes(Laid):
    """0023: this.

    Attributes:
        number: As asked.
        call: As asked.
        mode: As asked.
        packets_sent: Packets.
        octets_sent: Bytes of sound.
        packets_received: Packets.
        octets_received: Bytes of sound.
        packets_lost: Packets.
        jitter: Milliseconds.
        latency: Milliseconds.
        text: Of quality, ``MLQK=4.5000;...``.
    """

    ID: ClassVar[int] = 0x0023
    number: str
    call: int
    mode: int = 0
    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    packets_lost: int = 0
    jitter: int = 0
    latency: int = 0
    text: str = ""

    def _written(self, protocol: int) -> bytes:
        """Return its bytes: from version 22 on the mode has one byte, and the text its own length."""
        packed = protocol >= _PACKED_FROM
        head = text(self.number, _WIDE_NUMBER if protocol >= _WIDE_FROM else _NUMBER) + number(self.call)
        head += number(self.mode, 1 if packed else 4) + b"".join(number(getattr(self, name)) for name in _COUNTERS)
        words = self.text.encode("utf-8", "surrogateescape")
        if protocol < 5:
            return head
        return filled(head + number(len(words)) + (words if packed else text(self.text, _TEXT)))

    @classmethod
    def _read(cls, fields: Fields) -> dict[str, Any]:
        """Read it; a length that only another version has says which layout it is."""
        packed = cls._is_packed(fields)
        wide = packed or _LENGTHS.get(fields.total, fields.protocol >= _WIDE_FROM)
        values: dict[str, Any] = {
            "number": fields.text(_WIDE_NUMBER if wide else _NUMBER, "number"),
            "call": fields.number("call"),
            "mode": fields.optional("mode", size=1 if packed else 4),
        }
        values.update({name: fields.optional(name) for name in _COUNTERS})
        size = min(fields.optional("text size"), fields.left)
        return {**values, "text": fields.text(size, "text")}

    @staticmethod
    def _is_packed(fields: Fields) -> bool:
        """Whether it is the layout of version 22: the length is that which its text gives it there, or no other's."""
        if fields.protocol < _WIDE_FROM:
            return False
        size = int.from_bytes(fields.whole[_PACKED_SIZE_AT : _PACKED_SIZE_AT + 4], "little")
        if len(filled(bytes(_PACKED_SIZE_AT + 4 + size % (1 << 16)))) == fields.total:
            return fields.protocol >= _PACKED_FROM or fields.total not in _LENGTHS
        return fields.protocol >= _PACKED_FROM and fields.total not in _LENGTHS
