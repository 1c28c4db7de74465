"""Putting a certificate together: names, key, validity, extensions, signature.

The mechanics below :mod:`mixedmode.pki.certificates.profiles`, which says what each purpose needs. SHA-1 signatures,
which certificates of older clusters carry, are made here, since the library makes certificates only with SHA-2: the
certificate is built with SHA-256, the algorithm's identifier replaced, and signed again. So is a certificate whose
issuer's name is written in a way that the library does not write.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.reading.der import BIT_STRING, SEQUENCE, encode, whole

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from mixedmode.pki.reading.distinguished import DistinguishedName
    from mixedmode.pki.signing.signer import PrivateKey

    PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

MAX_SERIAL_BITS = 159
TLS_SERVER, TLS_CLIENT, IPSEC_END_SYSTEM = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.5"


class Hash(StrEnum):
    """The hash under a certificate's signature."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def strength(self) -> int:
        """Bits, to compare with a curve."""
        return int(self.value[3:])


@dataclass(frozen=True, slots=True)
class Usage:
    """The key usages that CUCM's certificates carry."""

    digital_signature: bool = False
    key_encipherment: bool = False
    data_encipherment: bool = False
    key_agreement: bool = False
    key_cert_sign: bool = False

    def with_cert_sign(self) -> Usage:
        """Return the usages of a self-signed certificate, whose key signs itself."""
        return replace(self, key_cert_sign=True)


@dataclass(frozen=True, slots=True)
class Extensions:
    """What goes into a certificate besides names and key.

    Attributes:
        usage: Key usage.
        purposes: Extended key usage: object identifiers.
        authority: Basic constraints, critical; None leaves them out.
        path_length: How many authorities may follow an authority; None does not say.
        dns: Alternative names of kind DNS.
        uri: Alternative name of kind URI.
        critical: Whether key usage is critical.
        revocations: Where the issuer's list of revoked certificates is.
        issuer_at: Where the issuer's certificate is.
    """

    usage: Usage
    purposes: tuple[str, ...] = ()
    authority: bool | None = False
    path_length: int | None = None
    dns: tuple[str, ...] = ()
    uri: str | None = None
    critical: bool = True
    revocations: str | None = None
    issuer_at: str | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs a certificate.

    Attributes:
        name: The issuer's name.
        key: The issuer's private key.
        certificate: The issuer's certificate, None if the new one is self-signed.
    """

    name: x509.Name | DistinguishedName
    key: PrivateKey
    certificate: Certificate | None = None


def build_certificate(
    subject: x509.Name,
    public_key: PublicKey,
    issuer: Issuer,
    *,
    serial: int,
    validity: tuple[datetime, datetime],
    extensions: Extensions,
    signature_hash: Hash | None = None,
) -> Certificate:
    """Return a signed version 3 certificate.

    Args:
        subject: Whose it is.
        public_key: The subject's key.
        issuer: Who signs.
        serial: From 1 to 159 bits.
        validity: First and last moment (UTC).
        extensions: What else it says.
        signature_hash: By default SHA-256, or what the issuer's curve needs.

    Raises:
        UsageError: Serial, dates, names or hash cannot be used.
        MalformedError: The issuer's certificate cannot be read.
    """
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    chosen = signature_hash or default_hash(issuer.key)
    _check_hash(chosen, issuer.key)
    if serial <= 0 or serial.bit_length() > MAX_SERIAL_BITS:
        raise UsageError(f"a serial has 1 to {MAX_SERIAL_BITS} bits and is positive", code="serial")
    issuer_name, issuer_bytes = _issuer_name(issuer.name)
    try:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer_name)
            .public_key(public_key)
            .serial_number(serial)
            .not_valid_before(validity[0])
            .not_valid_after(validity[1])
        )
        for extension, critical in _extensions(extensions, public_key, issuer):
            builder = builder.add_extension(extension, critical=critical)
        certificate = Certificate.from_library(builder.sign(issuer.key, library_hash(chosen)))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            "the certificate cannot be made",
            why="a date is out of range, or a name has characters that a certificate cannot hold",
            code="certificate",
            next_step="use ASCII host names, and dates from 1950 to 9999",
        ) from error
    if chosen is Hash.SHA1 or issuer_bytes is not None:
        return _signed_again(certificate, issuer.key, chosen, issuer_bytes)
    return certificate


def key_usage(usage: Usage) -> x509.KeyUsage:
    """Return the library's key usage."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=usage.digital_signature,
        content_commitment=False,
        key_encipherment=usage.key_encipherment,
        data_encipherment=usage.data_encipherment,
        key_agreement=usage.key_agreement,
        key_cert_sign=usage.key_cert_sign,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _extensions(wanted: Extensions, public_key: PublicKey, issuer: Issuer) -> list[tuple[x509.ExtensionType, bool]]:
    from cryptography import x509

    found: list[tuple[x509.ExtensionType, bool]] = []
    if wanted.authority is not None:
        found.append((x509.BasicConstraints(ca=wanted.authority, path_length=wanted.path_length), True))
    found.append((key_usage(wanted.usage), wanted.critical))
    if wanted.purposes:
        found.append((x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, wanted.purposes)), False))
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in wanted.dns]
    if wanted.uri:
        names.append(x509.UniformResourceIdentifier(wanted.uri))
    if names:
        found.append((x509.SubjectAlternativeName(names), False))
    found.append((x509.SubjectKeyIdentifier.from_public_key(public_key), False))
    if issuer.certificate is not None:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.certificate.public_key)
        found.append((identifier, False))
    return [*found, *_places(wanted)]


