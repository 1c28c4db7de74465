"""What TVS knows: two caches, asked in the seed's order, and the trace lines that CUCM prints about it.

Pure: requests in, answers and trace lines out. What may block is in :func:`read_all`, and its caller says where.

Rules (wire-formats.md 1.8 and 4, phone-trust.md 3.4):

1. A certificate is found by its serial, as upper hex, and its issuer's text: the database's certificates first, then
   those of the CTL file. The first source that has it answers.
2. A token's serial is looked up everywhere as it was asked, which is as lists write it, then byte-reversed (1.7). The
   database knows an uploaded token by the certificate's own serial, so the CTL file's cache answers first (the seed).
3. VERIFY is about one certificate: the SHA-256 of what was found must be that of what was sent.
4. The roles are what trust stores and own certificates grant (``cluster/model/trust_roles.py``), or the functions of
   the CTL file's records, ascending. A source that grants no role does not know the certificate.
5. A source that fails knows nothing for the moment; the others still answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from mixedmode.errors import MalformedError, MixedModeError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.printable import printable
from mixedmode.protocols.tvs import DEFAULT_TTL, Answer, QueryRequest, Request, known, unknown
from mixedmode.services.tvs.sources import (
    CtlCache,
    Entry,
    MapKey,
    Source,
    is_manufacturer,
    is_of_token,
    reversed_serial,
    shown,
)
from mixedmode.trustlist.identity import list_identity

_QUERY: Final = "tvsHandleQueryCertReq"
_VERIFY: Final = "tvsHandleVerifyCertReq"


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
        attempts = (self._look_up(source, key, lines) for key in keys for source in self.sources)
        entry = next((found for found in attempts if found is not None and _fits(request, found)), None)
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
        lines.append(f"{place} Looking up the certificate cache using Unique MAP ID : {shown(str(key))}{length}")
        entry = source.find(key)
        if entry is None:
            lines.append(f"ERROR:{place} Cannot find the certificate in the cache")
            return None
        lines.append(f"{place} Found entry {{rolecount : {len(entry.roles)}}}")
        lines += [f"{place} {{role : {role}}}" for role in entry.roles]
        return entry


def _fits(request: Request, entry: Entry) -> bool:
    """Return whether what was found is what VERIFY asks about (rule 3)."""
    if isinstance(request, QueryRequest):
        return True
    return hashlib.sha256(request.certificate).digest() == hashlib.sha256(entry.certificate).digest()


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
        if key is None:
            return []
        return [key, MapKey(reversed_serial(key.serial), key.issuer)] if is_of_token(key.issuer) else [key]
    serials = [request.serial]
    if is_of_token(request.issuer):
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


def _is_token(request: QueryRequest) -> bool:
    return is_manufacturer(request.issuer) and "SAST-" in request.subject


def _query_lines(request: QueryRequest) -> list[str]:
    issuer = shown(request.issuer)
    lines = [
        _QUERY,
        f"{_QUERY} : Subject Name is: {shown(request.subject)}",
        f"{_QUERY} : Issuer Name is: {issuer}",
    ]
    if _is_token(request):
        lines += [
            f"{_QUERY} :subjectName and issuerName matches for eToken certificate",
            f"{_QUERY} : SAST Issuer Name  is: {issuer}",
            f"{_QUERY} : This is SAST eToken cert",
        ]
    return [*lines, f"{_QUERY} : Serial Number is: {shown(request.serial.hex().upper())}"]


def _verify_lines(certificate: bytes) -> list[str]:
    return [_VERIFY, f"{_VERIFY} : Certificate Hash is: {hashlib.sha256(certificate).hexdigest().upper()}"]
