"""Certificate signing requests: PKCS#10 with what CUCM asks for, and reading them back.

Pure: the key is an argument. A request asks for the usages of its purpose and for alternative names, as
cucm-admin.md 3 tells (server, client and IPsec end system; signature, key encipherment, data encipherment and key
agreement). CAPF's asks to be an authority.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.issuing import default_hash, key_usage, library_hash
from mixedmode.pki.certificates.names import render_name
from mixedmode.pki.certificates.profiles import PROFILES, Profile, Purpose, Subject
from mixedmode.pki.reading import extensions
from mixedmode.pki.reading.outline import unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography import x509

    from mixedmode.pki.signing.signer import PrivateKey

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A certificate signing request that was read, its signature checked.

    Attributes:
        pem: The request as PEM text.
        library: The library's object.
    """

    pem: bytes
    library: x509.CertificateSigningRequest

    @property
    def subject(self) -> str:
        """The subject as CUCM prints it."""
        return render_name(self.library.subject)

    @property
    def dns_names(self) -> tuple[str, ...]:
        """The alternative names of kind DNS."""
        return _dns_names(self.library.extensions)

    @property
    def key_description(self) -> str:
        """The key for people: ``RSA 2048``, ``EC P-256``."""
        from cryptography.hazmat.primitives.asymmetric import ec

        key = self.library.public_key()
        return f"EC P-{key.curve.key_size}" if isinstance(key, ec.EllipticCurvePublicKey) else f"RSA {_bits(key)}"

    def has_key_of(self, certificate: Certificate) -> bool:
        """Return whether a certificate is for the request's key.

        Raises:
            MalformedError: The certificate cannot be read.
        """
        return bool(self.library.public_key() == certificate.public_key)


def _bits(key: object) -> int:
    return int(getattr(key, "key_size", 0))


def make_request(purpose: Purpose, *, subject: Subject, key: PrivateKey, dns_names: Sequence[str] = ()) -> bytes:
    """Return a request as PEM text.

    Args:
        purpose: What the certificate shall be for.
        subject: Whose it shall be.
        key: The private key, which signs the request.
        dns_names: Alternative names to ask for.

    Raises:
        UsageError: The subject or a name cannot be written.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject.name())
        for extension, critical in _extensions(PROFILES[purpose], dns_names):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(key, library_hash(default_hash(key))).public_bytes(Encoding.PEM)
    except (ValueError, TypeError) as error:
        raise UsageError(
            "the request cannot be made",
            why="a name has characters that a request cannot hold",
            code="request",
            next_step="use ASCII host names",
        ) from error


def read_request(pem: bytes) -> SigningRequest:
    """Return the first request of PEM text.

    Raises:
        MalformedError: There is none, it cannot be read, or its signature is wrong.
    """
    from cryptography import x509

    begin = pem.find(b"-----BEGIN CERTIFICATE REQUEST-----")
    try:
        library = x509.load_pem_x509_csr(pem[max(begin, 0) :])
        valid = library.is_signature_valid
        _ = library.extensions, library.public_key()
    except _library_errors() as error:
        raise MalformedError(
            "no readable certificate signing request",
            why="it is damaged" if begin >= 0 else "no line says BEGIN CERTIFICATE REQUEST",
            code="request",
            next_step="make it anew",
        ) from error
    if not valid:
        raise MalformedError("the signature of the certificate signing request is wrong", code="request")
    from cryptography.hazmat.primitives.serialization import Encoding

    return SigningRequest(library.public_bytes(Encoding.PEM), library)


def alternative_names(certificate: Certificate) -> tuple[str, ...]:
    """Return the alternative names of kind DNS of a certificate.

    Raises:
        MalformedError: Its extensions cannot be read.
    """
    return all_alternative_names(certificate)[0]


def all_alternative_names(certificate: Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the alternative names of a certificate: host names, and addresses as text.

    Raises:
        MalformedError: Its extensions cannot be read.
    """
    value = extensions.one_of(certificate.extensions, extensions.ALTERNATIVE_NAME)
    return ((), ()) if value is None else _reading(extensions.names_in, value, "alternative names")


def is_authority(certificate: Certificate) -> bool:
    """Return whether a certificate may sign others; see :func:`authority_obstacle`.

    Raises:
        MalformedError: Its extensions cannot be read.
    """
    return authority_obstacle(certificate) is None


def authority_obstacle(certificate: Certificate) -> str | None:
    """Return why a certificate does not say that it may sign others, None if it says so.

    Basic constraints decide, and key usage if it has one. Without basic constraints a key usage that names the
    signing of certificates is enough, as for OpenSSL. A version 1 certificate says nothing, and is believed when it is
    its own issuer: old roots are such.

    Raises:
        MalformedError: Its extensions cannot be read.
    """
    if certificate.outline.version == 1:
        return None if certificate.is_issued_by(certificate) else "it is of version 1, which cannot say so"
    usage = extensions.one_of(certificate.extensions, extensions.KEY_USAGE)
    constraints = extensions.one_of(certificate.extensions, extensions.BASIC_CONSTRAINTS)
    signs = None if usage is None else _reading(extensions.may_sign, usage, "key usage")
    if signs is False:
        return "its key usage does not allow it to sign certificates"
    if constraints is None:
        return None if signs else "it has no basic constraints, so it does not say that it is an authority"
    if not _reading(extensions.says_authority, constraints, "basic constraints"):
        return "its basic constraints say that it is no authority (CA:FALSE)"
    return None


def _reading(read: Callable[[bytes], T], value: bytes, name: str) -> T:
    try:
        return read(value)
    except MalformedError as error:
        raise unreadable(name, error) from error


def _library_errors() -> tuple[type[Exception], ...]:
    """Return what the library raises over requests that do not follow the standard."""
    from cryptography import x509
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm

    return (
        ArithmeticError,
        InternalError,
        TypeError,
        UnsupportedAlgorithm,
        ValueError,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    )


def _dns_names(found: x509.Extensions) -> tuple[str, ...]:
    from cryptography import x509

    for extension in found:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            return tuple(extension.value.get_values_for_type(x509.DNSName))
    return ()


def _extensions(profile: Profile, dns_names: Sequence[str]) -> list[tuple[x509.ExtensionType, bool]]:
    from cryptography import x509

    found: list[tuple[x509.ExtensionType, bool]] = [(key_usage(profile.usage), True)]
    if profile.purposes:
        found.append((x509.ExtendedKeyUsage(map(x509.ObjectIdentifier, profile.purposes)), False))
    if profile.authority:
        found.append((x509.BasicConstraints(ca=True, path_length=profile.path_length), True))
    if dns_names:
        found.append((x509.SubjectAlternativeName([x509.DNSName(name) for name in dns_names]), False))
    return found
