"""What TVS knows: two caches, asked in the seed's order, and the trace lines that CUCM prints about it.

Pure: requests in, answers and trace lines out; only :meth:`DatabaseCache.read` blocks, and its caller says where.

Rules (wire-formats.md 1.8 and 4, phone-trust.md 3.4):

1. A certificate is found by its serial, as upper hex, and its issuer's text: the database's certificates first, then
   those of the CTL file. The first source that has it answers.
2. A token's serial is looked up as it was asked, then byte-reversed (1.7).
3. VERIFY is about one certificate: the SHA-256 of what was found must be that of what was sent.
4. The roles are what trust stores and own certificates grant (``cluster/trust_roles.py``), or the functions of the CTL
   file's records, ascending. A source that grants no role does not know the certificate.
5. What the database said is believed for a second, so that a storm of phones costs one look-up and a regenerated
   certificate is known at once. A database that fails knows nothing for the moment; the CTL file still answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Final, Protocol

from mixedmode.cluster.certificates import list_identity
from mixedmode.cluster.reader import ClusterReader
from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.names import names_match
from mixedmode.protocols.tvs import DEFAULT_TTL, Answer, QueryRequest, Request, known, unknown
from mixedmode.trustlist.listing import printable
from mixedmode.trustlist.model import TrustList

_TEXT_LIMIT: Final = 300
"""Characters of a client's text that go into the trace."""
_MANUFACTURER: Final = "cn=Cisco Manufacturing CA"
_QUERY: Final = "tvsHandleQueryCertReq"
_VERIFY: Final = "tvsHandleVerifyCertReq"


