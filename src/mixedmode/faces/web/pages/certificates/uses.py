"""Which published lists have a certificate, and which phones hang on it: a certificate is never shown without that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from mixedmode.audit.looking import phones_by_node
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.topology import SecurityMode, Service
from mixedmode.cluster.store.schema import DeviceRow, TrustFileArchiveRow, TrustFileRow
from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.faces.web.foresight import Phones, phones_by_kind
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.purposes import Purpose
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.cluster.model.records import StoredCertificate
    from mixedmode.faces.web.kit.asking import Ask
    from mixedmode.inventory.kinds import PhoneKind


@dataclass(frozen=True, slots=True)
class InList:
    """A published list that has a certificate.

    Attributes:
        kind: ``CTL`` or ``ITL``.
        node: Whose ITL it is; empty for the CTL of all.
        records: Number and function of each record.
        signed: Whether it signed the list.
    """

    kind: str
    node: str
    records: tuple[tuple[int, str], ...]
    signed: bool

    @property
    def text(self) -> str:
        """As people read it: ``CTL, records 1 (System Administrator Security Token) and 2 (CCM+TFTP)``."""
        where = f"{self.kind} of {self.node}" if self.node else self.kind
        parts = [f"{number} ({role})" for number, role in self.records]
        said = f"record{'s' if len(parts) > 1 else ''} {' and '.join(parts)}" if parts else "no record"
        return f"{where}, {said}{'; signed it' if self.signed else ''}"


class Lists:
    """The lists that are published now.

    Args:
        cluster: To be read.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._found: dict[Certificate, list[InList]] = defaultdict(list)
        for name, node, data in _published(cluster):
            parsed = _parsed(data)
            if parsed is None:
                continue
            kind = "CTL" if name == CTL_FILE else "ITL"
            places: dict[Certificate, list[tuple[int, str]]] = defaultdict(list)
            for record in parsed.records:
                if record.certificate is not None:
                    places[record.certificate].append((record.number, record.role_label))
            signer = _signer(parsed)
            for certificate, records in places.items():
                self._found[certificate].append(InList(kind, node, tuple(records), certificate == signer))

    def of(self, certificate: Certificate) -> list[InList]:
        """Return the lists that have a certificate."""
        return self._found.get(certificate, [])

    def summary(self, certificate: Certificate) -> str:
        """Return the same in few words: ``CTL records 1, 2; ITL of 2 nodes``."""
        parts: list[str] = []
        itls = []
        for each in self.of(certificate):
            if each.kind == "CTL":
                numbers = ", ".join(str(number) for number, _ in each.records)
                parts.append(f"CTL record{'s' if len(each.records) > 1 else ''} {numbers}")
            else:
                itls.append(each)
        if len(itls) == 1:
            parts.append(f"ITL of {itls[0].node}")
        elif itls:
            parts.append(f"ITL of {len(itls)} nodes")
        return "; ".join(parts) or "no list"


def _published(cluster: Cluster) -> list[tuple[str, str, bytes]]:
    query = (
        select(TrustFileRow.name, TrustFileRow.node, TrustFileArchiveRow.data)
        .join(TrustFileArchiveRow, TrustFileArchiveRow.sha256 == TrustFileRow.sha256)
        .order_by(TrustFileRow.name, TrustFileRow.node)
    )
    with cluster.database.read() as session:
        return [(name, node, data) for name, node, data in session.execute(query)]


@lru_cache(maxsize=64)
def _parsed(data: bytes) -> TrustList | None:
    try:
        return TrustList.parse(data)
    except MalformedError:
        return None


def _signer(parsed: TrustList) -> Certificate | None:
    try:
        record = parsed.verify().record
    except MixedModeError:
        return None
    return None if record is None else record.certificate


def needs(ask: Ask, stored: StoredCertificate) -> Iterator[str]:
    """Yield who needs a certificate, in sentences; nothing if nobody is known to."""
    certificate = stored.certificate
    holding = issued = 0
    for kind, phones in _known(ask).items():
        held = [each for each in (kind.ctl, kind.itl) if isinstance(each, TrustList)]
        if any(record.certificate == certificate for each in held for record in each.records):
            holding += phones.count
        if stored.unit == Purpose.CAPF and kind.lsc_issuer == certificate.subject:
            issued += phones.count
    if holding:
        yield f"{_phones(holding)} hold{'s' if holding == 1 else ''} a list that has it."
    if stored.unit == Purpose.CAPF:
        yield f"It issued the certificates (LSC) of {_phones(issued)}."
    tell = _NEEDS.get(stored.unit)
    if tell is not None:
        yield from tell(ask.cluster, stored.node)


def _known(ask: Ask) -> dict[PhoneKind, Phones]:
    try:
        return phones_by_kind(ask)
    except MixedModeError:
        return {}  # a subscriber does not see them


def _of_tvs(cluster: Cluster, node: str) -> Iterator[str]:
    yield f"{_phones(phones_by_node(cluster).get(node, 0))} may ask TVS on {node}, and know it by this."


def _of_callmanager(cluster: Cluster, node: str) -> Iterator[str]:
    if Service.TFTP in cluster.node(node).services:
        yield f"It signs the configuration files that {node} serves."
    if cluster.mode is SecurityMode.MIXED:
        yield f"{_phones(_secure(cluster))} in authenticated or encrypted mode check it where they register."


def _of_sast(_cluster: Cluster, _node: str) -> Iterator[str]:
    yield "TVS vouches for it as a signer of lists."


def _of_tomcat(_cluster: Cluster, node: str) -> Iterator[str]:
    yield f"Browsers see it on {node}."


_NEEDS: Final[Mapping[str, Callable[[Cluster, str], Iterator[str]]]] = {
    Purpose.TVS: _of_tvs,
    Purpose.CALLMANAGER: _of_callmanager,
    "Phone-SAST-trust": _of_sast,
    Purpose.TOMCAT: _of_tomcat,
    Purpose.TOMCAT_ECDSA: _of_tomcat,
}


def _phones(number: int) -> str:
    return f"{number:,} phone{'' if number == 1 else 's'}"


def _secure(cluster: Cluster) -> int:
    with cluster.database.read() as session:
        return session.scalar(select(func.count()).select_from(DeviceRow).where(DeviceRow.securitymode > 1)) or 0
