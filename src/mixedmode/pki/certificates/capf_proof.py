"""How a phone proves to CAPF that it holds a certificate's key (wire-formats.md 5, "Authentication by certificate").

RSA: a PKCS#1 type 1 block around the bare digest, without a DigestInfo; the whole block is checked, by the library.
EC: ordinary ECDSA. The digest is over ``device 00 certificate``: SHA-512 where it is given, else SHA-1.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, cast

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.signer import SoftwareSigner

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

_PADDING = 11
"""Bytes that PKCS#1 type 1 needs at least: 00 01, eight of ff, 00."""


def proof_holds(certificate: Certificate, signed: bytes, *, sha1: bytes | None, sha512: bytes | None) -> bool:
    """Return whether a proof is right; the stronger one decides.

    Args:
        certificate: Whose key is proved.
        signed: What the digest is over.
        sha1: The signature of its SHA-1, None if it is not given.
        sha512: The signature of its SHA-512.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    signature = sha512 if sha512 is not None else sha1
    if signature is None:
        return False
    name = "sha512" if sha512 is not None else "sha1"
    digest = hashlib.new(name, signed, usedforsecurity=False).digest()
    try:
        key = certificate.public_key
        if isinstance(key, rsa.RSAPublicKey):
            found = key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
            return hmac.compare_digest(found, digest)
        if isinstance(key, ec.EllipticCurvePublicKey):
            algorithm = hashes.SHA512() if sha512 is not None else hashes.SHA1()  # noqa: S303 - the protocol's
            key.verify(signature, digest, ec.ECDSA(Prehashed(cast(hashes.HashAlgorithm, algorithm))))
            return True
    except (InvalidSignature, ValueError, MalformedError):
        return False
    return False


def make_proof(signer: SoftwareSigner, signed: bytes) -> tuple[bytes, bytes | None]:
    """Return the proof over a text, with SHA-1 and with SHA-512.

    Args:
        signer: The key and the certificate that it proves.
        signed: What the digests are over.

    Returns:
        Both signatures; the second is None where the key is too short for it.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    sha1 = hashlib.sha1(signed, usedforsecurity=False).digest()
    sha512 = hashlib.sha512(signed).digest()
    key = signer.key
    if isinstance(key, rsa.RSAPrivateKey):
        fits = (key.key_size + 7) // 8 >= len(sha512) + _PADDING
        return _bare_pkcs1(key, sha1), _bare_pkcs1(key, sha512) if fits else None
    first = key.sign(sha1, ec.ECDSA(Prehashed(hashes.SHA1())))  # noqa: S303 - the protocol's
    return first, key.sign(sha512, ec.ECDSA(Prehashed(hashes.SHA512())))


def _bare_pkcs1(key: rsa.RSAPrivateKey, digest: bytes) -> bytes:
    """Sign a digest that stands in its block without a DigestInfo, which older libraries have no words for."""
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    length = (modulus.bit_length() + 7) // 8
    block = int.from_bytes(b"\0\1".ljust(length - len(digest) - 1, b"\xff") + b"\0" + digest)
    # By the primes, a quarter of the work, which is most of what a phone does at CAPF; a lab has thousands.
    by_p, by_q = pow(block, numbers.dmp1, numbers.p), pow(block, numbers.dmq1, numbers.q)
    return (by_q + numbers.iqmp * (by_p - by_q) % numbers.p * numbers.q).to_bytes(length)
