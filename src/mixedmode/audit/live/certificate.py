"""What rules ask of a certificate, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.names import is_token_name, serial_text
from mixedmode.pki.reading.extensions import ALTERNATIVE_NAME, names_in, one_of

RECOVERY: Final = "ITLRECOVERY_"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate.

    Attributes:
        der: Its bytes.
        sha256: Of its bytes, lower hex.
        common_name: Of its subject.
        subject: As CUCM prints it.
        issuer: As CUCM prints it.
        serial: As CUCM prints it.
        not_before: UTC.
        not_after: UTC.
        key_kind: ``RSA`` or ``EC``; empty if it is neither.
        key_bits: Of its key; 0 if it is of another kind.
        hash: Under its issuer's signature, such as ``sha256``; None if it is an unusual one.
        hosts: Host names of its alternative names; None if it has none.
        is_token: Whether it is a security token's.
        pasted_sha1: Of the certificate itself, if a pasted listing is all that is known of it; then its dates, its
            alternative names and the hash under it are not known, and :attr:`der` and :attr:`sha256` are a stand-in's.
    """

    der: bytes
    sha256: str
    common_name: str
    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    key_kind: str
    key_bits: int
    hash: str | None
    hosts: tuple[str, ...] | None
    is_token: bool
    pasted_sha1: str = ""

    @property
    def is_recovery(self) -> bool:
        """Whether it is called as ITLRecovery certificates are."""
        return self.common_name.upper().startswith(RECOVERY)

    @property
    def is_multi_server(self) -> bool:
        """Whether it is called as certificates of several nodes are."""
        return self.common_name.partition(".")[0].casefold().endswith("-ms")

    @property
    def digest(self) -> str:
        """The hash of its bytes, in a few words."""
        return f"SHA-1 {self.pasted_sha1}" if self.pasted_sha1 else f"SHA-256 {self.sha256[:16]}..."

    @property
    def words(self) -> str:
        """It in a few words."""
        return f"{self.common_name or self.subject}, serial {self.serial}"


def facts_of(der: bytes) -> CertificateFacts | None:
    """Return what a certificate says; None if it cannot be read."""
    certificate = Certificate(der)
    try:
        return CertificateFacts(
            der,
            certificate.sha256.hex(),
            certificate.common_name,
            certificate.subject,
            certificate.issuer,
            serial_text(certificate.serial),
            certificate.not_before,
            certificate.not_after,
            *_key(certificate),
            certificate.signature_hash,
            _hosts(certificate),
            is_token_name(certificate.subject_name, certificate.issuer_name),
        )
    except MalformedError:
        return None


def _key(certificate: Certificate) -> tuple[str, int]:
    try:
        return certificate.key_kind, certificate.key_bits
    except MalformedError:
        return "", 0


def _hosts(certificate: Certificate) -> tuple[str, ...] | None:
    try:
        value = one_of(certificate.extensions, ALTERNATIVE_NAME)
        return None if value is None else names_in(value)[0]
    except MalformedError:
        return None
