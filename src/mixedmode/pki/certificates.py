"""A certificate as trust lists see it: its DER, and the fields that a record repeats.

Rules:

1. Making one costs nothing; the DER is parsed when a field is first asked for, and each field once.
2. Whatever is wrong with the DER, each field raises :class:`MalformedError` and nothing else.
3. A serial is its unsigned magnitude without leading zeros (wire-formats.md 1.1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache, wraps
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, TypeVar

from mixedmode.errors import MalformedError
from mixedmode.pki.digests import DigestAlgorithm

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.x509 import Name

T = TypeVar("T")

_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
MAX_RSA_BITS = 16384
"""A larger modulus is not used: checking one signature could hold a service up for seconds."""


SIGNERS_KEPT = 512
"""Keys of certificates that verified something last, kept ready: a cluster has few signers and many phones, and
OpenSSL prepares a key at its first use, which costs a third of a verification."""


def _library_errors() -> tuple[type[Exception], ...]:
    """Return what the library raises over certificates that do not follow the standard."""
    from cryptography import x509
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm

    return (
        ArithmeticError,
        InternalError,
        LookupError,
        TypeError,
        UnsupportedAlgorithm,
        ValueError,
        Warning,  # the caller may have turned warnings into errors
        x509.AttributeNotFound,
        x509.DuplicateExtension,
        x509.ExtensionNotFound,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    )


def _field(read: Callable[[Certificate], T]) -> cached_property[T]:
    """Make a field that is read once and whose failures are :class:`MalformedError` (rules 1 and 2)."""
    return cached_property(_guarded(read))


def _guarded(read: Callable[[Certificate], T]) -> Callable[[Certificate], T]:
    @wraps(read)
    def guarded(self: Certificate) -> T:
        try:
            return read(self)
        except MalformedError:
            raise
        except _library_errors() as error:
            raise MalformedError(
                f"the certificate's {read.__name__.replace('_', ' ')} cannot be read",
                why=str(error) or type(error).__name__,
                code="certificate",
                next_step="ask its issuer for a certificate that follows RFC 5280",
            ) from error

    return guarded


class Certificate:
    """An X.509 certificate; equal to another if their DER is.

    Attributes:
        der: The certificate's bytes.
    """

    der: bytes

    def __init__(self, der: bytes) -> None:
        self.__dict__["der"] = der

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a certificate does not change; cannot set {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"<Certificate of {len(self.der)} bytes, SHA-1 {self.sha1.hex()}>"

    @classmethod
    def from_der(cls, der: bytes) -> Certificate:
        """Return a certificate of DER bytes, which are read only when a field is asked for."""
        return cls(der)

    @classmethod
    def from_pem(cls, pem: bytes) -> Certificate:
        """Return the first certificate of PEM text, after reading it.

        Raises:
            MalformedError: There is none, or it cannot be read.
        """
        from cryptography import x509

        try:
            library = x509.load_pem_x509_certificate(pem)
        except _library_errors() as error:
            raise MalformedError(
                "no readable PEM certificate",
                why=str(error),
                code="certificate",
                next_step="check the file's content",
            ) from error
        return cls.from_library(library)

    @classmethod
    def from_library(cls, library: x509.Certificate) -> Certificate:
        """Return a certificate that the library has read already."""
        from cryptography.hazmat.primitives.serialization import Encoding

        certificate = cls(library.public_bytes(Encoding.DER))
        certificate.__dict__["x509"] = library
        return certificate

    def pem(self) -> bytes:
        """Return the certificate as PEM text."""
        import base64
        import textwrap

        lines = textwrap.wrap(base64.b64encode(self.der).decode(), 64)
        return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]).encode()

    @_field
    def x509(self) -> x509.Certificate:
        """The library's object."""
        from cryptography import x509

        return x509.load_der_x509_certificate(self.der)

    @_field
    def subject_name(self) -> Name:
        """The library's subject."""
        return self.x509.subject

    @_field
    def issuer_name(self) -> Name:
        """The library's issuer."""
        return self.x509.issuer

    @_field
    def subject(self) -> str:
        """The subject as CUCM prints it: ``CN=..;OU=..;O=..;L=..;ST=..;C=..``."""
        from mixedmode.pki.names import render_name

        return render_name(self.subject_name)

    @_field
    def issuer(self) -> str:
        """The issuer as CUCM prints it."""
        from mixedmode.pki.names import render_name

        return render_name(self.issuer_name)

    @_field
    def common_name(self) -> str:
        """The subject's common name as it stands, or an empty text."""
        from mixedmode.pki.names import attributes_of

        return next((value for kind, value in attributes_of(self.subject_name) if kind == "CN"), "")

    @_field
    def serial(self) -> bytes:
        """The serial's magnitude; a serial written with its top bit set counts as unsigned (rule 3)."""
        number = self.x509.serial_number
        if number < 0:
            length = (8 + (-number - 1).bit_length()) // 8
            return number.to_bytes(length, signed=True)
        return number.to_bytes(max(1, (number.bit_length() + 7) // 8))

    @_field
    def not_before(self) -> datetime:
        """The first moment of validity, UTC."""
        return self.x509.not_valid_before_utc.astimezone(UTC)

    @_field
    def not_after(self) -> datetime:
        """The last moment of validity, UTC."""
        return self.x509.not_valid_after_utc.astimezone(UTC)

    @_field
    def public_key(self) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        """The library's public key.

        Raises:
            MalformedError: It is neither RSA nor EC, which phones do not know.
        """
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        key = self.x509.public_key()
        if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            return key
        raise MalformedError(
            f"the certificate's key is a {type(key).__name__}",
            why="phones know only RSA and EC keys",
            code="key_kind",
            next_step="use a certificate with an RSA or EC key",
        )

    @_field
    def key_kind(self) -> Literal["RSA", "EC"]:
        """The kind of the public key."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return "RSA" if isinstance(self.public_key, rsa.RSAPublicKey) else "EC"

    @_field
    def key_bits(self) -> int:
        """The size of the modulus or of the curve's field in bits."""
        return self.public_key.key_size

    @_field
    def key_description(self) -> str:
        """The key for people: ``RSA 2048``, ``EC P-256``."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = self.public_key
        if isinstance(key, rsa.RSAPublicKey):
            return f"RSA {key.key_size}"
        return f"EC {_CURVE_NAMES.get(key.curve.name, key.curve.name)}"

    @_field
    def public_key_field(self) -> bytes:
        """Record tag 7: PKCS#1 RSAPublicKey DER, or an EC point ``04 X Y`` (wire-formats.md 1.3)."""
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = self.public_key
        if isinstance(key, rsa.RSAPublicKey):
            return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @_field
    def signature_field(self) -> bytes:
        """Record tag 8: the certificate's own signature value."""
        return self.x509.signature

    @cached_property
    def sha1(self) -> bytes:
        """SHA-1 of the DER."""
        return hashlib.sha1(self.der, usedforsecurity=False).digest()

    @cached_property
    def sha256(self) -> bytes:
        """SHA-256 of the DER."""
        return hashlib.sha256(self.der).digest()

    @cached_property
    def md5(self) -> bytes:
        """MD5 of the DER, which a phone compares with ``certHash`` (wire-formats.md 3)."""
        return hashlib.md5(self.der, usedforsecurity=False).digest()

    def verify_pkcs1(self, signature: bytes, data: bytes, digest: DigestAlgorithm) -> bool:
        """Return whether a RSASSA-PKCS1-v1_5 signature over ``data`` holds for this certificate's key.

        An EC key, or an RSA key of a size that the library refuses, never verifies anything.

        Raises:
            MalformedError: The certificate cannot be read.
        """
        verify = _verifier(self)
        if verify is None:
            return False
        library = _verification_library()
        try:
            verify(signature, digest.hash(data), library.scheme, library.markers[digest])
        except library.refusals:
            return False
        return True

    def is_issued_by(self, authority: Certificate) -> bool:
        """Return whether an authority's name and signature stand on this certificate; dates are not checked.

        Raises:
            MalformedError: One of both cannot be read.
        """
        from cryptography.exceptions import InvalidSignature

        if self.issuer_name != authority.subject_name:
            return False
        refusals: tuple[type[Exception], ...] = (InvalidSignature, *_library_errors())
        try:
            _check_issued(self.x509, authority.public_key)
        except refusals:
            return False
        return True


def _check_issued(certificate: x509.Certificate, key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> None:
    """Check a certificate's signature; the library's own check refuses SHA-1, which old certificates carry."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    parameters = certificate.signature_algorithm_parameters
    signature, signed = certificate.signature, certificate.tbs_certificate_bytes
    chosen = certificate.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and isinstance(parameters, padding.PKCS1v15 | padding.PSS) and chosen:
        key.verify(signature, signed, parameters, chosen)
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(parameters, ec.ECDSA):
        key.verify(signature, signed, parameters)
    else:
        raise UnsupportedAlgorithm("the signature is not of the key's kind")


@_guarded
def _verifier(certificate: Certificate) -> Any:
    """Return the library's verification for a certificate's key, None if the key cannot be used."""
    return _verification_of(certificate.der)


@lru_cache(maxsize=SIGNERS_KEPT)
def _verification_of(der: bytes) -> Any:
    library = _verification_library()
    key = library.load(der).public_key()
    return key.verify if isinstance(key, library.rsa_key) and key.key_size <= MAX_RSA_BITS else None


def forget_signers() -> None:
    """Forget the keys that are kept ready; for measurements."""
    _verification_of.cache_clear()


class _VerificationLibrary(NamedTuple):
    load: Callable[[bytes], Any]
    rsa_key: Any
    scheme: PKCS1v15
    markers: tuple[Any, ...]
    refusals: tuple[type[Exception], ...]


@cache
def _verification_library() -> _VerificationLibrary:
    """Return what verification needs of the library, imported once."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_der_x509_certificate

    refusals = (InvalidSignature, UnsupportedAlgorithm, ValueError)
    return _VerificationLibrary(load_der_x509_certificate, RSAPublicKey, PKCS1v15(), prehashed(), refusals)


@cache
def prehashed() -> tuple[Any, ...]:
    """Return the library's markers for "this is a digest already", indexed by digest code."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    # SHA-1 because phones of the 7900 series know no other digest in older firmware.
    return (None, Prehashed(hashes.SHA1()), Prehashed(hashes.SHA256()), Prehashed(hashes.SHA512()))  # noqa: S303
