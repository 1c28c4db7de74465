"""Who is in a call, and how well it is protected: CallInfo in both forms (calls-and-media.md 4 and 7.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mixedmode.protocols.sccp.calls.layout import EndedText, Kind, Laid, Slot, Text, needed, numbers

NAME_WIDTH: Final = 40
NUMBER_WIDTH: Final = 24
_FIFTEEN_TEXTS_FROM: Final = 16
_BOXES: Final = ("calling_box", "called_box", "original_called_box", "redirecting_box")


def _texts(kind: Kind, *names: str, since: int = 0, required: bool = False) -> tuple[Slot, ...]:
    return tuple(Slot(name, kind, since=since, needed=required) for name in names)


@dataclass(frozen=True, slots=True)
class CallInfo(Laid):
    """008F: the parties of a call, in 384 bytes.

    Attributes:
        calling_name: Who calls; ``calling`` is the number.
        called_name: Who is called.
        line: The line.
        call: The call.
        kind: 1 in, 2 out, 3 forwarded.
        original_called_name: Who was called first.
        redirecting_name: Who forwarded last.
        original_reason: Why the first one did.
        redirecting_reason: Why the last one did.
        calling_box: Voice mail box.
        instance: The call's number on its line.
        security: The security status; see :class:`~mixedmode.protocols.sccp.calls.codes.Protection`.
        restrictions: Bits: what is not shown.
        alternate_calling: Another number of who calls, from version 16 on, as the next two.
        hunt_pilot: Number of the hunt group.
        hunt_pilot_name: Its name.
    """

    ID: ClassVar[int] = 0x008F
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        Slot("calling_name", Text(NAME_WIDTH), needed=True),
        Slot("calling", Text(NUMBER_WIDTH), needed=True),
        Slot("called_name", Text(NAME_WIDTH), needed=True),
        Slot("called", Text(NUMBER_WIDTH), needed=True),
        *needed("line", "call", "kind"),
        Slot("original_called_name", Text(NAME_WIDTH)),
        Slot("original_called", Text(NUMBER_WIDTH)),
        Slot("redirecting_name", Text(NAME_WIDTH)),
        Slot("redirecting", Text(NUMBER_WIDTH)),
        *numbers("original_reason", "redirecting_reason"),
        *_texts(Text(NUMBER_WIDTH), *_BOXES),
        *numbers("instance", "security", "restrictions"),
    )
    calling_name: str = ""
    calling: str = ""
    called_name: str = ""
    called: str = ""
    line: int = 0
    call: int = 0
    kind: int = 0
    original_called_name: str = ""
    original_called: str = ""
    redirecting_name: str = ""
    redirecting: str = ""
    original_reason: int = 0
    redirecting_reason: int = 0
    calling_box: str = ""
    called_box: str = ""
    original_called_box: str = ""
    redirecting_box: str = ""
    instance: int = 1
    security: int = 0
    restrictions: int = 0
    alternate_calling: str = ""
    hunt_pilot: str = ""
    hunt_pilot_name: str = ""


@dataclass(frozen=True, slots=True)
class DynamicCallInfo(CallInfo):
    """014A: the same from version 8 on: 12 texts, from version 16 on 15, without alignment between them."""

    ID: ClassVar[int] = 0x014A
    FILLED: ClassVar[bool] = True
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("line", "call", "kind"),
        *needed("original_reason", "redirecting_reason", "instance", "security", "restrictions"),
        *_texts(EndedText(), "calling"),
        *_texts(EndedText(), "alternate_calling", since=_FIFTEEN_TEXTS_FROM),
        *_texts(EndedText(), "called", "original_called", "redirecting", *_BOXES),
        *_texts(EndedText(), "calling_name", "called_name", "original_called_name", "redirecting_name"),
        *_texts(EndedText(), "hunt_pilot", "hunt_pilot_name", since=_FIFTEEN_TEXTS_FROM),
    )
