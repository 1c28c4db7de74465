"""Ports that a server asks for before a channel is opened (calls-and-media.md 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mixedmode.protocols.sccp.calls.layout import Address, Laid, Slot, needed, numbers


@dataclass(frozen=True, slots=True)
class PortReq(Laid):
    """014B: which port would you listen on?"""

    ID: ClassVar[int] = 0x014B
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("conference", "call", "party"),
        *numbers("transport", "address_type"),
        *numbers("media_type", since=19),
    )
    conference: int
    call: int
    party: int
    transport: int = 1
    address_type: int = 0
    media_type: int = 0


@dataclass(frozen=True, slots=True)
class PortRes(Laid):
    """0045: this one."""

    ID: ClassVar[int] = 0x0045
    SLOTS: ClassVar[tuple[Slot, ...]] = (
        *needed("conference", "call", "party"),
        Slot("address", Address(36), needed=True),
        *numbers("port", "rtcp_port"),
        *numbers("media_type", since=19),
    )
    conference: int
    call: int
    party: int
    address: str
    port: int = 0
    rtcp_port: int = 0
    media_type: int = 0


@dataclass(frozen=True, slots=True)
class PortClose(Laid):
    """014C: not any more."""

    ID: ClassVar[int] = 0x014C
    SLOTS: ClassVar[tuple[Slot, ...]] = (*needed("conference", "call", "party"), *numbers("media_type", since=19))
    conference: int
    call: int
    party: int
    media_type: int = 0