@dataclass(frozen=True, slots=True)
class MapKey:
    """What certificates are looked up by.

    Attributes:
        serial: Upper hex.
        issuer: As trust lists write it.
    """

    serial: str
    issuer: str

    def __str__(self) -> str:
        return self.serial + self.issuer


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate and what it is trusted for.

    Attributes:
        certificate: DER.
        roles: Wire codes, ascending.
    """

    certificate: bytes
    roles: tuple[int, ...]


class Source(Protocol):
    """Where certificates come from."""

    @property
    def name(self) -> str:
        """As the trace calls it."""

    def needs_reading(self, key: MapKey) -> bool:
        """Return whether :meth:`read` must come before :meth:`find`."""

    def read(self, key: MapKey) -> None:
        """Fetch what the source says about a key; may block."""

    def find(self, key: MapKey) -> Entry | None:
        """Return what is known under a key."""


class DatabaseCache:
    """The cluster's certificates, each remembered for a moment (rule 5).

    Args:
        reader: The cluster.
        lifetime: Seconds.
        size: Most keys to remember.
        clock: Seconds, monotonic.
    """

    name = "CertificateDBCache"

    def __init__(
        self, reader: ClusterReader, *, lifetime: float = 1.0, size: int = 4096, clock: Callable[[], float] = monotonic
    ) -> None:
        self._reader = reader
        self._lifetime, self._size, self._clock = lifetime, size, clock
        self._kept: dict[MapKey, tuple[float, Entry | None]] = {}

    def needs_reading(self, key: MapKey) -> bool:
        """Return whether nothing is remembered about a key."""
        kept = self._kept.get(key)
        return kept is None or self._clock() >= kept[0]

    def read(self, key: MapKey) -> None:
        """Ask the database.

        Raises:
            MixedModeError: It does not answer; until it does, it is asked again after a moment.
        """
        entry = None
        try:
            stored = self._reader.find_certificates(key.issuer, key.serial)
            if stored:
                certificate = stored[0].certificate
                same = [each for each in stored if each.certificate == certificate]
                roles = tuple(int(role) for role in self._reader.roles_of(same))
                entry = Entry(certificate.der, roles) if roles else None
        finally:
            self._kept.pop(key, None)
            while len(self._kept) >= self._size:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = (self._clock() + self._lifetime, entry)

    def find(self, key: MapKey) -> Entry | None:
        """Return what was remembered last."""
        kept = self._kept.get(key)
        return None if kept is None else kept[1]


class TableSource:
    """Certificates that are all in memory.

    An issuer that is written in another style than here (``CN=a,O=b``, as tlvfile does) is found by its attributes.

    Args:
        name: As the trace calls it.
        entries: What it knows.
    """

    def __init__(self, name: str, entries: Iterable[tuple[Certificate, Sequence[int]]] = ()) -> None:
        self.name = name
        self._entries: dict[MapKey, Entry] = {}
        self._by_serial: dict[str, list[Entry]] = {}
        for certificate, roles in entries:
            _, issuer, serial = list_identity(certificate)
            self._add(MapKey(serial, issuer), certificate.der, roles)
        self._index()

    def _add(self, key: MapKey, der: bytes, roles: Iterable[int]) -> None:
        before = self._entries.get(key)
        if before is None:
            self._entries[key] = Entry(der, tuple(sorted(set(roles))))
        elif before.certificate == der:
            self._entries[key] = Entry(der, tuple(sorted({*before.roles, *roles})))

    def _index(self) -> None:
        self._by_serial = {}
        for key, entry in self._entries.items():
            self._by_serial.setdefault(key.serial, []).append(entry)

    def needs_reading(self, key: MapKey) -> bool:
        """Return False: all is in memory."""
        return False

    def read(self, key: MapKey) -> None:
        """Do nothing."""

    def find(self, key: MapKey) -> Entry | None:
        """Return what is known under a key."""
        entry = self._entries.get(key)
        if entry is None:
            same_serial = self._by_serial.get(key.serial, ())
            entry = next((each for each in same_serial if _is_issuer(key.issuer, each.certificate)), None)
        return entry


class CtlCache(TableSource):
    """The certificates of a trust list file: each record by serial and issuer, with its function."""

    def __init__(self, name: str = "CertificateCTLCache") -> None:
        super().__init__(name)

    def load(self, data: bytes | None) -> list[str]:
        """Take a new file, None if there is none any more; return what the trace says.

        Raises:
            MalformedError: It is no trust list; the old content stays.
        """
        lines = ["updateLocalCTLCache : Refreshing the local CTL certificate cache"]
        records = () if data is None else TrustList.parse(data).records
        self._entries = {}
        for record in records:
            der, serial, role = record.certificate_der, record.serial, record.role_code
            if der is None or not serial or role is None:
                continue
            key = MapKey(serial.hex().upper(), record.issuer or "")
            self._add(key, der, (role,))
            lines.append(
                f"tvs_sql_get_all_CTL_certificate - Unique Key used for Caching :: {_shown(str(key))}, "
                f"length : {len(str(key))}"
            )
        self._index()
        return lines


class TrustLookup:
    """Answers requests from sources, in their order.

    Args:
        sources: The database's cache, then the CTL file's.
        ttl: Seconds that clients may keep an answer.
    """

    def __init__(self, sources: Sequence[Source], *, ttl: int = DEFAULT_TTL) -> None:
        self.sources = tuple(sources)
        self.ttl = ttl

    def unread(self, request: Request) -> list[tuple[Source, MapKey]]:
        """Return what must be read, because it may block, before :meth:`answer` is asked."""
        keys = _keys(request)
        return [(source, key) for source in self.sources for key in keys if source.needs_reading(key)]

    def answer(self, request: Request) -> tuple[Answer, list[str]]:
        """Return the answer to a request, and what the trace says about it."""
        lines = _query_lines(request) if isinstance(request, QueryRequest) else _verify_lines(request.certificate)
        name = _QUERY if isinstance(request, QueryRequest) else _VERIFY
        keys = _keys(request)
        attempts = (self._look_up(source, key, lines) for source in self.sources for key in keys)
        entry = next((found for found in attempts if found is not None), None)
        if entry is not None and not isinstance(request, QueryRequest):
            asked, found = hashlib.sha256(request.certificate), hashlib.sha256(entry.certificate)
            if asked.digest() != found.digest():
                lines.append(f"ERROR:{name} : The certificate found is another one")
                entry = None
        if entry is None:
            lines.append(f"{name}: Timer started from tvsHandleNewPhConnection")
            return unknown(request), lines
        if isinstance(request, QueryRequest):
            fingerprint = hashlib.sha256(entry.certificate).hexdigest()[:8]
            lines.append(f"convertX509ToDER -x509cert : 0x{fingerprint}")
        lines.append(f"{name}: Timer started from tvsHandleNewPhConnection")
        return known(request, entry.certificate, entry.roles, self.ttl), lines

    def _look_up(self, source: Source, key: MapKey, lines: list[str]) -> Entry | None:
        place = f"{source.name}::getCertificateInformation -"
        # The seed's trace tells the key's length for the CTL cache only.
        length = f", len : {len(str(key))}" if isinstance(source, CtlCache) else ""
        lines.append(f"{place} Looking up the certificate cache using Unique MAP ID : {_shown(str(key))}{length}")
        entry = source.find(key)
        if entry is None:
            lines.append(f"ERROR:{place} Cannot find the certificate in the cache")
            return None
        lines.append(f"{place} Found entry {{rolecount : {len(entry.roles)}}}")
        lines += [f"{place} {{role : {role}}}" for role in entry.roles]
        return entry


def read_all(pending: Iterable[tuple[Source, MapKey]]) -> list[str]:
    """Read what a look-up needs; return what the trace says about sources that do not answer (rule 5)."""
    lines = []
    for source, key in pending:
        try:
            source.read(key)
        except MixedModeError as error:
            lines.append(f"ERROR:{source.name}::getCertificateInformation - {printable(error.what)}")
    return lines


def _keys(request: Request) -> list[MapKey]:
    """Return what to look under: as asked, without leading zeros, and a token's serial reversed (rule 2)."""
    if not isinstance(request, QueryRequest):
        key = _certificate_key(request.certificate)
        return [] if key is None else [key]
    serials = [request.serial]
    if _is_token(request):
        serials.append(request.serial[::-1])
    serials += [serial.lstrip(b"\0") for serial in tuple(serials)]
    return [MapKey(serial.hex().upper(), request.issuer) for serial in dict.fromkeys(serials)]


