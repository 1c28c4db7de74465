"""How a phone proves to CAPF that it holds a certificate's key (wire-formats.md 5, "Authentication by certificate").

RSA: a PKCS#1 type 1 block around the bare digest, without a DigestInfo; the whole block is checked, by the library.
EC: ordinary ECDSA. The digest is over ``device 00 certificate``: SHA-512 where it is given, else SHA-1.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import cast

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates import Certificate


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