def _places(wanted: Extensions) -> list[tuple[x509.ExtensionType, bool]]:
    """Return the extensions that say where more about the issuer is found."""
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    found: list[tuple[x509.ExtensionType, bool]] = []
    if wanted.revocations is not None:
        place = x509.UniformResourceIdentifier(wanted.revocations)
        found.append((x509.CRLDistributionPoints([x509.DistributionPoint([place], None, None, None)]), False))
    if wanted.issuer_at is not None:
        place = x509.UniformResourceIdentifier(wanted.issuer_at)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        found.append((x509.AuthorityInformationAccess([access]), False))
    return found


def _curve_bits(key: PrivateKey) -> int:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return 0 if isinstance(key, rsa.RSAPrivateKey) else key.curve.key_size


def default_hash(key: PrivateKey) -> Hash:
    """Return SHA-256, or what an EC key of more bits needs."""
    bits = _curve_bits(key)
    return Hash.SHA512 if bits > 384 else Hash.SHA384 if bits > 256 else Hash.SHA256


def _check_hash(chosen: Hash, key: PrivateKey) -> None:
    bits = _curve_bits(key)
    if bits and chosen.strength < min(bits, 512):
        raise UsageError(
            f"{chosen.value} is weaker than an EC key of {bits} bits",
            code="weak_hash",
            next_step=f"sign with {default_hash(key).value} or better",
        )


def library_hash(chosen: Hash) -> Any:
    """Return the library's object for a hash; SHA-256 for SHA-1, with which it signs nothing."""
    from cryptography.hazmat.primitives import hashes

    by_name = {Hash.SHA384: hashes.SHA384, Hash.SHA512: hashes.SHA512}
    return by_name.get(chosen, hashes.SHA256)()


_SHA1_WITH_RSA = bytes.fromhex("300d06092a864886f70d0101050500")


def _signed_again(certificate: Certificate, key: PrivateKey, chosen: Hash, issuer: bytes | None) -> Certificate:
    """Return the certificate with another issuer's name, or a SHA-1 signature, which the library cannot make."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    der, fields = certificate.der, certificate.outline
    algorithm = whole(der, fields.algorithm)
    digest = library_hash(chosen)
    if chosen is Hash.SHA1:
        if not isinstance(key, rsa.RSAPrivateKey):
            raise UsageError("SHA-1 signs only with RSA keys", code="weak_hash")
        algorithm, digest = _SHA1_WITH_RSA, hashes.SHA1()  # noqa: S303 - the old style asked for
    before = der[fields.tbs.start : fields.algorithm.outer] + algorithm
    name = whole(der, fields.issuer) if issuer is None else issuer
    signed = encode(SEQUENCE, before + name + der[fields.validity.outer : fields.tbs.end])
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed, PKCS1v15(), digest)
    else:
        signature = key.sign(signed, ec.ECDSA(digest))
    return Certificate(encode(SEQUENCE, signed + algorithm + encode(BIT_STRING, b"\0" + signature)))


def _issuer_name(name: x509.Name | DistinguishedName) -> tuple[x509.Name, bytes | None]:
    """Return an issuer's name for the library, and its bytes where the library would write others.

    What a certificate says about its issuer must be what the issuer calls itself, byte for byte: phones and old
    programs compare bytes.
    """
    from cryptography import x509

    if isinstance(name, x509.Name):
        return name, None
    with suppress(ValueError, TypeError):
        written = x509.Name([x509.NameAttribute(x509.ObjectIdentifier(each.oid), each.value) for each in name])
        return written, None if written.public_bytes() == name.der else name.der
    return x509.Name([]), name.der
