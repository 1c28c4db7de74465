"""Public keys of certificates, and what is checked with them; the only part of reading that needs the library.

Rules:

1. Phones know RSA and EC keys; any other kind is named, not used.
2. What the library says about a key it refuses goes into no message: the reason is told in our words.
3. An RSA key over 16384 bits checks nothing: one signature could hold a service up for seconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mixedmode.errors import MalformedError
from mixedmode.pki.reading.der import (
    BIT_STRING,
    INTEGER,
    SEQUENCE,
    as_der,
    contents,
    encode,
    expect,
    read_element,
    whole,
)
from mixedmode.pki.reading.outline import Outline, algorithm_oid, read_outline, unreadable, usual_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

MAX_RSA_BITS = 16384
SIGNERS_KEPT = 512
"""Keys of certificates that verified something last, kept ready: a cluster has few signers and many phones, and
OpenSSL prepares a key at its first use, which costs a third of a verification."""

_KEY_KINDS = {
    "1.2.840.10040.4.1": "a DSA key",
    "1.2.840.10046.2.1": "a Diffie-Hellman key",
    "1.3.101.110": "an X25519 key",
    "1.3.101.112": "an Ed25519 key",
    "1.3.101.113": "an Ed448 key",
}
_RSA, _EC, _RSA_PSS = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1", "1.2.840.113549.1.1.10"
_SIGNATURE_HASHES = {
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.3.14.3.2.29": "sha1",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
    "1.2.840.113549.1.1.14": "sha224",
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.1": "sha224",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}


def load_public_key(der: bytes, outline: Outline) -> PublicKey:
    """Return the library's public key of a certificate.

    Raises:
        MalformedError: It is neither RSA nor EC, or the library cannot use it.
    """
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    kind = algorithm_oid(der, expect(der, outline.key.start, outline.key.end, SEQUENCE, "the key's algorithm"))
    if kind not in {_RSA, _EC, _RSA_PSS}:
        raise MalformedError(
            f"the certificate's key is {_KEY_KINDS.get(kind, f'of the unknown kind {kind}')}",
            why="phones know only RSA and EC keys",
            code="key_kind",
            next_step="use a certificate with an RSA or EC key",
        )
    for encoded in (whole(der, outline.key), as_der(der, outline.key)):
        try:
            key = load_der_public_key(encoded)
        except (ValueError, TypeError, UnsupportedAlgorithm, InternalError, Warning):
            continue
        if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            return key
    what = "an EC key on a curve that is not supported, or a point off its curve" if kind == _EC else "damaged"
    raise MalformedError(
        f"the certificate's public key cannot be used: it is {what}",
        code="certificate",
        next_step="ask its issuer for a certificate with an RSA key of 2048 bits, or an EC key on P-256 or P-384",
    )


def signature_bits(der: bytes, outline: Outline) -> bytes:
    """Return the signature that an issuer put under a certificate."""
    return contents(der, outline.signature)[1:]


def signature_hash(der: bytes, outline: Outline) -> str | None:
    """Return the hash under a certificate's signature as ``sha256``, None if it is none of those known here."""
    return _SIGNATURE_HASHES.get(algorithm_oid(der, outline.outer_algorithm))


def is_signed_with(der: bytes, outline: Outline, key: PublicKey) -> bool:
    """Return whether a key made a certificate's signature; old hashes count, as in old certificates."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    name, signed = signature_hash(der, outline), whole(der, outline.tbs)
    signature = signature_bits(der, outline)
    try:
        if algorithm_oid(der, outline.outer_algorithm) == _RSA_PSS and isinstance(key, rsa.RSAPublicKey):
            scheme, digest = _pss(der, outline)
            key.verify(signature, signed, scheme, digest)
            return True
        if name is None:
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, signed, padding.PKCS1v15(), _hash(name))
        else:
            key.verify(signature, signed, ec.ECDSA(_hash(name)))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _hash(name: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return getattr(hashes, name.upper())()


_HASH_OIDS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


def _pss(der: bytes, outline: Outline) -> tuple[Any, Any]:
    """Return the scheme and hash of a PSS signature; its parameters are (hash, mask, salt length), SHA-1 and 20.

    Raises:
        ValueError: They cannot be used.
    """
    from cryptography.hazmat.primitives.asymmetric import padding

    name, salt = "sha1", 20
    try:
        kind = read_element(der, outline.outer_algorithm.start, outline.outer_algorithm.end)
        pos = kind.next
        if pos < outline.outer_algorithm.end:
            parameters = expect(der, pos, outline.outer_algorithm.end, SEQUENCE, "parameters")
            pos = parameters.start
            while pos < parameters.end:
                part = read_element(der, pos, parameters.end)
                inner = read_element(der, part.start, part.end)
                if part.tag == 0xA0:
                    name = _HASH_OIDS[algorithm_oid(der, inner)]
                elif part.tag == 0xA2:
                    salt = int.from_bytes(contents(der, inner))
                pos = part.next
    except (MalformedError, KeyError) as error:
        raise ValueError from error
    return padding.PSS(padding.MGF1(_hash(name)), salt), _hash(name)


class VerificationLibrary(NamedTuple):
    """What verification needs of the library."""

    numbers: Callable[[int, int], Any]
    rsa_key: Any
    scheme: PKCS1v15
    digests: tuple[Any, ...]
    refusals: tuple[type[Exception], ...]


@cache
def verification_library() -> VerificationLibrary:
    """Return what verification needs of the library, imported once."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

    refusals = (InvalidSignature, UnsupportedAlgorithm, ValueError)
    return VerificationLibrary(RSAPublicNumbers, RSAPublicKey, PKCS1v15(), digests(), refusals)


