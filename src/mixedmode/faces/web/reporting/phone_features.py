"""Unified CM Phone Feature List: what phones of each model and protocol can do, and how many there are here.

Rules:

1. What no source says is "not known", and what one is not sure of has a question mark: the table is the program's own
   (:mod:`mixedmode.phone.mind.model_facts`), and a live CUCM's own report outranks it.
2. Devices whose model is not in the table have a row too; nothing is known of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.schema import DeviceRow
from mixedmode.faces.web.kit.answers import Answer
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table
from mixedmode.faces.web.reporting.whole import report
from mixedmode.inventory.cells import model_of
from mixedmode.phone.mind.models import MODELS, PhoneModel

NOT_KNOWN: Final = "not known"
_SHOWN: Final[Mapping[str, tuple[str, str]]] = {
    "security_by_default": ("security_by_default", "Security By Default"),
    "signed_config": ("signed_config", "Signed configuration"),
    "encrypted_config": ("encrypted_config", "Encrypted configuration"),
    "sha512": ("sha512", "SHA-512"),
    "elliptic_curves": ("elliptic_curves", "EC certificates"),
    "http_first": ("http_first", "HTTP first"),
}
"""Features by key: the attribute, and the label."""


@dataclass(frozen=True, slots=True)
class Row:
    """A product with a protocol.

    Attributes:
        product: As CUCM spells it.
        name: As devices have it here, for the list of phones.
        protocol: ``SCCP`` or ``SIP``.
        phones: How many there are in this cluster.
        model: What is known of it; None: nothing.
    """

    product: str
    name: str
    protocol: str
    phones: int
    model: PhoneModel | None

    def feature(self, key: str) -> str:
        """Return ``yes``, ``no``, either with a question mark, or that it is not known."""
        attribute = _SHOWN[key][0]
        if self.model is None or attribute in self.model.unknown:
            return NOT_KNOWN
        said = "yes" if getattr(self.model, attribute) else "no"
        return f"{said} ?" if attribute in self.model.uncertain else said

    @property
    def features(self) -> list[tuple[str, str]]:
        """Label and value of each."""
        return [(label, self.feature(key)) for key, (_, label) in _SHOWN.items()]

    @property
    def tls(self) -> str:
        """The highest TLS version."""
        if self.model is None or "tls_max" in self.model.unknown:
            return NOT_KNOWN
        return f"{self.model.tls_max} ?" if "tls_max" in self.model.uncertain else self.model.tls_max

    @property
    def checksum(self) -> str:
        """What its security screen shows."""
        return NOT_KNOWN if self.model is None else self.model.shown_hash.value


def _value(key: str) -> Callable[[Row], object]:
    return lambda row: row.feature(key)


TABLE: Final = Table(
    "products",
    (
        Column("product", "Product", value=lambda row: row.product),
        Column("protocol", "Protocol", value=lambda row: row.protocol),
        Column("phones", "Phones here", value=lambda row: row.phones, number=True),
        *(Column(key, label, value=_value(key)) for key, (_, label) in _SHOWN.items()),
        Column("tls_max", "TLS", value=lambda row: row.tls, low=True),
        Column("checksum", "Checksum shown", value=lambda row: row.checksum, low=True),
    ),
    (
        Filter("product", "Product", test=lambda row, text: text.casefold() in row.product.casefold()),
        Filter(
            "protocol", "Protocol", test=lambda row, text: row.protocol == text, choices=(("SCCP",) * 2, ("SIP",) * 2)
        ),
        Filter(
            "feature",
            "Has the feature",
            test=lambda row, text: row.feature(text).startswith("yes"),
            choices=tuple((key, label) for key, (_, label) in _SHOWN.items()),
        ),
        Filter(
            "without",
            "Does not have, or not known",
            test=lambda row, text: not row.feature(text).startswith("yes"),
            choices=tuple((key, label) for key, (_, label) in _SHOWN.items()),
        ),
        Filter(
            "here",
            "In this cluster",
            test=lambda row, text: (row.phones > 0) == (text == "yes"),
            choices=(("yes", "yes"), ("no", "no")),
        ),
    ),
    sort="-phones",
)


def phone_features(ask: Ask) -> Answer:
    """Show the report."""
    found = rows(ask.cluster)
    here = [row for row in found if row.phones]
    known = sum(row.phones for row in here if row.feature("security_by_default").startswith("yes"))
    legacy = sum(row.phones for row in here if row.feature("security_by_default").startswith("no"))
    total = sum(row.phones for row in here)
    context = {"total": total, "known": known, "legacy": legacy, "unknown": total - known - legacy, "here": len(here)}
    return report(ask, TABLE, found, "cucreports/phone_features.html", context, "phone-feature-list")


def rows(cluster: Cluster) -> list[Row]:
    """Return a row for each product and protocol of the cluster, and for each other product that CUCM serves."""
    query = select(DeviceRow.model, DeviceRow.protocol, func.count()).group_by(DeviceRow.model, DeviceRow.protocol)
    counts: Counter[tuple[str, str]] = Counter()
    names: dict[str, str] = {}
    with cluster.database.read() as session:
        for text, protocol, number in session.execute(query):
            model = model_of(text)
            name = text if model is None else model.name
            counts[name, protocol] += number
            names.setdefault(name, text)
    found = [_row(name, protocol, number, names[name]) for (name, protocol), number in counts.items()]
    there = {name for name, _ in counts}
    found += [
        _row(model.name, model.signalling.value, 0, model.name)
        for model in MODELS.values()
        if model.is_phone and model.name not in there
    ]
    return sorted(found, key=lambda row: (row.product, row.protocol))


def _row(name: str, protocol: str, number: int, text: str) -> Row:
    model = MODELS.get(name)
    product = name if model is None else model.cucm_name or model.name
    return Row(product, text, protocol, number, model)