@lru_cache(maxsize=256)
def _certificate_key(der: bytes) -> MapKey | None:
    try:
        _, issuer, serial = list_identity(Certificate.from_der(der))
    except MalformedError:
        return None
    return MapKey(serial, issuer)


def _is_issuer(text: str, der: bytes) -> bool:
    try:
        return names_match(text, Certificate.from_der(der).issuer_name)
    except MalformedError:
        return False


def _is_token(request: QueryRequest) -> bool:
    return request.issuer.lower().startswith(_MANUFACTURER.lower()) and "SAST-" in request.subject


def _query_lines(request: QueryRequest) -> list[str]:
    issuer = _shown(request.issuer)
    lines = [
        _QUERY,
        f"{_QUERY} : Subject Name is: {_shown(request.subject)}",
        f"{_QUERY} : Issuer Name is: {issuer}",
    ]
    if _is_token(request):
        lines += [
            f"{_QUERY} :subjectName and issuerName matches for eToken certificate",
            f"{_QUERY} : SAST Issuer Name  is: {issuer}",
            f"{_QUERY} : This is SAST eToken cert",
        ]
    return [*lines, f"{_QUERY} : Serial Number is: {_shown(request.serial.hex().upper())}"]


def _verify_lines(certificate: bytes) -> list[str]:
    return [_VERIFY, f"{_VERIFY} : Certificate Hash is: {hashlib.sha256(certificate).hexdigest().upper()}"]


def _shown(text: str) -> str:
    return printable(text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}...")
