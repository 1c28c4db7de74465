"""Every certificate of every node and trust store: how long it lasts, and in which of the published lists it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.store.schema import TrustFileRow
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.kit.answers import Answer
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table
from mixedmode.faces.web.reporting.whole import report
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.model import TrustList

SOON_DAYS: Final = 90
Lists = Mapping[bytes, tuple[str, ...]]
"""By the certificate's DER, the lists that it is in."""


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate.

    Attributes:
        unit: Its purpose, or the name of the trust store.
        node: Whose; empty in a trust store, which all nodes share.
        certificate: Itself.
        days: Until it ends; negative if it has.
        lists: The published lists that it is in, each with its function there.
        is_trust: Whether it is in a trust store.
    """

    unit: str
    node: str
    certificate: Certificate
    days: int
    lists: tuple[str, ...]
    is_trust: bool

    @property
    def name(self) -> str:
        """Its common name, or its whole subject."""
        return self.certificate.common_name or self.certificate.subject

    def is_named(self, text: str) -> bool:
        """Return whether a text is in its name or its issuer's, or its digits in its serial or SHA-1."""
        digits = text.lower().replace(":", "").replace(" ", "")
        hexed = (self.certificate.serial.hex(), self.certificate.sha1.hex())
        named = text.casefold() in f"{self.name} {self.certificate.issuer}".casefold()
        return named or any(digits in each for each in hexed)

    @property
    def ends(self) -> str:
        """``ended``, ``soon`` or ``later``."""
        return "ended" if self.days < 0 else "soon" if self.days <= SOON_DAYS else "later"


TABLE: Final = Table(
    "certificates",
    (
        Column("unit", "Certificate", value=lambda row: row.unit),
        Column("node", "Node", value=lambda row: row.node),
        Column("name", "Common name", value=lambda row: row.name),
        Column("not_after", "Ends", value=lambda row: row.certificate.not_after.date().isoformat()),
        Column("days", "Days left", value=lambda row: row.days, number=True),
        Column("key", "Key", value=lambda row: row.certificate.key_description, low=True),
        Column("lists", "In lists", value=lambda row: "; ".join(row.lists)),
        Column("serial", "Serial", value=lambda row: row.certificate.serial.hex(), low=True),
        Column("issuer", "Issuer", value=lambda row: row.certificate.issuer, low=True),
        Column("sha1", "SHA-1", value=lambda row: row.certificate.sha1.hex(), low=True),
    ),
    (
        Filter("unit", "Certificate", test=lambda row, text: text.casefold() in row.unit.casefold()),
        Filter("node", "Node", test=lambda row, text: text.casefold() in row.node.casefold()),
        Filter("name", "Name, serial or SHA-1", test=Row.is_named),
        Filter(
            "ends",
            "Ends",
            test=lambda row, text: row.ends == text,
            choices=(("ended", "has ended"), ("soon", f"within {SOON_DAYS} days"), ("later", "later")),
        ),
        Filter(
            "kind",
            "Kind",
            test=lambda row, text: row.is_trust == (text == "trust"),
            choices=(("own", "a node's own"), ("trust", "in a trust store")),
        ),
        Filter(
            "listed",
            "In a list",
            test=lambda row, text: bool(row.lists) == (text == "yes"),
            choices=(("yes", "yes"), ("no", "no")),
        ),
    ),
    sort="not_after",
)


def certificates(ask: Ask) -> Answer:
    """Show the report."""
    found = rows(ask.cluster)
    context = {
        "ended": sum(row.ends == "ended" for row in found),
        "soon": sum(row.ends == "soon" for row in found),
        "soon_days": SOON_DAYS,
    }
    return report(ask, TABLE, found, "cucreports/certificates.html", context, "certificate-report")


def rows(cluster: Cluster) -> list[Row]:
    """Return a row for each certificate in use."""
    stored = [*cluster.certificates.list_own(), *cluster.certificates.list_trust()]
    lists, now = published_in(cluster), cluster.now()

    def row(each: StoredCertificate) -> Row:
        days = (each.certificate.not_after - now).days
        in_lists = lists.get(each.certificate.der, ())
        return Row(each.unit, each.node, each.certificate, days, in_lists, each.is_trust)

    return [row(each) for each in stored]


def published_in(cluster: Cluster) -> Lists:
    """Return in which of the published lists each certificate is, and with which function."""
    with cluster.database.read() as session:
        published = [(row.name, row.node, row.sha256) for row in session.scalars(select(TrustFileRow))]
    places: dict[bytes, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, node, sha256 in sorted(published):
        data = archive.content(cluster.database, sha256)
        try:
            records = () if data is None else TrustList.parse(data).records
        except MixedModeError:
            continue  # what cannot be read is in no list; the page of the lists says so
        for record in records:
            if record.certificate_der is not None:
                kind = "CTL" if name == CTL_FILE else "ITL"
                places[record.certificate_der][kind, record.role_label].append(node)
    return {
        der: tuple(_place(kind, role, nodes) for (kind, role), nodes in found.items()) for der, found in places.items()
    }


def _place(kind: str, role: str, nodes: list[str]) -> str:
    named = list(dict.fromkeys(nodes))
    where = "" if kind == "CTL" else f" of {named[0]}" if len(named) == 1 else f" of {len(named)} nodes"
    return f"{kind}{where}: {role}"
