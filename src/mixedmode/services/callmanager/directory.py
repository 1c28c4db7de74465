"""What CallManager knows of devices, and the list of those that are registered.

Rules:

1. In a non-secure cluster every device is non-secure, whatever its profile says: phones register so when no CCM record
   is in their CTL (wire-formats.md 6). In mixed mode the device's security mode counts.
2. Lines are those of the database, by button; a phone without one has a line that can call and not be called.
3. A device that is not in the database, or that speaks SIP, is refused: there is no auto-registration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any, Final, Protocol

from mixedmode.cluster.model.lines import LineSpec
from mixedmode.cluster.model.topology import SecurityMode as ClusterMode
from mixedmode.cluster.reader import ClusterReader
from mixedmode.protocols.sccp.messages.fields import fitting
from mixedmode.protocols.sccp.messages.server_list import SERVER_NAME_WIDTH, ServerEntry
from mixedmode.protocols.sccp.registration.admission import DeviceFacts, Line, Refusal, SecurityMode
from mixedmode.services.callmanager.switch.plan import DialPlan, Entry
from mixedmode.services.files.phoneconfig import ConfigFacts

SIP_DEVICE: Final = "Error: device uses SIP"


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device as the directory knows it.

    Attributes:
        model: Such as ``7975``.
        facts: How it is registered.
    """

    model: str
    facts: DeviceFacts


class Directory(Protocol):
    """Where devices are looked up. All methods may block; they are called in threads."""

    def find(self, name: str) -> KnownDevice | Refusal:
        """Return a device, or why there is none.

        Raises:
            MixedModeError: The directory cannot be asked now.
        """

    def servers(self, name: str, *, secure: bool) -> tuple[ServerEntry, ...]:
        """Return the CallManagers of a device's group in order, none where they are not known.

        Args:
            name: The device.
            secure: Whether the ports with TLS are meant.

        Raises:
            MixedModeError: The directory cannot be asked now.
        """

    def plan(self, mark: int | None) -> tuple[int, DialPlan] | None:
        """Return the directory numbers and a mark of them, None if they have not changed since a mark.

        Raises:
            MixedModeError: The directory cannot be asked now.
        """

    def note(self, name: str, now: datetime, *, ctl: str | None, itl: str | None) -> None:
        """Note that a device is there and which lists it holds.

        Args:
            name: The device.
            now: UTC.
            ctl: SHA-1 of its CTL, empty without one, None if it does not say.
            itl: The same of its ITL.

        Raises:
            MixedModeError: It cannot be noted now.
        """


class DeviceNotes(Protocol):
    """Takes what phones report; ``cluster.devices`` does."""

    def report(self, name: str, now: datetime, *, itl_hash: str | None = None, ctl_hash: str | None = None) -> None:
        """Note what a phone said it holds."""


class ClusterDirectory:
    """The directory of a cluster (rules 1 and 2).

    Args:
        reader: The cluster.
        notes: Takes what phones report; None: nobody, as on a node whose database is read-only.
        locate: Returns the servers that a phone is told of; None: they are not known.
        changed: Returns a number that grows when lines change; None: they are read each time.
    """

    def __init__(
        self,
        reader: ClusterReader,
        notes: DeviceNotes | None = None,
        locate: Callable[[str], ConfigFacts] | None = None,
        changed: Callable[[], int] | None = None,
    ) -> None:
        self._reader = reader
        self._notes = notes
        self._locate = locate
        self._changed = changed

    def find(self, name: str) -> KnownDevice | Refusal:
        """Return a device, or why there is none."""
        device = self._reader.device(name)
        if device is None:
            return Refusal()
        if device.protocol != "SCCP":
            return Refusal(SIP_DEVICE)
        mixed = self._reader.mode is ClusterMode.MIXED
        mode = SecurityMode(device.security_mode) if mixed else SecurityMode.NON_SECURE
        lines = tuple(map(_line, self._reader.lines_of(name)))
        # Only a certificate can be revoked, and only a secure device shows one.
        revoked = frozenset() if mode is SecurityMode.NON_SECURE else self._reader.revoked_lscs(name)
        lines = lines or (Line("", device.description or name),)
        return KnownDevice(device.model, DeviceFacts(mode, lines, revoked, device.secure_tone))

    def plan(self, mark: int | None) -> tuple[int, DialPlan] | None:
        """Return the directory numbers, None if they have not changed."""
        present = 0 if self._changed is None else self._changed()
        if self._changed is not None and present == mark:
            return None
        return present, DialPlan(Entry(line.device, _line(line)) for line in self._reader.all_lines())

    def servers(self, name: str, *, secure: bool) -> tuple[ServerEntry, ...]:
        """Return the CallManagers of a device's group that have an IPv4 address: the message has room for no other."""
        managers = () if self._locate is None else self._locate(name).call_managers
        ports = [(each.secure_port if secure else each.port) or 0 for each in managers]
        return tuple(
            ServerEntry(fitting(each.address, SERVER_NAME_WIDTH), port, each.address)
            for each, port in zip(managers, ports, strict=True)
            if _is_ipv4(each.address)
        )

    def note(self, name: str, now: datetime, *, ctl: str | None, itl: str | None) -> None:
        """Note what a device reported."""
        if self._notes is not None:
            self._notes.report(name, now, itl_hash=itl, ctl_hash=ctl)


def _line(line: LineSpec) -> Line:
    forwards = (line.forward_all, line.forward_busy, line.forward_no_answer)
    return Line(line.number, line.label, line.name, *forwards, line.calls)


def _is_ipv4(address: str) -> bool:
    try:
        return IPv4Address(address) is not None
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class RegisteredPhone:
    """A registered phone.

    Attributes:
        name: Its device name.
        model: As the directory has it.
        device_type: As the phone has it.
        address: Where its connection comes from.
        since: When it registered, UTC.
        security: ``non-secure``, ``authenticated`` or ``encrypted``.
        certificate: ``LSC`` or ``MIC`` with TLS, else None.
        cipher: TLS version and cipher, else None.
        load: The firmware that it reports.
        protocol: The protocol version that was agreed on.
        ctl_hash: SHA-1 of the CTL that it reports, empty without one, None if it has not said.
        itl_hash: The same of its ITL.
        certificate_until: When the certificate ends that it registered with, UTC; None without one. The connection
            outlives it: TLS looks at it in the handshake.
    """

    name: str
    model: str
    device_type: int
    address: str
    since: datetime
    security: str
    certificate: str | None
    cipher: str | None
    load: str
    protocol: int
    ctl_hash: str | None = None
    itl_hash: str | None = None
    certificate_until: datetime | None = None

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        until = self.certificate_until
        return {
            "name": self.name,
            "model": self.model,
            "device_type": self.device_type,
            "address": self.address,
            "since": self.since.isoformat(timespec="seconds"),
            "security": self.security,
            "certificate": self.certificate,
            "certificate_until": None if until is None else until.isoformat(),
            "cipher": self.cipher,
            "load": self.load,
            "protocol": self.protocol,
            "ctl_sha1": self.ctl_hash,
            "itl_sha1": self.itl_hash,
        }
