"""Who may be registered, and how: what a directory says of a device, and how a phone is connected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

SECURITY_ERROR: Final = "Security Error"
UNKNOWN_DEVICE: Final = "Error DBConfig"
"""What a phone that is not in the database is told; from memory, no trace confirms the words."""


class SecurityMode(IntEnum):
    """``deviceSecurityMode``."""

    NON_SECURE = 1
    AUTHENTICATED = 2
    ENCRYPTED = 3

    @property
    def label(self) -> str:
        """Lower case, for people."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Security:
    """How a phone is connected.

    Attributes:
        tls: Whether by TLS.
        encrypts: Whether its cipher encrypts; one that only authenticates does not.
        device: The device that its certificate names, None without a certificate that holds.
    """

    tls: bool = False
    encrypts: bool = False
    device: str | None = None

    def suits(self, device: str, mode: SecurityMode) -> bool:
        """Return whether a device of a mode may be registered this way (rule 1)."""
        if mode is SecurityMode.NON_SECURE:
            return not self.tls
        return self.tls and self.device == device and (self.encrypts or mode is SecurityMode.AUTHENTICATED)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a phone.

    Attributes:
        directory_number: ``1001``; empty for a line that cannot be called.
        label: What the phone shows beside the button.
        name: What others see of who calls.
        forward_all: Where all calls go; empty for nowhere, as the next two.
        forward_busy: Where those go that find it busy.
        forward_no_answer: Where those go that nobody answers.
        calls: How many calls it has until it is busy.
    """

    directory_number: str
    label: str = ""
    name: str = ""
    forward_all: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    calls: int = 1


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What the directory knows of a device.

    Attributes:
        mode: How it must connect.
        lines: Its lines.
    """

    mode: SecurityMode = SecurityMode.NON_SECURE
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The directory's "no", with the words for the phone's screen."""

    text: str = UNKNOWN_DEVICE
