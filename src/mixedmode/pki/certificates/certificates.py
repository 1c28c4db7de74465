"""A certificate as trust lists see it: its DER, and the fields that a record repeats.

Rules:

1. Making one costs nothing; the DER is parsed when a field is first asked for, and each field once.
2. It is read by our own reader, which takes what OpenSSL takes: the library's refuses old string types, unsorted sets
   and more, and warns on stderr. Whatever is wrong, each field raises :class:`MalformedError` and nothing else.
3. A serial is its unsigned magnitude without leading zeros (wire-formats.md 1.1); a negative one is the bytes that
   are written.
4. What is read but odd is told by :func:`mixedmode.pki.reading.oddities.oddities`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar

from mixedmode.errors import MalformedError
from mixedmode.pki.reading import public_keys
from mixedmode.pki.reading.der import read_element
from mixedmode.pki.reading.outline import Moment, Outline, read_outline, read_validity, serial_octets, unreadable
from mixedmode.pki.signing.digests import DigestAlgorithm

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from mixedmode.pki.reading.distinguished import DistinguishedName
    from mixedmode.pki.reading.extensions import Extension

T = TypeVar("T")

_ISSUERS = 64
"""Of so many texts a certificate remembers whether they name its issuer: fleets and forecasts ask for few."""
_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_PEM = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END ", re.DOTALL)


def _field(read: Callable[[Certificate], T]) -> cached_property[T]:
    """Make a field that is read once, and whose failure says which field it is (rules 1 and 2)."""

    def guarded(self: Certificate) -> T:
        try:
            return read(self)
        except MalformedError as error:
            raise unreadable(read.__name__.replace("_", " "), error) from error

    guarded.__doc__ = read.__doc__
    return cached_property(guarded)


def _decoded(text: bytes) -> bytes:
    """Return the first structure of a PEM block's text, as OpenSSL reads it; empty if there is none."""
    import base64
    import binascii

    head, _, body = text.replace(b"\r", b"").partition(b"\n\n")
    try:
        der = base64.b64decode(body if b":" in head else text)
        return der[: read_element(der, 0, len(der)).next]
    except (binascii.Error, MalformedError):
        return b""


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
        found = _PEM.search(pem)
        der = _decoded(found[1]) if found else b""
        if not der:
            raise MalformedError(
                "no readable PEM certificate",
                why="it is damaged" if found else "no line says BEGIN CERTIFICATE",
                code="certificate",
                next_step="check the file's content",
            )
        certificate = cls(der)
        _ = certificate.outline
        return certificate

    @classmethod
    def from_file(cls, data: bytes) -> Certificate:
        """Return the first certificate of a file's content, PEM or DER, after reading it.

        Raises:
            MalformedError: There is none, or it cannot be read.
        """
        if b"-----BEGIN" in data:
            return cls.from_pem(data)
        certificate = cls(data)
        _ = certificate.outline
        return certificate

    @classmethod
    def from_library(cls, library: x509.Certificate) -> Certificate:
        """Return a certificate that the library made."""
        from cryptography.hazmat.primitives.serialization import Encoding

        return cls(library.public_bytes(Encoding.DER))

    def pem(self) -> bytes:
        """Return the certificate as PEM text."""
        import base64
        import textwrap

        lines = textwrap.wrap(base64.b64encode(self.der).decode(), 64)
        return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]).encode()

    @_field
    def outline(self) -> Outline:
        """Where its fields lie."""
        return read_outline(self.der)

    @_field
    def x509(self) -> x509.Certificate:
        """The library's object, for what only the library does; it refuses much that is read here."""
        import warnings

        from cryptography import x509

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return x509.load_der_x509_certificate(self.der)
            except Exception as error:  # the library has a dozen kinds of errors for this, and adds to them
                raise MalformedError(
                    "the certificate is too unusual to be used for this",
                    why="it is readable, but does not follow RFC 5280",
                    code="certificate",
                    next_step="ask its issuer for a certificate that follows RFC 5280",
                ) from error

    @_field
    def subject_name(self) -> DistinguishedName:
        """The subject."""
        from mixedmode.pki.reading.distinguished import read_name

        return read_name(self.der, self.outline.subject)

    @_field
    def issuer_name(self) -> DistinguishedName:
        """The issuer."""
        from mixedmode.pki.reading.distinguished import read_name

        subject, issuer = self.outline.subject, self.outline.issuer
        if self.der[subject.outer : subject.next] == self.der[issuer.outer : issuer.next]:
            return self.subject_name
        return read_name(self.der, issuer)

    @_field
    def subject(self) -> str:
        """The subject as CUCM prints it: ``CN=..;OU=..;O=..;L=..;ST=..;C=..``."""
        from mixedmode.pki.certificates.names import render_name

        return render_name(self.subject_name)

    @_field
    def issuer(self) -> str:
        """The issuer as CUCM prints it."""
        from mixedmode.pki.certificates.names import render_name

        return render_name(self.issuer_name)

    def has_issuer(self, text: str) -> bool:
        """Return whether a text, in any style, names the issuer; one that cannot be read has no name."""
        asked: dict[str, bool] = self.__dict__.setdefault("_asked_issuers", {})
        found = asked.get(text)
        if found is None:
            if len(asked) >= _ISSUERS:
                asked.clear()
            found = asked[text] = self._names_issuer(text)
        return found

    def _names_issuer(self, text: str) -> bool:
        from mixedmode.pki.certificates.names import names_match

        try:
            return text == self.issuer or names_match(text, self.issuer_name)
        except MalformedError:
            return False

    @_field
    def common_name(self) -> str:
        """The subject's common name as it stands, or an empty text."""
        from mixedmode.pki.certificates.names import attributes_of

        return next((value for kind, value in attributes_of(self.subject_name) if kind == "CN"), "")

    @_field
    def serial(self) -> bytes:
        """The serial's magnitude; a serial written with its top bit set counts as unsigned (rule 3)."""
        return serial_octets(self.der, self.outline).lstrip(b"\0") or b"\0"

    @_field
    def validity(self) -> tuple[Moment, Moment]:
        """The first and last moment of validity, and what is odd about how they are written."""
        return read_validity(self.der, self.outline)

    @property
    def not_before(self) -> datetime:
        """The first moment of validity, UTC."""
        return self.validity[0].time

    @property
    def not_after(self) -> datetime:
        """The last moment of validity, UTC."""
        return self.validity[1].time

    @_field
    def extensions(self) -> tuple[Extension, ...]:
        """The extensions, their values not read yet."""
        from mixedmode.pki.reading.extensions import read_extensions

        return read_extensions(self.der, self.outline)

    @_field
    def signature_hash(self) -> str | None:
        """The hash under the issuer's signature as ``sha256``, None if it is an unusual one."""
        return public_keys.signature_hash(self.der, self.outline)

    @_field
    def public_key(self) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
        """The library's public key.

        Raises:
            MalformedError: It is neither RSA nor EC, which phones do not know.
        """
        return public_keys.load_public_key(self.der, self.outline)

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
        return public_keys.signature_bits(self.der, self.outline)

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

        Raises:
            MalformedError: The certificate cannot be read.
        """
        return public_keys.verifies(self.der, signature, data, digest)

    def is_issued_by(self, authority: Certificate) -> bool:
        """Return whether an authority's name and signature stand on this certificate; dates are not checked.

        Raises:
            MalformedError: One of both cannot be read.
        """
        if self.issuer_name != authority.subject_name:
            return False
        return public_keys.is_signed_with(self.der, self.outline, authority.public_key)
