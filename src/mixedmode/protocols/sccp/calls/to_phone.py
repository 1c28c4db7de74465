"""What a server says of calls: their state, lamps, tones, keys and what is on the screen (calls-and-media.md 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.calls.layout import EndedText, Laid, Slot, Text, needed, numbers

DYNAMIC_FROM: Final = 8
"""The protocol version from which texts on the screen end with a NUL."""
PROMPT_WIDTH: Final = 32


@dataclass(frozen=True, slots=True)
class CallState(Laid):
    """0111: see :class:`~mixedmode.protocols.sccp.calls.codes.State`; precedence 4 is normal."""

    ID: ClassVar[int] = 0x0111
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("state"),
        *numbers("line", "call", "privacy", "precedence", "domain"),
    )
    state: int
    line: int = 0
    call: int = 0
    privacy: int = 0
    precedence: int = 4
    domain: int = 0


@dataclass(frozen=True, slots=True)
class DialedNumber(Laid):
    """011D: what was dialled."""

    ID: ClassVar[int] = 0x011D
    FILLED: ClassVar[bool] = True
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        Slot("number", Text(24, 25, 18, 33), needed=True),
        *numbers("line", "call"),
    )
    number: str
    line: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class SelectSoftKeys(Laid):
    """0110: which soft keys are shown.

    Attributes:
        line: The line.
        call: The call.
        keys: See :class:`~mixedmode.protocols.sccp.calls.codes.KeySet`.
        mask: Bit n: whether the set's n-th key is.
    """

    ID: ClassVar[int] = 0x0110
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("line", "call", "keys"), *numbers("mask"))
    line: int
    call: int
    keys: int
    mask: int = 0xFFFF


@dataclass(frozen=True, slots=True)
class SetLamp(Laid):
    """0086: the lamp of a button is lit; see :class:`~mixedmode.protocols.sccp.calls.codes.Lamp`."""

    ID: ClassVar[int] = 0x0086
    SLOTS: ClassVar[tuple[Slot, ...]] = needed("stimulus", "instance", "mode")
    stimulus: int
    instance: int
    mode: int


@dataclass(frozen=True, slots=True)
class SetRinger(Laid):
    """0085: see :class:`~mixedmode.protocols.sccp.calls.codes.Ring`; duration 2 is once."""

    ID: ClassVar[int] = 0x0085
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("mode"), *numbers("duration", "line", "call"))
    mode: int
    duration: int = 1
    line: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class SetSpeakerMode(Laid):
    """0088: the speaker is switched on (1) or off (2)."""

    ID: ClassVar[int] = 0x0088
    SLOTS: ClassVar[tuple[Slot, ...]] = needed("mode")
    mode: int


@dataclass(frozen=True, slots=True)
class SetMicroMode(Laid):
    """0089: the microphone is switched on (1) or off (2)."""

    ID: ClassVar[int] = 0x0089
    SLOTS: ClassVar[tuple[Slot, ...]] = needed("mode")
    mode: int


@dataclass(frozen=True, slots=True)
class StartTone(Laid):
    """0082: a tone is heard; direction 0 by the user, 1 by the other side, 2 by both."""

    ID: ClassVar[int] = 0x0082
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("tone"), *numbers("direction", "line", "call"))
    tone: int
    direction: int = 0
    line: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class StopTone(Laid):
    """0083: it is not any more."""

    ID: ClassVar[int] = 0x0083
    SLOTS: ClassVar[tuple[Slot, ...]] = (*numbers("line", "call"), *numbers("tone", since=11, early=True))
    line: int = 0
    call: int = 0
    tone: int = 0


@dataclass(frozen=True, slots=True)
class ActivateCallPlane(Laid):
    """0116: the screen shows the calls of a line."""

    ID: ClassVar[int] = 0x0116
    SLOTS: ClassVar[tuple[Slot, ...]] = numbers("line")
    line: int = 0


@dataclass(frozen=True, slots=True)
class DeactivateCallPlane(Laid):
    """0117: it does not any more."""

    ID: ClassVar[int] = 0x0117


@dataclass(frozen=True, slots=True)
class DisplayPromptStatus(Laid):
    """0112: words about a call; they stay where the seconds are 0."""

    ID: ClassVar[int] = 0x0112
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("seconds"),
        Slot("text", Text(PROMPT_WIDTH), needed=True),
        *numbers("line", "call"),
    )
    seconds: int = 0
    text: str = ""
    line: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class DynamicPromptStatus(DisplayPromptStatus):
    """0145: the same from version 8 on."""

    ID: ClassVar[int] = 0x0145
    FILLED: ClassVar[bool] = True
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("seconds", "line", "call"), Slot("text", EndedText()))


@dataclass(frozen=True, slots=True)
class ClearPromptStatus(Laid):
    """0113: the words about a call go."""

    ID: ClassVar[int] = 0x0113
    SLOTS: ClassVar[tuple[Slot, ...]] = numbers("line", "call")
    line: int = 0
    call: int = 0


@dataclass(frozen=True, slots=True)
class DisplayNotify(Laid):
    """0114: words for some seconds."""

    ID: ClassVar[int] = 0x0114
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("seconds"), Slot("text", Text(PROMPT_WIDTH), needed=True))
    seconds: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class DynamicNotify(DisplayNotify):
    """0143: the same from version 8 on."""

    ID: ClassVar[int] = 0x0143
    FILLED: ClassVar[bool] = True
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("seconds"), Slot("text", EndedText()))


@dataclass(frozen=True, slots=True)
class ClearDisplay(Laid):
    """009A: the words on the screen go; one server appends four bytes."""

    ID: ClassVar[int] = 0x009A


@dataclass(frozen=True, slots=True)
class ClearNotify(Laid):
    """0115: they go."""

    ID: ClassVar[int] = 0x0115


@dataclass(frozen=True, slots=True)
class DisplayPriNotify(Laid):
    """0120: words of a priority for some seconds."""

    ID: ClassVar[int] = 0x0120
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("seconds", "priority"), Slot("text", Text(PROMPT_WIDTH), needed=True))
    seconds: int = 0
    priority: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class DynamicPriNotify(DisplayPriNotify):
    """0144: the same from version 8 on."""

    ID: ClassVar[int] = 0x0144
    FILLED: ClassVar[bool] = True
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("seconds", "priority"), Slot("text", EndedText()))


@dataclass(frozen=True, slots=True)
class ClearPriNotify(Laid):
    """0121: those of a priority go."""

    ID: ClassVar[int] = 0x0121
    SLOTS: ClassVar[tuple[Slot, ...]] = numbers("priority")
    priority: int = 0


@dataclass(frozen=True, slots=True)
class CallSelectStat(Laid):
    """0130: a call is selected."""

    ID: ClassVar[int] = 0x0130
    SLOTS: ClassVar[tuple[Slot, ...]] = needed("selected", "call", "line")
    selected: int
    call: int
    line: int


@dataclass(frozen=True, slots=True)
class CallHistoryDisposition(Laid):
    """0156: a call goes to the list of those placed (1), received (2), missed (3), or to none (0)."""

    ID: ClassVar[int] = 0x0156
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("disposition"), *numbers("line", "call"))
    disposition: int
    line: int = 0
    call: int = 0


def prompt(protocol: int, text: str, line: int, call: int, seconds: int = 0) -> DisplayPromptStatus:
    """Return the message with words about a call for a phone of a version; they must fit."""
    kind = DynamicPromptStatus if protocol >= DYNAMIC_FROM else DisplayPromptStatus
    return kind(seconds, text, line, call)


def notify(protocol: int, text: str, seconds: int) -> DisplayNotify:
    """Return the message with words for some seconds for a phone of a version; they must fit."""
    return (DynamicNotify if protocol >= DYNAMIC_FROM else DisplayNotify)(seconds, text)
