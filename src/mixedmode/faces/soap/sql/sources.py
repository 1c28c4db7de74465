"""What the views are made of, beside the tables: the dialect, the models that there are, who issued LSCs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from sqlalchemy import select

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.schema import CertificateRow, DeviceRow
from mixedmode.errors import MixedModeError
from mixedmode.faces.soap.sql.dialect import Dialect, Postgresql, Sqlite
from mixedmode.phone.mind.models import PhoneModel, get_model
from mixedmode.pki.certificates.certificates import Certificate


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CAPF that issued LSCs.

    Attributes:
        name: In DER, as it stands in what it issued.
        text: The name for people.
        until: When its newest certificate ends.
    """

    name: bytes
    text: str
    until: datetime


class Source:
    """What views are made of.

    Args:
        cluster: The cluster, to be read.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._database = cluster.query_database or cluster.database
        self.dialect: Dialect = Sqlite() if self._database.is_sqlite else Postgresql()

    def table(self, name: str) -> str:
        """Return a table of ours, whatever hides it."""
        return f"{self.dialect.schema}.{name}"

    @cached_property
    def models(self) -> Sequence[tuple[str, PhoneModel | None]]:
        """The models of devices as the database has them, and what they are."""
        with self._database.read() as session:
            names = session.scalars(select(DeviceRow.model).distinct()).all()
        return [(name, known_model(name)) for name in sorted(names)]

    @cached_property
    def issuers(self) -> Sequence[Issuer]:
        """The CAPFs whose certificates the cluster has."""
        query = select(CertificateRow.der).where(CertificateRow.unit.in_(("CAPF", "CAPF-trust")))
        with self._database.read() as session:
            ders = session.scalars(query).all()
        found: dict[bytes, Issuer] = {}
        for der in ders:
            certificate = Certificate(der)
            name = x509.load_der_x509_certificate(der).subject.public_bytes()
            known = found.get(name)
            if known is None or known.until < certificate.not_after:
                found[name] = Issuer(name, str(certificate.subject), certificate.not_after)
        return list(found.values())


def known_model(name: str) -> PhoneModel | None:
    """Return what a model's name means, None if nobody knows."""
    try:
        return get_model(name)
    except MixedModeError:
        return None


def device_type(name: str) -> int:
    """Return a model's number in CUCM, 0 if there is none."""
    model = known_model(name)
    return 0 if model is None else model.device_type or 0


@dataclass(frozen=True, slots=True)
class View:
    """A table of CUCM.

    Attributes:
        columns: In order.
        select: Makes the SELECT that gives them.
    """

    columns: tuple[str, ...]
    select: Callable[[Source], str]
