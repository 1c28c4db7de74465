"""The certificates that phones rely on, in time: what ends when, in which lists it is, how many phones hold those."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from markupsafe import Markup

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.errors import MalformedError
from mixedmode.faces.pictures.timeline import Span, timeline
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Table
from mixedmode.faces.web.pages.trust.known import holders
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.trustlist.model import TrustList

SOON_DAYS: Final = 90
_DRAWN: Final = 24
_UNITS: Final = ("CallManager", "TVS", "CAPF", "ITLRecovery", "Phone-SAST-trust")


@dataclass(slots=True)
class Anchor:
    """A certificate that phones rely on.

    Attributes:
        certificate: The certificate.
        begin: Its first moment.
        end: Its last.
        days: Until it ends; below 0 if it has.
        functions: What lists name it for.
        units: Where the cluster has it: purpose or trust store, and node.
        lists: SHA-256 of the lists that name it.
        phones: How many phones hold one of those.
        published: Whether a list that is published now names it.
    """

    certificate: Certificate
    begin: datetime
    end: datetime
    days: int
    functions: set[str] = field(default_factory=set)
    units: list[tuple[str, str]] = field(default_factory=list)
    lists: set[str] = field(default_factory=set)
    phones: int = 0
    published: bool = False

    @property
    def sha256(self) -> str:
        """Lower hex."""
        return self.certificate.sha256.hex()

    @property
    def title(self) -> str:
        """What people call it."""
        if self.units:
            unit, node = self.units[0]
            return f"{unit}, {node}" if node else f"{self.certificate.common_name}, {unit}"
        return self.certificate.common_name

    @property
    def css(self) -> str:
        """Its look."""
        if self.days < 0:
            return "locked"
        return "behind" if self.days <= SOON_DAYS else "follows" if self.published else "tvs"

    @property
    def note(self) -> str:
        """What is said on its bar."""
        if self.days < 0:
            return f"ended {-self.days:,} days ago"
        if self.days <= SOON_DAYS:
            return f"{self.days} days left"
        return ", ".join(sorted(self.functions)) or "in no list"


def anchors(ask: Ask) -> Answer:
    """Show all of them."""
    found = all_anchors(ask)
    table = Table(
        "certificates",
        (
            Column("end", "Ends", None, lambda row: row.end.isoformat()),
            Column("title", "Certificate", None, lambda row: row.title),
            Column("days", "Days left", None, lambda row: row.days, number=True),
            Column("functions", "Named in lists as", None, lambda row: ", ".join(sorted(row.functions))),
            Column("serial", "Serial number", None, lambda row: row.certificate.serial.hex()),
            Column("phones", "Phones that hold it", None, lambda row: row.phones, number=True),
        ),
        sort="end",
    )
    if ask.wants_csv:
        return Csv("anchors", table.header, table.csv_of_rows(found, ask.query))
    now = ask.cluster.now()
    drawn = found[:_DRAWN]
    spans = [Span(each.title, each.certificate.serial.hex(":").upper()[:23], each.begin, each.end, each.css, each.note)
             for each in drawn]  # fmt: skip
    soon = [each for each in found if each.days <= SOON_DAYS]
    finding = f"Validity of {len(drawn)} certificates; {len(soon)} of them end within {SOON_DAYS} days or have ended."
    return View(
        "trust/anchors.html",
        {
            "sheet": table.of_rows(found, ask.path, ask.query),
            "picture": Markup(timeline(spans, now, finding)) if spans else None,  # noqa: S704 - its texts are escaped
            "soon": soon,
            "undrawn": len(found) - len(drawn),
            "soon_days": SOON_DAYS,
        },
    )


def certificate(ask: Ask) -> Answer:
    """Show one certificate, with who hangs on it."""
    wanted = str(ask.values["sha256"]).lower()
    found = next((each for each in all_anchors(ask, every=True) if each.sha256 == wanted), None)
    if found is None:
        raise NotFoundError(
            "no such certificate is in a store or list of this cluster",
            next_step="look for it by its name or serial number",
        )
    return View("trust/certificate.html", {"each": found})


def ending_anchors(ask: Ask) -> list[Anchor]:
    """Return those that end soon or have ended, and that a list which is published now names; the first one first."""
    return [each for each in all_anchors(ask) if each.days <= SOON_DAYS and each.published]


def all_anchors(ask: Ask, *, every: bool = False) -> list[Anchor]:
    """Return the certificates of lists that are published or that phones hold, and of the stores behind them.

    Args:
        ask: Who asks.
        every: Those of all other stores too.
    """
    found = _Found(ask.cluster.now())
    for stored in (*ask.cluster.certificates.list_own(), *ask.cluster.certificates.list_trust()):
        if every or stored.unit in _UNITS:
            made = found.anchor(stored.certificate)
            if made is not None:
                made.units.append((stored.unit, stored.node))
    rows = holders(ask)
    published = set(ask.desk.standing.published.values())
    known = ask.desk.standing.known
    for digest in published | {digest for row in rows for digest in (row.ctl, row.itl)}:
        trust_list = known.library.find(digest) if known is not None else None
        if trust_list is not None:
            found.name(trust_list, digest, published=digest in published)
    for each in found.anchors.values():
        each.phones = sum(row.phones for row in rows if row.ctl in each.lists or row.itl in each.lists)
    return _in_order(found.anchors.values())


class _Found:
    """Anchors while they are looked for."""

    def __init__(self, now: datetime) -> None:
        self.anchors: dict[bytes, Anchor] = {}
        self._now = now

    def anchor(self, certificate: Certificate) -> Anchor | None:
        """Return a certificate's anchor; None if its dates cannot be read."""
        if certificate.der not in self.anchors:
            try:
                begin, end = certificate.not_before, certificate.not_after
            except MalformedError:
                return None
            self.anchors[certificate.der] = Anchor(certificate, begin, end, (end - self._now).days)
        return self.anchors[certificate.der]

    def name(self, trust_list: TrustList, digest: str, *, published: bool) -> None:
        """Note what a list names."""
        for record in trust_list.records:
            made = self.anchor(record.certificate) if record.certificate is not None else None
            if made is not None:
                made.functions.add(record.role_label)
                made.lists.add(digest)
                made.published = made.published or published


def _in_order(found: Iterable[Anchor]) -> list[Anchor]:
    return sorted(found, key=lambda each: (each.end, each.title))
