"""The LSC of every phone: until when it is valid, who issued it, and whether it proves the phone now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.query.lsc_report import LscLine, LscStanding, lsc_report
from mixedmode.faces.web.kit.answers import Answer
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table
from mixedmode.faces.web.reporting.whole import report
from mixedmode.inventory.kinds import MODES

SOON_DAYS: Final = 90
_LOST: Final = {LscStanding.EXPIRED, LscStanding.REVOKED, LscStanding.OTHER_ISSUER, LscStanding.UNREADABLE}


@dataclass(frozen=True, slots=True)
class Row:
    """A phone.

    Attributes:
        line: It, and its LSC.
        days: Until the LSC ends, negative if it has; None without one.
    """

    line: LscLine
    days: int | None

    @property
    def name(self) -> str:
        """The device's name."""
        return self.line.device.name

    @property
    def mode(self) -> str:
        """Its security mode in a word."""
        return MODES.get(self.line.device.security_mode, "")

    @property
    def issuer(self) -> str:
        """Who issued the LSC; empty without one."""
        return "" if self.line.lsc is None else self.line.lsc.issuer

    @property
    def serial(self) -> str:
        """The LSC's serial number; empty without one."""
        return "" if self.line.lsc is None else self.line.lsc.serial.hex()

    @property
    def key(self) -> str:
        """The LSC's key; empty without one."""
        return "" if self.line.lsc is None else self.line.lsc.key_description

    @property
    def ends(self) -> str:
        """The LSC's last day; empty without one."""
        return "" if self.line.until is None else self.line.until.date().isoformat()

    @property
    def is_lost(self) -> bool:
        """Whether the phone needs a certificate and has an LSC that is none any more."""
        return self.line.device.security_mode > 1 and self.line.standing in _LOST


def _is_of(row: Row, text: str) -> bool:
    digits = text.lower().replace(":", "").replace(" ", "")
    return text.casefold() in row.issuer.casefold() or bool(digits and digits in row.serial)


TABLE: Final = Table(
    "phones",
    (
        Column("name", "Phone", value=lambda row: row.name),
        Column("model", "Model", value=lambda row: row.line.device.model),
        Column("mode", "Security mode", value=lambda row: row.mode),
        Column("standing", "LSC", value=lambda row: row.line.standing.value),
        Column("not_after", "Ends", value=lambda row: row.ends),
        Column("days", "Days left", value=lambda row: "" if row.days is None else row.days, number=True, sorts=False),
        Column("issuer", "Issuer", value=lambda row: row.issuer, low=True),
        Column("key", "Key", value=lambda row: row.key, low=True),
        Column("serial", "Serial", value=lambda row: row.serial, low=True),
    ),
    (
        Filter("name", "Phone", test=lambda row, text: text.casefold() in row.name.casefold()),
        Filter("model", "Model", test=lambda row, text: text.casefold() in row.line.device.model.casefold()),
        Filter(
            "standing",
            "LSC",
            test=lambda row, text: row.line.standing.value == text,
            choices=tuple((each.value, each.value) for each in LscStanding),
        ),
        Filter(
            "secure",
            "Security mode",
            test=lambda row, text: (row.line.device.security_mode > 1) == (text == "yes"),
            choices=(("yes", "authenticated or encrypted"), ("no", "non-secure")),
        ),
        Filter("issuer", "Issuer or serial", test=_is_of),
    ),
    sort="standing",
)


def phone_certificates(ask: Ask) -> Answer:
    """Show the report."""
    found = rows(ask.cluster)
    context = {
        "total": len(found),
        "lost": sum(row.is_lost for row in found),
        "soon": sum(row.line.standing is LscStanding.EXPIRES_SOON for row in found),
        "valid": sum(row.line.standing in {LscStanding.VALID, LscStanding.EXPIRES_SOON} for row in found),
        "soon_days": SOON_DAYS,
    }
    return report(ask, TABLE, found, "cucreports/phone_certificates.html", context, "phone-certificates")


def rows(cluster: Cluster) -> list[Row]:
    """Return a row for each phone."""
    now = cluster.now()
    lines = lsc_report(cluster, now, notice=timedelta(days=SOON_DAYS))
    return [Row(line, line.days_left(now)) for line in lines]
