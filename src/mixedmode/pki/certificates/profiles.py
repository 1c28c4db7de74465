"""Making certificates of a purpose, as :mod:`.purposes` says how they look.

Pure but for :func:`generate_key`: the time and the serial are arguments. Rules:

1. CAPF is named ``CAPF-`` and eight hex digits, ITLRecovery ``ITLRECOVERY_`` and the publisher's full name.
2. The hash is never weaker than the curve (256: SHA-256 or better, 384: SHA-384 or better).
3. SHA-1 signs only with RSA, for the old style of certificates.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from mixedmode.articles import with_article
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.issuing import Extensions, Hash, Issuer, build_certificate
from mixedmode.pki.certificates.purposes import (
    DEFAULT_YEARS,
    LSC_DAYS,
    MANUFACTURING_SUBJECT,
    MAX_LSC_DAYS,
    PROFILES,
    RECOVERY_YEARS,
    SELECTABLE_YEARS,
    TOKEN_NAME_WIDTH,
    TOKEN_SERIAL_BYTES,
    KeyKind,
    Profile,
    Purpose,
    Style,
    Subject,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from mixedmode.pki.signing.signer import PrivateKey

    PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

__all__ = [
    "DEFAULT_YEARS",
    "EXPIRY_NOTICE",
    "LSC_DAYS",
    "MANUFACTURING_SUBJECT",
    "MAX_LSC_DAYS",
    "PROFILES",
    "RECOVERY_YEARS",
    "SELECTABLE_YEARS",
    "TOKEN_NAME_WIDTH",
    "TOKEN_SERIAL_BYTES",
    "Expiry",
    "KeyKind",
    "Profile",
    "Purpose",
    "Style",
    "Subject",
    "common_name",
    "expiry",
    "generate_key",
    "issue",
    "issue_lsc",
    "self_signed",
    "token_subject",
    "years_later",
]

_REVOCATIONS_URL = "http://www.example.com/security/pki/crl/ca.crl"
_ISSUER_URL = "http://www.example.com/security/pki/certs/ca.cer"
"""In tokens' certificates, as long as the manufacturer's own; nobody asks there."""


def generate_key(kind: KeyKind) -> PrivateKey:
    """Return a new private key; the one function here that needs randomness."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    family, bits = kind.value
    if family == "RSA":
        return rsa.generate_private_key(65537, bits)
    curves: dict[int, type[ec.EllipticCurve]] = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
    return ec.generate_private_key(curves[bits]())


def common_name(purpose: Purpose, fqdn: str, *, number: int = 0) -> str:
    """Return the common name that CUCM gives a certificate (rule 1).

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
    style: Style = Style.FULL,
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
        style: How it is written.

    Raises:
        UsageError: Key, name, serial or hash do not suit the purpose.
    """
    profile = _checked(purpose, subject, key.public_key())
    if style is Style.PLAIN and _is_plain(profile, key.public_key()):
        extensions = Extensions(profile.usage.with_cert_sign(), profile.plain_purposes, authority=None, critical=False)
    else:
        extensions = Extensions(
            profile.usage.with_cert_sign(),
            profile.purposes,
            authority=profile.authority,
            path_length=profile.path_length,
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
        extensions=_issued(purpose, profile, uri),
        signature_hash=hash,
    )


def _issued(purpose: Purpose, profile: Profile, uri: str | None) -> Extensions:
    if purpose is Purpose.TOKEN:
        # With the manufacturer's RSA 2048 signature this makes the seed's 902 bytes.
        return Extensions(
            profile.usage, profile.purposes, authority=None, revocations=_REVOCATIONS_URL, issuer_at=_ISSUER_URL
        )
    return Extensions(
        profile.usage, profile.purposes, authority=profile.authority, path_length=profile.path_length, uri=uri
    )


def _is_plain(profile: Profile, key: PublicKey) -> bool:
    """Return whether a certificate of the plain style is written so.

    An authority without basic constraints is refused by strict verifiers, so only one with a key of the seed's size,
    which shows that it had none, is left without.
    """
    return not profile.authority or key.key_size < KeyKind.RSA_2048.value[1]


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
    from mixedmode.pki.certificates.names import attributes_of

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
            f"{with_article(str(purpose))} certificate has an {profile.key_kind} key, not {family}",
            code="key_kind",
            next_step=f"generate an {profile.key_kind} key",
        )
    if profile.common_name is not None and not profile.common_name.fullmatch(subject.common_name):
        raise UsageError(
            f"{subject.common_name!r} is no common name of {with_article(str(purpose))} certificate",
            code="common_name",
            next_step=f"it must match {profile.common_name.pattern}",
        )
    return profile
