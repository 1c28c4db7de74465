"""What kind of certificate each purpose has: keys, validity, usage, names (cucm-admin.md 3, wire-formats.md 5).

Tables; :mod:`.profiles` makes certificates of them. Rules:

1. Self-signed certificates last 5 years, ITLRecovery 20; 5, 10, 15 and 20 can be chosen.
2. RSA keys have 1024, 2048, 3072 or 4096 bits, EC keys are on P-256, P-384 or P-521.
3. What a certificate carries besides names and key follows its :class:`Style`: the sizes of certificates that CUCM 10
   wrote leave room for these extensions and no others (docs/decisions/0021).
4. CAPF is an authority whose certificates issue none: CA:TRUE, pathlen:0, as the guide asks for from 14SU2 on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.issuing import IPSEC_END_SYSTEM, TLS_CLIENT, TLS_SERVER, Usage

if TYPE_CHECKING:
    from cryptography import x509


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
    """The keys that certificates of a cluster may have (rule 2)."""

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


class Style(Enum):
    """How a version writes self-signed certificates (rule 3).

    FULL has basic constraints, a critical key usage, and the host's name as alternative name. PLAIN is that of CUCM 10:
    key usage, extended key usage and subject key identifier, none of them critical.
    """

    FULL = "full"
    PLAIN = "plain"


_TLS = (TLS_SERVER, TLS_CLIENT)
_TLS_AND_IPSEC = (*_TLS, IPSEC_END_SYSTEM)


@dataclass(frozen=True, slots=True)
class Profile:
    """How certificates of one purpose look.

    Attributes:
        years: Validity.
        key_kind: "RSA" or "EC".
        usage: The key usages.
        purposes: Extended key usage: object identifiers.
        plain_purposes: The same in the plain style.
        authority: Whether it signs other certificates.
        path_length: How many authorities may follow an authority; None does not say.
        common_name: What the common name must look like, None for a host's name.
    """

    years: int
    key_kind: str
    usage: Usage
    purposes: tuple[str, ...] = _TLS_AND_IPSEC
    plain_purposes: tuple[str, ...] = _TLS_AND_IPSEC
    authority: bool = False
    path_length: int | None = None
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
        DEFAULT_YEARS,
        "RSA",
        _AUTHORITY,
        plain_purposes=_TLS,
        authority=True,
        path_length=0,
        common_name=re.compile(r"CAPF-[0-9A-Fa-f]{8}"),
    ),
    Purpose.ITLRECOVERY: Profile(RECOVERY_YEARS, "RSA", _SERVER, (), _TLS, common_name=re.compile(r"ITLRECOVERY_.+")),
    Purpose.TOMCAT: Profile(DEFAULT_YEARS, "RSA", _SERVER),
    Purpose.TOMCAT_ECDSA: Profile(DEFAULT_YEARS, "EC", _EC_SERVER),
    Purpose.IPSEC: Profile(DEFAULT_YEARS, "RSA", _SERVER),
    Purpose.PHONE_LSC: Profile(1, "any", _PHONE),
    Purpose.PHONE_MIC: Profile(10, "any", _PHONE, common_name=re.compile(r"CP-\w+-SEP[0-9A-F]{12}")),
    Purpose.TOKEN: Profile(20, "RSA", _SIGNING, (TLS_CLIENT,), common_name=re.compile(r"SAST-[A-Za-z0-9]+ *")),
    Purpose.MANUFACTURING_CA: Profile(20, "any", _AUTHORITY, (), authority=True),
}

TOKEN_NAME_WIDTH = 24
"""Characters of a token's common name, padded by blanks (wire-formats.md 1.7)."""
TOKEN_SERIAL_BYTES = 10
MANUFACTURING_SUBJECT = Subject("Cisco Manufacturing CA", organization="Cisco Systems")
