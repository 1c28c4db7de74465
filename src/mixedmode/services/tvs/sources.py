"""Where TVS finds certificates: the cluster's database, the CTL file, tables in memory.

All are asked by serial, as upper hex, and issuer text (wire-formats.md 1.8); what each grants are roles by wire code.
What the database said is believed for a second, so that a storm of phones costs one look-up and a regenerated
certificate is known at once; only :meth:`DatabaseCache.read` blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Final, Protocol

from mixedmode.cluster.model.records import StoredCertificate
from mixedmode.cluster.reader import ClusterReader
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.printable import printable
from mixedmode.trustlist.identity import list_identity
from mixedmode.trustlist.model import TrustList

_MANUFACTURER: Final = "cn=Cisco Manufacturing CA"
_TOKENS_NAME: Final = "cn="
_TEXT_LIMIT: Final = 300
"""Characters of a text from outside that go into the trace."""


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
        self._keeping = Lock()

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
            if stored := self._stored(key):
                certificate = stored[0].certificate
                same = [each for each in stored if each.certificate == certificate]
                roles = tuple(int(role) for role in self._reader.roles_of(same))
                entry = Entry(certificate.der, roles) if roles else None
        finally:
            with self._keeping:  # several threads read at once
                self._kept.pop(key, None)
                while len(self._kept) >= self._size:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = (self._clock() + self._lifetime, entry)

    def _stored(self, key: MapKey) -> list[StoredCertificate]:
        """Return the database's certificates whose own serial is the key's.

        Lists write the serial of a security token reversed (wire-formats.md 1.7), and the database has it as they do.
        CUCM's database does not: the seed's trace of an uploaded token misses here and hits in the CTL file's cache.
        """
        stored = self._reader.find_certificates(key.issuer, key.serial)
        if is_of_token(key.issuer):
            found = self._reader.find_certificates(key.issuer, reversed_serial(key.serial))
            stored += [each for each in found if each not in stored]
        own = key.serial.lstrip("0")
        return [each for each in stored if each.certificate.serial.hex().upper().lstrip("0") == own]

    def find(self, key: MapKey) -> Entry | None:
        """Return what was remembered last."""
        kept = self._kept.get(key)
        return None if kept is None else kept[1]


class _Known:
    """Certificates by their keys, and by their serials alone."""

    def __init__(self) -> None:
        self.entries: dict[MapKey, Entry] = {}
        self.by_serial: dict[str, dict[MapKey, Entry]] = {}

    def add(self, key: MapKey, der: bytes, roles: Iterable[int]) -> None:
        before = self.entries.get(key)
        if before is not None and before.certificate != der:
            return
        entry = Entry(der, tuple(sorted({*(before.roles if before is not None else ()), *roles})))
        self.entries[key] = self.by_serial.setdefault(key.serial, {})[key] = entry


class TableSource:
    """Certificates that are all in memory.

    An issuer that is written in another style than here (``CN=a,O=b``, as tlvfile does), or without its ``DC=``, is
    found by its attributes; a text that fits several certificates of this serial finds none.

    Args:
        name: As the trace calls it.
        entries: What it knows.
    """

    def __init__(self, name: str, entries: Iterable[tuple[Certificate, Sequence[int]]] = ()) -> None:
        self.name = name
        self._known = _Known()
        for certificate, roles in entries:
            _, issuer, serial = list_identity(certificate)
            self._known.add(MapKey(serial, issuer), certificate.der, roles)

    def needs_reading(self, key: MapKey) -> bool:
        """Return False: all is in memory."""
        return False

    def read(self, key: MapKey) -> None:
        """Do nothing."""

    def find(self, key: MapKey) -> Entry | None:
        """Return what is known under a key."""
        known = self._known
        entry = known.entries.get(key)
        if entry is None:
            same_serial = known.by_serial.get(key.serial, {}).values()
            found = {each.certificate: each for each in same_serial if _has_issuer(each, key.issuer)}
            entry = next(iter(found.values())) if len(found) == 1 else None
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
        found = _Known()
        for record in records:
            der, serial, role = record.certificate_der, record.serial, record.role_code
            if der is None or not serial or role is None:
                continue
            key = MapKey(serial.hex().upper(), record.issuer or "")
            found.add(key, der, (role,))
            lines.append(
                f"tvs_sql_get_all_CTL_certificate - Unique Key used for Caching :: {shown(str(key))}, "
                f"length : {len(str(key))}"
            )
        # At once: who asks meanwhile, in another thread, finds all of the old content or all of the new.
        self._known = found
        return lines


def is_of_token(issuer: str) -> bool:
    """Return whether an issuer is written as lists write a security token's, whose serial they write reversed."""
    return issuer.startswith(_TOKENS_NAME) or is_manufacturer(issuer)


def reversed_serial(serial: str) -> str:
    """Return a serial, in hex, with its bytes in the other order."""
    return bytes.fromhex(serial)[::-1].hex().upper()


def is_manufacturer(issuer: str) -> bool:
    """Return whether an issuer is the one of Cisco's tokens."""
    return issuer.lower().startswith(_MANUFACTURER.lower())


def _has_issuer(entry: Entry, text: str) -> bool:
    return Certificate.from_der(entry.certificate).has_issuer(text)


def shown(text: str) -> str:
    """Return a text from outside as the trace shows it: on one line, and not too long."""
    return printable(text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}...")
