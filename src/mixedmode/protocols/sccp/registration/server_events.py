"""What the server's end of a connection tells its owner, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mixedmode.protocols.sccp.calls.layout import Laid
from mixedmode.protocols.sccp.messages.register import Register
from mixedmode.protocols.sccp.messages.registering import ResetKind
from mixedmode.protocols.sccp.messages.server_list import ServerEntry
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Refusal, SecurityMode


@dataclass(frozen=True, slots=True)
class AskDevice:
    """A phone asks to be registered: look it up and send :class:`DeviceFacts` or :class:`Refusal`."""

    register: Register


@dataclass(frozen=True, slots=True)
class AskServers:
    """A registered phone asks which servers there are: send :class:`Servers`."""


@dataclass(frozen=True, slots=True)
class Servers:
    """This server and the others of the phone's group, in order."""

    entries: tuple[ServerEntry, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    """A phone is registered with a protocol version."""

    register: Register
    protocol: int
    mode: SecurityMode


@dataclass(frozen=True, slots=True)
class Rejected:
    """A phone is not registered; close once the answer is sent.

    Attributes:
        device: Its name.
        text: What it was told.
        why: More than that, for the server's own records; words, so that two are equal without it.
    """

    device: str
    text: str
    why: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Reported:
    """A phone sent an alarm."""

    text: str
    xml: bool


@dataclass(frozen=True, slots=True)
class Left:
    """A phone unregistered; close once the answer is sent."""

    reason: int | None


@dataclass(frozen=True, slots=True)
class CallSaid:
    """A registered phone said something about calls."""

    message: Laid


class EndReason(Enum):
    """Why a connection is of no more use."""

    SILENT = "silent"
    NO_REGISTER = "no-register"
    NO_ANSWER = "no-answer"


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is of no more use; close it."""

    reason: EndReason
    why: str


Event = AskDevice | AskServers | Registered | Rejected | Reported | CallSaid | Left | Ended
Told = DeviceFacts | Refusal | Servers | ResetKind | Laid
