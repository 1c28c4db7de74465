"""What a phone says of itself, what its end of a connection tells its owner, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.messages.registering import ResetKind


@dataclass(frozen=True, slots=True)
class PhoneFacts:
    """What a phone says of itself.

    Attributes:
        device: Its name.
        device_type: As CUCM numbers models.
        address: Its IPv4 address.
        load: Its firmware.
        protocol: The highest protocol version that it speaks.
        stamp: The version stamp of its configuration; empty if it sends none.
        lines: Lines that it can show.
        cause: Why it starts: ``Initialized``, ``Reset-Reset``, ``Reset-Restart``, ``KeepaliveTO``...
        report: An XML alarm to send once it is registered; empty for none.
        token: Whether it asks for a token first.
    """

    device: str
    device_type: int
    address: str = "127.0.0.1"
    load: str = ""
    protocol: int = 17
    stamp: str = ""
    lines: int = 2
    cause: str = "Initialized"
    report: str = ""
    token: bool = False


@dataclass(frozen=True, slots=True)
class PhoneTimes:
    """How long a phone waits, in seconds.

    Attributes:
        answer: For each answer until it is ready.
    """

    answer: float = 10.0


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The server has registered the phone."""

    keepalive: int
    protocol: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The phone has set itself up.

    Attributes:
        lines: Directory numbers.
    """

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResetAsked:
    """The CallManager wants a reset, a restart, or the configuration to be read again."""

    kind: ResetKind


class PhoneEnd(Enum):
    """Why a registration ended."""

    REJECTED = "rejected"
    BUSY = "busy"
    UNREGISTERED = "unregistered"
    SILENT = "silent"
    CLOSED = "closed"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class PhoneEnded:
    """The registration is over; close the connection."""

    reason: PhoneEnd
    text: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The phone unregisters: it restarts or is switched off."""


@dataclass(frozen=True, slots=True)
class CallTold:
    """The server told something about calls."""

    message: Laid


PhoneEvent = Acknowledged | Ready | ResetAsked | CallTold | PhoneEnded
PhoneTold = Leave | Laid
