"""A certificate that ends, and what is planned for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class Use(StrEnum):
    """What a certificate is to phones."""

    TVS = "TVS"
    CAPF = "CAPF"
    ITLRECOVERY = "ITLRecovery"
    CALLMANAGER = "CallManager"
    CALLMANAGER_ECDSA = "CallManager-ECDSA"
    TOKEN = "token"  # noqa: S105 - a security token, no secret
    LSC = "LSC"
    MIC = "MIC"
    TOMCAT = "tomcat"
    TOMCAT_ECDSA = "tomcat-ECDSA"
    IPSEC = "ipsec"
    OTHER = "other"


class Urgency(StrEnum):
    """How near the end is (live-cluster.md 8.2)."""

    EXPIRED = "expired"
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Dated:
    """A certificate with its end; several LSCs of one issuer that end on one day are one.

    Attributes:
        use: What it is to phones.
        subject: Its name.
        issuer: Who issued it.
        serial: Upper hex with colons; empty of several.
        key: SHA-256 of its DER, lower hex; of several, of what they have in common.
        not_before: UTC; None where only the end is known.
        not_after: UTC.
        where: Where it stands: lists, nodes, stores, in that order.
        signs: Kinds of lists that it signs now.
        phones: Whose it is, of LSCs and MICs.
    """

    use: Use
    subject: str
    issuer: str
    serial: str
    key: str
    not_before: datetime | None
    not_after: datetime
    where: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called in a line."""
        if len(self.phones) > 1:
            return f"{len(self.phones)} {self.use}s of {_common_name(self.issuer)}"
        return f"{self.use} {self.phones[0] if self.phones else _common_name(self.subject)}"


def _common_name(text: str) -> str:
    for part in text.split(";" if ";" in text else ","):
        kind, _, value = part.strip().partition("=")
        if kind.lower() == "cn":
            return value.strip().strip('"').strip()
    return text or "-"


@dataclass(frozen=True, slots=True)
class Planned:
    """What is planned for a certificate.

    Attributes:
        dated: The certificate.
        urgency: How near its end is.
        days: Whole days until it ends; negative if it has ended.
        opens: The first day to renew it.
        closes: The last day on which renewing it leaves phones time to follow.
        squeezed: Whether there is less time than there should be.
        after: What is to be renewed, and followed by every phone, before it.
        effect: What its end does to phones.
        steps: How it is renewed.
    """

    dated: Dated
    urgency: Urgency
    days: int
    opens: date
    closes: date
    squeezed: bool = False
    after: tuple[str, ...] = ()
    effect: str = ""
    steps: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        dated = self.dated
        return {
            "use": dated.use.value,
            "name": dated.name,
            "subject": dated.subject,
            "issuer": dated.issuer,
            "serial": dated.serial or None,
            "sha256": dated.key,
            "not_before": None if dated.not_before is None else _iso(dated.not_before),
            "not_after": _iso(dated.not_after),
            "days": self.days,
            "urgency": self.urgency.value,
            "signs": list(dated.signs),
            "where": list(dated.where),
            "phones": list(dated.phones),
            "effect": self.effect,
            "renew": {
                "opens": self.opens.isoformat(),
                "closes": self.closes.isoformat(),
                "squeezed": self.squeezed,
                "after": list(self.after),
                "steps": self.steps,
            },
        }


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everything that ends, the nearest first.

    Attributes:
        name: Of what was looked at.
        now: When it was made, UTC.
        entries: The certificates.
        not_seen: What could not be looked at, and why.
    """

    name: str
    now: datetime
    entries: tuple[Planned, ...]
    not_seen: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.name,
            "now": _iso(self.now),
            "entries": [each.document() for each in self.entries],
            "not_seen": list(self.not_seen),
        }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
