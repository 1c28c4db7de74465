"""What kind of certificate each purpose has: keys, validity, usage, names (cucm-admin.md 3, wire-formats.md 5).

Pure but for :func:`generate_key`: the time and the serial are arguments. Rules:

1. Self-signed certificates last 5 years, ITLRecovery 20; 5, 10, 15 and 20 can be chosen.
2. CAPF is named ``CAPF-`` and eight hex digits, ITLRecovery ``ITLRECOVERY_`` and the publisher's full name.
3. RSA keys have 1024, 2048, 3072 or 4096 bits, EC keys are on P-256, P-384 or P-521; the hash is never weaker
   than the curve (256: SHA-256 or better, 384: SHA-384 or better).
4. SHA-1 signs only with RSA, for the old style of certificates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from mixedmode.errors import UsageError
from mixedmode.pki.certificates import Certificate
from mixedmode.pki.issuing import Extensions, Hash, Issuer, Usage, build_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from mixedmode.pki.signer import PrivateKey

    PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


class Purpose(StrEnum):
    """What a certificate is for, by CUCM's names; the last four belong to phones, tokens and their maker."""

    CALLMANAGER = "CallManager"
    CALLMANAGER_ECDSA = "CallManager-ECDSA"
    TVS = "TVS"
    CAPF = "CAPF"
    ITLRECOVERY = "ITLRecovery"
    TOMCAT = "tomcat"
    TOMCAT_ECDSA = "tomcat-ECDSA"
    IPSEC = "ipsec"
    PHONE_LSC = "LSC"
    PHONE_MIC = "MIC"
    TOKEN = "token"  # noqa: S105 - a security token, no secret
    MANUFACTURING_CA = "manufacturing-CA"


class KeyKind(Enum):
    """The keys that certificates of a cluster may have (rule 3)."""

    RSA_1024 = ("RSA", 1024)
    RSA_2048 = ("RSA", 2048)
    RSA_3072 = ("RSA", 3072)
    RSA_4096 = ("RSA", 4096)
    EC_256 = ("EC", 256)
    EC_384 = ("EC", 384)
    EC_521 = ("EC", 521)

    @property
    def label(self) -> str:
        """``RSA-2048``, ``EC-256``."""
        return f"{self.value[0]}-{self.value[1]}"

    @classmethod
    def from_label(cls, label: str) -> KeyKind:
        """Return the kind of a label such as ``rsa-2048``.

        Raises:
            UsageError: There is no such kind.
        """
        for kind in cls:
            if kind.label == label.upper().replace("_", "-"):
                return kind
        known = ", ".join(kind.label for kind in cls)
        raise UsageError(f"{label!r} is no kind of key", code="key_kind", next_step=f"use one of: {known}")


