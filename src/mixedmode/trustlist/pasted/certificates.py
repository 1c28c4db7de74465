"""A certificate in the place of one of which a listing shows only names, serial number, length of the key and hash.

Rules run over whole certificates: with this one they find that a record is the same as another, who a list names as its
signer, and how long a key is. Everything else in it says nothing: it holds for ever, its key is nobody's, and no
signature holds for it. The same four values give the same bytes, so that two listings that show one certificate agree.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.names import attribute_types, read_attributes

_NOBODY: Final = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"nobody").digest())
_ALWAYS: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
"""RFC 5280 4.1.2.5: the end of certificates that have none."""
_POINTS: Final[dict[int, ec.EllipticCurve]] = {65: ec.SECP256R1(), 97: ec.SECP384R1(), 133: ec.SECP521R1()}
"""Bytes of PUBLICKEY, by curve."""
_RSA_BITS: Final = (512, 1024, 2048, 3072, 4096)
_AROUND: Final = 14
"""Bytes of an RSAPublicKey beside its modulus: 140 are 1024 bits, 270 are 2048 (wire-formats.md 1)."""
_SLACK: Final = 6


@lru_cache(maxsize=1024)
def stand_in(subject: str, issuer: str, serial: str, sha1: str, key_length: int | None) -> Certificate | None:
    """Return the certificate in the place of another.

    Args:
        subject: Its name, in any style.
        issuer: Its issuer, in any style.
        serial: Hex, with or without colons.
        sha1: Of the certificate itself, hex.
        key_length: Bytes of its PUBLICKEY field; None if that is not shown.

    Returns:
        None if it cannot have such values.
    """
    names = _name(subject), _name(issuer)
    if names[0] is None or names[1] is None:
        return None
    try:
        made = (
            x509.CertificateBuilder(names[1], names[0], _key(sha1, key_length), int(serial.replace(":", ""), 16))
            .not_valid_before(_ALWAYS[0])
            .not_valid_after(_ALWAYS[1])
            .sign(_NOBODY, None)
        )
    except (ValueError, OverflowError):
        return None
    return Certificate.from_library(made)


def _key(sha1: str, length: int | None) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    """Return a key of that length; one of a kind that no list has, if the length tells none."""
    if length in _POINTS:
        return ec.derive_private_key(1, _POINTS[length]).public_key()
    for bits in _RSA_BITS:
        if length is not None and abs(length - _AROUND - bits // 8) <= _SLACK:
            drawn = hashlib.shake_256(sha1.encode()).digest(bits // 8)
            return rsa.RSAPublicNumbers(65537, int.from_bytes(drawn) | 1 << bits - 1 | 1).public_key()
    return _NOBODY.public_key()


def _name(text: str) -> x509.Name | None:
    read = read_attributes(text)
    types = attribute_types()
    if not read or any(kind not in types for kind, _ in read):
        return None
    try:
        return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(types[kind]), value) for kind, value in read])
    except (ValueError, TypeError):
        return None
