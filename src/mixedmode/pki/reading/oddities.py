"""What is odd about a certificate that is read all the same, in plain words.

OpenSSL, phones and old servers live with all of this; strict readers refuse some of it. Nothing here stops anything:
``show`` and ``verify`` print it as a warning, and so does every command that takes the certificate into use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from mixedmode.errors import MalformedError
from mixedmode.pki.reading import extensions
from mixedmode.pki.reading.outline import algorithm_oid, serial_octets

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate

MAX_SERIAL = 20
"""Octets; RFC 5280 4.1.2.2."""
_BROKEN_HASHES = {
    "1.2.840.113549.1.1.2": "MD2",
    "1.2.840.113549.1.1.3": "MD4",
    "1.2.840.113549.1.1.4": "MD5",
}
_READERS: dict[str, Callable[[bytes], object]] = {
    extensions.KEY_USAGE: extensions.may_sign,
    extensions.BASIC_CONSTRAINTS: extensions.says_authority,
    extensions.ALTERNATIVE_NAME: extensions.names_in,
}


@lru_cache(maxsize=256)
def oddities(certificate: Certificate) -> tuple[str, ...]:
    """Return what is odd about a certificate, a clause each: ``its serial number is negative``.

    Fields that cannot be read at all are not told here; reading them raises the error that tells.
    """
    found: list[str] = []
    for look in (_serial, _version, _names, _dates, _algorithm, _extensions):
        try:
            found += look(certificate)
        except MalformedError:
            continue
    return tuple(found)


def _serial(certificate: Certificate) -> Iterator[str]:
    octets = serial_octets(certificate.der, certificate.outline)
    if octets[0] & 0x80:
        yield "its serial number is negative; it counts as the bytes that are written"
    elif not any(octets):
        yield "its serial number is zero"
    if len(octets) > MAX_SERIAL:
        yield f"its serial number has {len(octets)} bytes, {MAX_SERIAL} are allowed"
    elif len(octets) > 1 and octets[0] in {0, 0xFF} and octets[0] & 0x80 == octets[1] & 0x80:
        yield "its serial number has needless leading bytes"


def _version(certificate: Certificate) -> Iterator[str]:
    version, has_extensions = certificate.outline.version, certificate.outline.extensions is not None
    if version not in {1, 2, 3}:
        yield f"it says that it is of version {version}, which does not exist"
    elif version < 3:
        yield f"it is of version {version}, which says nothing about what it may be used for"
        if has_extensions:
            yield f"it has extensions, which version {version} does not have"


def _names(certificate: Certificate) -> Iterator[str]:
    subject = list(certificate.subject_name.oddities())
    issuer = list(certificate.issuer_name.oddities())
    if subject == issuer:
        yield from (f"its subject {each}" for each in subject)
        return
    yield from (f"its subject {each}" for each in subject)
    yield from (f"its issuer {each}" for each in issuer)


def _dates(certificate: Certificate) -> Iterator[str]:
    first, last = certificate.validity
    for name, moment in (("first", first), ("last", last)):
        if moment.odd:
            yield f"its {name} day of validity is {moment.odd}"
    if last.time < first.time:
        yield "it ends before it begins"


def _algorithm(certificate: Certificate) -> Iterator[str]:
    der, outline = certificate.der, certificate.outline
    inner, outer = algorithm_oid(der, outline.algorithm), algorithm_oid(der, outline.outer_algorithm)
    if inner != outer:
        yield "it names two different signature algorithms"
    if outer in _BROKEN_HASHES:
        yield f"it was signed with {_BROKEN_HASHES[outer]}, which can be forged"


def _extensions(certificate: Certificate) -> Iterator[str]:
    found = certificate.extensions
    for oid, count in Counter(each.oid for each in found).items():
        if count > 1:
            yield f"it has {next(each.name for each in found if each.oid == oid)} {count} times"
    for each in found:
        try:
            _READERS.get(each.oid, bytes)(each.value)
        except MalformedError:
            yield f"its {each.name} cannot be read"
