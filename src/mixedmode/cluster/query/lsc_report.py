"""The LSCs of a cluster's phones: who has which, issued by whom, until when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mixedmode.errors import MixedModeError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import Purpose

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.records import Device


class LscStanding(StrEnum):
    """What an LSC is worth now."""

    NONE = "none"
    VALID = "valid"
    EXPIRES_SOON = "expires soon"
    EXPIRED = "expired"
    REVOKED = "revoked"
    OTHER_ISSUER = "issuer replaced"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class LscLine:
    """A device and its LSC.

    Attributes:
        device: The device.
        standing: What its LSC is worth.
        lsc: It; None without one, or if it cannot be read.
        until: Its last moment, UTC.
    """

    device: Device
    standing: LscStanding
    lsc: Certificate | None = None
    until: datetime | None = None

    def days_left(self, now: datetime) -> int | None:
        """Return in how many whole days it ends, negative if it has ended."""
        return None if self.until is None else (self.until - now).days

    def document(self, now: datetime) -> dict[str, Any]:
        """Return it as JSON."""
        lsc = self.lsc
        return {
            "device": self.device.name,
            "model": self.device.model,
            "security_mode": self.device.security_mode,
            "standing": self.standing.value,
            "serial": None if lsc is None else lsc.serial.hex().upper(),
            "issuer": None if lsc is None else lsc.issuer,
            "key": None if lsc is None else lsc.key_description,
            "not_before": None if lsc is None else lsc.not_before.isoformat(),
            "not_after": None if self.until is None else self.until.isoformat(),
            "days_left": self.days_left(now),
        }


@dataclass(frozen=True, slots=True)
class ReadLsc:
    """What an LSC says of itself.

    Attributes:
        certificate: Itself.
        until: Its last moment, UTC.
        is_ours: Whether the present CAPF issued it, or somebody of ``CAPF-trust``.
    """

    certificate: Certificate
    until: datetime
    is_ours: bool


def lsc_issuers(cluster: Cluster) -> tuple[Certificate, ...]:
    """Return whose LSCs CallManager believes: the present CAPF's certificate, then those of ``CAPF-trust``.

    Returns:
        Nothing if CAPF has no certificate that can be read.
    """
    try:
        own = cluster.own_certificate(cluster.publisher.name, Purpose.CAPF.value)
    except MixedModeError:
        return ()
    return own, *(stored.certificate for stored in cluster.trust_certificates("CAPF-trust"))


def read_lsc(der: bytes, issuers: Sequence[Certificate]) -> ReadLsc | None:
    """Read an LSC; without an issuer to compare with, it counts as the present one's.

    Returns:
        None if it cannot be read.
    """
    try:
        lsc = Certificate.from_der(der)
        return ReadLsc(lsc, lsc.not_after, not issuers or any(map(lsc.is_issued_by, issuers)))
    except MixedModeError:
        return None


def lsc_report(
    cluster: Cluster, now: datetime, device: str | None = None, /, *, notice: timedelta = timedelta(days=30)
) -> Iterator[LscLine]:
    """Yield every device with its LSC, by name; they are read a thousand at a time.

    Args:
        cluster: Whose.
        now: UTC.
        device: Only this one.
        notice: How long before its end an LSC counts as expiring soon.
    """
    revoked = cluster.revoked_lscs(device)
    without = cluster.devices.with_revoked_lscs(device)
    issuers = lsc_issuers(cluster)
    for each, der in cluster.devices.with_lscs(device):
        if der is not None:
            yield _line(each, read_lsc(der, issuers), now, notice, revoked)
        else:
            yield LscLine(each, LscStanding.REVOKED if each.name in without else LscStanding.NONE)


def _line(device: Device, lsc: ReadLsc | None, now: datetime, notice: timedelta, revoked: frozenset[bytes]) -> LscLine:
    if lsc is None:
        return LscLine(device, LscStanding.UNREADABLE)
    if lsc.certificate.sha256 in revoked:
        standing = LscStanding.REVOKED
    elif now > lsc.until:
        standing = LscStanding.EXPIRED
    elif not lsc.is_ours:
        standing = LscStanding.OTHER_ISSUER
    else:
        standing = LscStanding.EXPIRES_SOON if lsc.until - now <= notice else LscStanding.VALID
    return LscLine(device, standing, lsc.certificate, lsc.until)
