"""Who signs: one small protocol, so that nothing else knows where a key lives.

Rules:

1. A signer's key belongs to its certificate.
2. Phones check RSASSA-PKCS1-v1_5 signatures only; an EC key may stand in a record but signs no file
   (wire-formats.md 1.1, tag 10).
3. A private key is never shown or logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mixedmode.errors import RemoteError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.reading.public_keys import digests
from mixedmode.pki.signing.digests import DigestAlgorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class SignerError(RemoteError):
    """A signer did not sign: a key of the wrong kind, a token that is absent, locked or failed."""

    default_code = "signer"


class Signer(Protocol):
    """Signs with a key that fits its certificate, wherever the key lives."""

    @property
    def certificate(self) -> Certificate:
        """The certificate of the key."""

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature over ``data``.

        Raises:
            SignerError: It cannot be made.
        """


@dataclass(frozen=True, slots=True)
class SoftwareSigner:
    """A signer whose private key is in memory.

    Attributes:
        certificate: The key's certificate.
        key: The private key; never shown.

    Raises:
        UsageError: Key and certificate do not belong together.
        MalformedError: The certificate cannot be read.
    """

    certificate: Certificate
    key: PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        if not key_fits(self.key, self.certificate):
            raise UsageError(
                f"the private key does not belong to the certificate of {self.certificate.subject}",
                code="key_mismatch",
                next_step="use the key that the certificate was made with",
            )

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        """Return the RSASSA-PKCS1-v1_5 signature over ``data``.

        Raises:
            SignerError: The key is not RSA, or the library refuses it.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        if not isinstance(self.key, rsa.RSAPrivateKey):
            raise SignerError(
                f"a key of kind {self.certificate.key_description} cannot sign trust lists or files",
                why="phones check RSA signatures only; EC certificates may stand in records",
                code="signer_key",
                next_step="sign with an RSA key of 2048 bits",
            )
        try:
            return self.key.sign(data, PKCS1v15(), digests()[digest])
        except (UnsupportedAlgorithm, ValueError) as error:
            raise SignerError("the key could not sign", why=str(error), where=self.certificate.subject) from error


def key_fits(key: PrivateKey, certificate: Certificate) -> bool:
    """Return whether a private key belongs to a certificate."""
    return key.public_key() == certificate.public_key
