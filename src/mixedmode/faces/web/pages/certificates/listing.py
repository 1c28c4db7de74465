"""Certificate List: find, with the filters of CUCM; the own and trust certificates of every node, and their CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.store.certificates import OWN_UNITS, TRUST_STORES
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table
from mixedmode.faces.web.pages.certificates.addresses import LEVEL, LIST, path_of, waiting_requests
from mixedmode.faces.web.pages.certificates.uploading import upload_form
from mixedmode.faces.web.pages.certificates.uses import Lists
from mixedmode.pki.certificates.certificates import Certificate

SOON_DAYS: Final = 90
_EXPIRY: Final = (
    ("ended", "has ended"),
    ("30", "within 30 days"),
    ("90", "within 90 days"),
    ("365", "within a year"),
    ("later", "later than that"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate in the list."""

    stored: StoredCertificate
    path: str
    node: str
    common_name: str
    issuer: str
    serial: str
    key: str
    ends: datetime | None
    days: int | None
    used: str

    @property
    def kind(self) -> str:
        """``own`` or ``trust``."""
        return "trust" if self.stored.is_trust else "own"


def days_left(certificate: Certificate, now: datetime) -> int:
    """Return how many days a certificate is valid still; negative if it has ended."""
    return (certificate.not_after - now).days


def read(field: Callable[[], str]) -> str:
    """Return a field of a certificate, or that it cannot be read: one that somebody trusted long ago may be odd."""
    try:
        return field()
    except MixedModeError:
        return "cannot be read"


def issuer_of(certificate: Certificate) -> str:
    """Return who issued a certificate, by its common name; ``self-signed`` if it did so itself."""
    if certificate.is_issued_by(certificate):
        return "self-signed"
    named = dict(part.partition("=")[::2] for part in certificate.issuer.split(";"))
    return named.get("CN") or certificate.issuer


def _row(stored: StoredCertificate, lists: Lists, now: datetime) -> Row:
    certificate = stored.certificate
    try:
        ends, days = certificate.not_after, days_left(certificate, now)
    except MixedModeError:
        ends, days = None, None
    return Row(
        stored,
        path_of(stored),
        stored.node,
        read(lambda: certificate.common_name or certificate.subject),
        read(lambda: issuer_of(certificate)),
        read(lambda: certificate.serial.hex(":").upper()),
        read(lambda: certificate.key_description),
        ends,
        days,
        lists.summary(certificate),
    )


def _ends_within(row: Row, wanted: str) -> bool:
    if row.days is None:
        return False
    if wanted == "ended":
        return row.days < 0
    return row.days > 365 if wanted == "later" else row.days <= int(wanted)


def _has(text: str, wanted: str) -> bool:
    return wanted.lower() in text.lower()


_FILTERS: Final = (
    Filter(
        "certificate",
        "Certificate",
        test=lambda row, wanted: row.stored.unit == wanted,
        choices=tuple((unit, unit) for unit in (*OWN_UNITS, *TRUST_STORES)),
    ),
    Filter(
        "type",
        "Type",
        test=lambda row, wanted: row.kind == wanted,
        choices=(("own", "own"), ("trust", "trust")),
    ),
    Filter("cn", "Common name has", test=lambda row, wanted: _has(f"{row.common_name} {row.issuer}", wanted)),
    Filter("expiration", "Expiration", test=_ends_within, choices=_EXPIRY),
    Filter(
        "serial",
        "Serial number or hash has",
        test=lambda row, wanted: _has(
            f"{row.serial.replace(':', '')} {row.stored.certificate.sha1.hex()} {row.stored.certificate.sha256.hex()}",
            wanted.replace(":", "").replace(" ", ""),
        ),
    ),
    Filter("node", "Node", test=lambda row, wanted: row.node.lower() == wanted.lower()),
)
_CERTIFICATE: Final = Column("certificate", "Certificate, type, key", value=lambda row: row.stored.unit)
_NAME: Final = Column("cn", "Common name, issuer", value=lambda row: row.common_name)
_ENDS: Final = Column(
    "expiration", "Expiration", value=lambda row: "" if row.ends is None else f"{row.ends:%Y-%m-%d %H:%M:%S}"
)
_DAYS: Final = Column("days", "Days left", value=lambda row: row.days, number=True)
_USED: Final = Column("used", "Used in", value=lambda row: row.used, sorts=False)
TABLE: Final = Table("certificates", (_CERTIFICATE, _NAME, _ENDS, _DAYS, _USED), _FILTERS, sort="expiration")
_EXPORT: Final = Table(
    "certificates",
    (
        _CERTIFICATE,
        Column("type", "Type", value=lambda row: row.kind),
        Column("node", "Node", value=lambda row: row.node),
        _NAME,
        Column("issuer", "Issuer", value=lambda row: row.issuer),
        Column("serial", "Serial number", value=lambda row: row.serial),
        _ENDS,
        _DAYS,
        Column("key", "Key", value=lambda row: row.key),
        Column("sha1", "SHA-1", value=lambda row: row.stored.certificate.sha1.hex()),
        Column("sha256", "SHA-256", value=lambda row: row.stored.certificate.sha256.hex()),
        _USED,
    ),
    _FILTERS,
    sort="expiration",
)


def rows(cluster: Cluster) -> list[Row]:
    """Return every certificate in use: each node's own, and those of the trust stores."""
    lists, now = Lists(cluster), cluster.now()
    found = [*cluster.certificates.list_own(), *cluster.certificates.list_trust()]
    return [_row(stored, lists, now) for stored in found]


def certificates(ask: Ask) -> Answer:
    """Show the list."""
    found = rows(ask.cluster)
    if ask.wants_csv:
        return Csv("certificates", _EXPORT.header, _EXPORT.csv_of_rows(found, ask.query))
    sheet = TABLE.of_rows(found, LIST, ask.query)
    return View(
        "cmplatform/certificates.html",
        {
            "sheet": sheet,
            "lead": _lead(found),
            "counts": _counts(found),
            "waiting": waiting_requests(ask.cluster),
            "form": upload_form(ask),
            "may": ask.may(LEVEL),
            "level": LEVEL,
        },
    )


def _lead(found: Sequence[Row]) -> tuple[str, str]:
    ended = [row for row in found if row.days is not None and row.days < 0]
    soon = sorted((row for row in found if row.days is not None and 0 <= row.days <= SOON_DAYS), key=_by_days)
    if ended:
        first = f"{len(ended)} of {len(found)} certificates {'has' if len(ended) == 1 else 'have'} ended."
    elif soon:
        first = (
            f"{len(soon)} of {len(found)} certificates {'ends' if len(soon) == 1 else 'end'} within {SOON_DAYS} days."
        )
    else:
        return f"None of {len(found)} certificates ends within {SOON_DAYS} days.", ""
    if not soon:
        return first, "Phones do not look at the dates of what a list has; browsers and other servers do."
    next_one = soon[0]
    of = f" of {next_one.node}" if next_one.node else f" ({next_one.common_name})"
    return first, f"The next is {next_one.stored.unit}{of}, in {next_one.days} days."


def _by_days(row: Row) -> int:
    return row.days or 0


def _counts(found: Sequence[Row]) -> list[tuple[str, int]]:
    """Return how many certificates there are of each purpose that has any, in the order of CUCM."""
    numbers = Counter(row.stored.unit for row in found)
    return [(unit, numbers[unit]) for unit in (*OWN_UNITS, *TRUST_STORES) if numbers[unit]]