@lru_cache(maxsize=SIGNERS_KEPT)
def verification_of(der: bytes) -> Any:
    """Return the library's verification for a certificate's key, None if the key cannot be used.

    Raises:
        MalformedError: The certificate cannot be read.
    """
    usual = usual_key(der)
    if usual is not None and is_common(usual):
        try:
            return load_common_key(usual).verify
        except Exception:  # noqa: BLE001, S110 - whatever the library says, the careful way finds our words for it
            pass
    try:
        key = load_public_key(der, read_outline(der))
    except MalformedError as error:
        if error.code == "key_kind":
            return None
        raise unreadable("public key", error) from error
    is_rsa = isinstance(key, verification_library().rsa_key)
    return key.verify if is_rsa and key.key_size <= MAX_RSA_BITS else None


def verifies(der: bytes, signature: bytes, data: bytes, digest: int) -> bool:
    """Return whether a RSASSA-PKCS1-v1_5 signature over ``data`` holds for a certificate's key.

    An EC key, or an RSA key of a size that the library refuses, never verifies anything.

    Args:
        der: The certificate.
        signature: The signature.
        data: What it covers.
        digest: The code of its digest.

    Raises:
        MalformedError: The certificate cannot be read.
    """
    verify = verification_of(der)
    if verify is None:
        return False
    library = verification_library()
    try:
        verify(signature, data, library.scheme, library.digests[digest])
    except library.refusals:
        return False
    return True


_RSA_ALGORITHM: Final = bytes.fromhex("300d06092a864886f70d0101010500")
"""``rsaEncryption`` with its NULL."""
_EXPONENT: Final = 65537
_ENDS: Final = encode(INTEGER, _EXPONENT.to_bytes(3))


def _frame(size: int) -> tuple[int, bytes]:
    """Return the length of an RSA key of this many bytes, encoded, and what stands before its modulus (RFC 3279)."""
    modulus = b"\xff" * size
    numbers = encode(SEQUENCE, encode(INTEGER, b"\0" + modulus) + _ENDS)
    key = encode(SEQUENCE, _RSA_ALGORITHM + encode(BIT_STRING, b"\0" + numbers))
    return len(key), key[: key.index(modulus)]


_FRAMES: Final = dict(map(_frame, (128, 256, 384, 512)))


_MODULUS_ENDS: Final = -len(_ENDS)
_READER: Final = "cryptography.hazmat.primitives.serialization"


def is_common(encoded: bytes) -> bool:
    """Return whether a key is written as those of nearly all signers: RSA of 1024 to 4096 bits, exponent 65537."""
    frame = _FRAMES.get(len(encoded))
    return frame is not None and encoded.startswith(frame) and encoded.endswith(_ENDS) and encoded[len(frame)] >= 0x80


def load_common_key(encoded: bytes) -> Any:
    """Return the library's object for a key that :func:`is_common`.

    The library's reader of keys takes less time than its numbers, but brings SSH and its ciphers along: it is used
    only where something else has loaded it.
    """
    reader = sys.modules.get(_READER)
    return key_by_modulus(encoded) if reader is None else reader.load_der_public_key(encoded)


def key_by_modulus(encoded: bytes) -> Any:
    """Return the same without the library's reader of keys."""
    modulus = int.from_bytes(encoded[len(_FRAMES[len(encoded)]) : _MODULUS_ENDS])
    return verification_library().numbers(_EXPONENT, modulus).public_key()


def forget_signers() -> None:
    """Forget the keys that are kept ready; for measurements."""
    verification_of.cache_clear()


@cache
def digests() -> tuple[Any, ...]:
    """Return the library's digests, indexed by digest code.

    It hashes what is signed itself: hashlib has an OpenSSL of its own, and going from one to the other costs more than
    the digest of a list.
    """
    from cryptography.hazmat.primitives import hashes

    # SHA-1 because phones of the 7900 series know no other digest in older firmware.
    return (None, hashes.SHA1(), hashes.SHA256(), hashes.SHA512())  # noqa: S303
