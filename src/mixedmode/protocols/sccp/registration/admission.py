"""Who may be registered, and how: what a directory says of a device, and how a phone is connected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
        certificate: SHA-256 of that certificate; empty without one.
        until: The end of its time, None without one: a phone may take long between its handshake and its Register.
    """

    tls: bool = False
    encrypts: bool = False
    device: str | None = None
    certificate: bytes = b""
    until: datetime | None = None

    def fault(self, device: str, facts: DeviceFacts, now: datetime | None = None) -> str:
        """Return why a device may not be registered this way, empty if it may (rule 1)."""
        mode, secure = facts.mode, facts.mode is not SecurityMode.NON_SECURE
        faults = (
            (self.tls and not secure, "it came by TLS, and is non-secure"),
            (secure and not self.tls, f"it came without TLS, and its mode is {mode.label}"),
            (secure and self.device is None, "it showed no certificate that names a device"),
            (secure and self.device != device, f"its certificate is that of {self.device}"),
            (secure and self.certificate in facts.revoked, "its certificate is revoked"),
            (secure and now is not None and self._is_over(now), "its certificate has expired"),
            (
                mode is SecurityMode.ENCRYPTED and not self.encrypts,
                "its cipher does not encrypt, and its mode is encrypted",
            ),
        )
        return next((why for broken, why in faults if broken), "")

    def _is_over(self, now: datetime) -> bool:
        return self.until is not None and now >= self.until

    def suits(self, device: str, mode: SecurityMode) -> bool:
        """Return whether a device of a mode may be registered this way, if its certificate is not revoked."""
        return not self.fault(device, DeviceFacts(mode))


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
        revoked: SHA-256 of the certificates that do not prove it any more.
        secure_tone: Whether a tone tells its user if a call is encrypted.
    """

    mode: SecurityMode = SecurityMode.NON_SECURE
    lines: tuple[Line, ...] = ()
    revoked: frozenset[bytes] = frozenset()
    secure_tone: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """The directory's "no", with the words for the phone's screen."""

    text: str = UNKNOWN_DEVICE