@dataclass(frozen=True, slots=True)
class Subject:
    """A distinguished name of the six attributes that CUCM uses; an empty one is left out."""

    common_name: str
    organizational_unit: str = ""
    organization: str = ""
    locality: str = ""
    state: str = ""
    country: str = ""

    def name(self) -> x509.Name:
        """Return the library's name, in the order CN, OU, O, L, ST, C.

        Raises:
            UsageError: An attribute is too long, or the country has not two letters.
        """
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        parts = (
            (NameOID.COMMON_NAME, self.common_name),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, self.organizational_unit),
            (NameOID.ORGANIZATION_NAME, self.organization),
            (NameOID.LOCALITY_NAME, self.locality),
            (NameOID.STATE_OR_PROVINCE_NAME, self.state),
            (NameOID.COUNTRY_NAME, self.country),
        )
        try:
            return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])
        except ValueError as error:
            longest = max((value for _, value in parts), key=len)
            why = f"{longest!r} has {len(longest.encode())} bytes"
            raise UsageError(
                "the subject's name cannot be written",
                where=self.common_name,
                why=why if len(self.country) in {0, 2} else f"the country {self.country!r} is not two letters",
                next_step="common name, unit and organization up to 64 characters, locality and state up to 128, "
                "country of two letters",
            ) from error

    def named(self, common_name: str) -> Subject:
        """Return the same subject with another common name."""
        return Subject(
            common_name, self.organizational_unit, self.organization, self.locality, self.state, self.country
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """How certificates of one purpose look.

    Attributes:
        years: Validity.
        key_kind: "RSA" or "EC".
        usage: The key usages.
        extended: Whether it serves TLS and IPsec (server, client, IPsec end system).
        authority: Whether it signs other certificates.
        common_name: What the common name must look like, None for a host's name.
    """

    years: int
    key_kind: str
    usage: Usage
    extended: bool = True
    authority: bool = False
    common_name: re.Pattern[str] | None = None


_SERVER = Usage(digital_signature=True, key_encipherment=True, data_encipherment=True, key_agreement=True)
_EC_SERVER = Usage(digital_signature=True, key_agreement=True)
_AUTHORITY = Usage(digital_signature=True, key_cert_sign=True)
_PHONE = Usage(digital_signature=True, key_encipherment=True)
_SIGNING = Usage(digital_signature=True)
DEFAULT_YEARS = 5
RECOVERY_YEARS = 20
SELECTABLE_YEARS = (5, 10, 15, 20)
LSC_DAYS = 365
MAX_LSC_DAYS = 3560

PROFILES: dict[Purpose, Profile] = {
    Purpose.CALLMANAGER: Profile(DEFAULT_YEARS, "RSA", _SERVER),
    Purpose.CALLMANAGER_ECDSA: Profile(DEFAULT_YEARS, "EC", _EC_SERVER),
    Purpose.TVS: Profile(DEFAULT_YEARS, "RSA", _SERVER),
    Purpose.CAPF: Profile(
        DEFAULT_YEARS, "RSA", _AUTHORITY, authority=True, common_name=re.compile(r"CAPF-[0-9A-Fa-f]{8}")
    ),
    Purpose.ITLRECOVERY: Profile(
        RECOVERY_YEARS, "RSA", _SERVER, extended=False, common_name=re.compile(r"ITLRECOVERY_.+")
    ),
    Purpose.TOMCAT: Profile(DEFAULT_YEARS, "RSA", _SERVER),
    Purpose.TOMCAT_ECDSA: Profile(DEFAULT_YEARS, "EC", _EC_SERVER),
    Purpose.IPSEC: Profile(DEFAULT_YEARS, "RSA", _SERVER),
    Purpose.PHONE_LSC: Profile(1, "any", _PHONE),
    Purpose.PHONE_MIC: Profile(10, "any", _PHONE, common_name=re.compile(r"CP-\w+-SEP[0-9A-F]{12}")),
    Purpose.TOKEN: Profile(20, "RSA", _SIGNING, extended=False, common_name=re.compile(r"SAST-[A-Za-z0-9]+ *")),
    Purpose.MANUFACTURING_CA: Profile(20, "RSA", _AUTHORITY, extended=False, authority=True),
}

TOKEN_NAME_WIDTH = 24
"""Characters of a token's common name, padded by blanks (wire-formats.md 1.7)."""
TOKEN_SERIAL_BYTES = 10
MANUFACTURING_SUBJECT = Subject("Cisco Manufacturing CA", organization="Cisco Systems")


def generate_key(kind: KeyKind) -> PrivateKey:
    """Return a new private key; the one function here that needs randomness."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    family, bits = kind.value
    if family == "RSA":
        return rsa.generate_private_key(65537, bits)
    curves: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
    return ec.generate_private_key(curves[bits]())


def common_name(purpose: Purpose, fqdn: str, *, number: int = 0) -> str:
    """Return the common name that CUCM gives a certificate (rule 2).

    Args:
        purpose: What the certificate is for.
        fqdn: The node's full name.
        number: For CAPF: the 32 random bits of its name.
    """
    if purpose is Purpose.CAPF:
        return f"CAPF-{number & 0xFFFFFFFF:08x}"
    if purpose is Purpose.ITLRECOVERY:
        return f"ITLRECOVERY_{fqdn}"
    if purpose in {Purpose.CALLMANAGER_ECDSA, Purpose.TOMCAT_ECDSA}:
        return f"{fqdn}-EC"
    return fqdn


def token_subject(number: str) -> Subject:
    """Return the subject of the security token of a number such as ``ADN008580ef``."""
    name = f"SAST-{number}".ljust(TOKEN_NAME_WIDTH)
    return Subject(name, organizational_unit="IPCBU", organization="Cisco Systems, Inc.")


def self_signed(
    purpose: Purpose,
    *,
    subject: Subject,
    key: PrivateKey,
    now: datetime,
    serial: int,
    years: int | None = None,
    dns_names: Sequence[str] = (),
    hash: Hash | None = None,  # noqa: A002 - the field's word
) -> Certificate:
    """Return a self-signed certificate of a purpose.

    Args:
        purpose: What it is for.
        subject: Its name, also its issuer's.
        key: Its private key.
        now: The start of its validity (UTC).
        serial: From 1 to 159 bits.
        years: Validity in place of the profile's.
        dns_names: Subject alternative names; several make a multi-server certificate.
        hash: Signature hash; by default SHA-256, or what the curve needs.

    Raises:
        UsageError: Key, name, serial or hash do not suit the purpose.
    """
    profile = _checked(purpose, subject, key.public_key())
    extensions = Extensions(
        usage=profile.usage.with_cert_sign(),
        extended=profile.extended,
        authority=profile.authority,
        dns=tuple(dns_names),
    )
    name = subject.name()
    return build_certificate(
        name,
        key.public_key(),
        Issuer(name, key),
        serial=serial,
        validity=(now, years_later(now, years or profile.years)),
        extensions=extensions,
        signature_hash=hash,
    )


def issue(
    purpose: Purpose,
    *,
    subject: Subject,
    public_key: PublicKey,
    authority: Certificate,
    authority_key: PrivateKey,
    now: datetime,
    serial: int,
    days: int | None = None,
    uri: str | None = None,
    hash: Hash | None = None,  # noqa: A002 - the field's word
) -> Certificate:
    """Return a certificate that an authority issued: LSC, MIC, token, or a CA-signed server certificate.

    Args:
        purpose: What it is for.
        subject: Its name.
        public_key: Its public key.
        authority: The issuer's certificate; its subject becomes the issuer's name.
        authority_key: The issuer's private key.
        now: The start of its validity (UTC).
        serial: From 1 to 159 bits.
        days: Validity in place of the profile's.
        uri: Subject alternative name of kind URI (an LSC's device name).
        hash: Signature hash; by default SHA-256, or what the issuer's curve needs.

    Raises:
        UsageError: Key, name, serial or hash do not suit.
        MalformedError: The issuer's certificate cannot be read.
    """
    profile = _checked(purpose, subject, public_key)
    return build_certificate(
        subject.name(),
        public_key,
        Issuer(authority.subject_name, authority_key, authority),
        serial=serial,
        validity=(now, now + timedelta(days=days) if days else years_later(now, profile.years)),
        extensions=Extensions(usage=profile.usage, extended=profile.extended, authority=profile.authority, uri=uri),
        signature_hash=hash,
    )


def issue_lsc(
    device: str,
    public_key: PublicKey,
    *,
    authority: Certificate,
    authority_key: PrivateKey,
    now: datetime,
    serial: int,
    days: int = LSC_DAYS,
) -> Certificate:
    """Return a phone's LSC: its name, and O, OU, L, ST, C of the CAPF certificate (wire-formats.md 5).

    Raises:
        UsageError: ``days`` is not from 1 to 3560.
    """
    from mixedmode.pki.names import attributes_of

    if not 1 <= days <= MAX_LSC_DAYS:
        raise UsageError(f"an LSC cannot last {days} days", next_step=f"use 1 to {MAX_LSC_DAYS} days")
    inherited = dict(attributes_of(authority.subject_name))
    subject = Subject(device, *(inherited.get(kind, "") for kind in ("OU", "O", "L", "ST", "C")))
    return issue(
        Purpose.PHONE_LSC,
        subject=subject,
        public_key=public_key,
        authority=authority,
        authority_key=authority_key,
        now=now,
        serial=serial,
        days=days,
        uri=device,
    )


def years_later(moment: datetime, years: int) -> datetime:
    """Return the same day of a later year; 29 February becomes 28 February."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, day=28)


class Expiry(Enum):
    """How long a certificate still lasts."""

    NOT_YET_VALID = "not yet valid"
    VALID = "valid"
    EXPIRES_SOON = "expires soon"
    EXPIRED = "expired"


EXPIRY_NOTICE = timedelta(days=30)


def expiry(certificate: Certificate, now: datetime, *, notice: timedelta = EXPIRY_NOTICE) -> Expiry:
    """Return how a certificate stands at a moment.

    Args:
        certificate: To look at.
        now: UTC, aware.
        notice: How long before its end it counts as expiring soon.

    Raises:
        MalformedError: Its dates cannot be read.
    """
    if now < certificate.not_before:
        return Expiry.NOT_YET_VALID
    if now > certificate.not_after:
        return Expiry.EXPIRED
    return Expiry.EXPIRES_SOON if certificate.not_after - now <= notice else Expiry.VALID


def _checked(purpose: Purpose, subject: Subject, key: PublicKey) -> Profile:
    from cryptography.hazmat.primitives.asymmetric import rsa

    profile = PROFILES[purpose]
    family = "RSA" if isinstance(key, rsa.RSAPublicKey) else "EC"
    if profile.key_kind not in {"any", family}:
        raise UsageError(
            f"a {purpose} certificate has an {profile.key_kind} key, not {family}",
            code="key_kind",
            next_step=f"generate an {profile.key_kind} key",
        )
    if profile.common_name is not None and not profile.common_name.fullmatch(subject.common_name):
        raise UsageError(
            f"{subject.common_name!r} is no common name of a {purpose} certificate",
            code="common_name",
            next_step=f"it must match {profile.common_name.pattern}",
        )
    return profile
