"""Sample files, trust lists that vouch for their signers, and the phones' keys."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import load_certificate, load_private_key
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SoftwareSigner
from mixedmode.trustlist import Layout, Role, TrustList
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from tests.pki.material import signer
from tests.support import DATA

if TYPE_CHECKING:
    from mixedmode.pki.signing.signer import PrivateKey

KEYS = DATA / "keys"
MOMENT = 1772323200
PHONE = "SEP001122334455.cnf.xml"
SIGNED = sorted((DATA / "sgn").glob("*/*.sgn"))
ENCRYPTED = sorted((DATA / "enc").glob("*/*.enc.sgn"))
STUBS = sorted((DATA / "enc").glob("*/*.xml.sgn"))
SAMPLE_TRUST = DATA / "tlvfile" / "padding-1" / "CTLFile.tlv"
"""Written by tlvfile; its second record is tftp-rsa2048, CCM+TFTP."""


@cache
def certificate(name: str) -> Certificate:
    return load_certificate(KEYS / f"{name}.crt")


def phone_key(path: Path) -> PrivateKey:
    """Return the private key of the phone that an enc/ folder is for."""
    return load_private_key(KEYS / f"phone-{path.parent.name.partition('-')[0]}.key.der")


def phone_certificate(path: Path) -> Certificate:
    return certificate(f"phone-{path.parent.name.partition('-')[0]}")


def plain_of(path: Path) -> bytes:
    """Return the plain file beside a sample."""
    if path.parent.parent.name == "enc":
        return (path.parent / "plain.xml").read_bytes()
    return path.with_suffix("").read_bytes()


def signer_of(path: Path) -> Certificate:
    return certificate("tftp-rsa1024" if path.parent == DATA / "sgn" / "rsa1024-sha512" else "tftp-rsa2048")


@cache
def trust_list(*certificates: Certificate, role: Role = Role.TFTP, layout: Layout = Layout.CUCM) -> TrustList:
    """Return a trust list, signed by another key, that gives some certificates a role."""
    own = signer(KeyKind.RSA_2048, name="cucm-sast", serial=0xBEEF)
    specs = [RecordSpec(Role.SAST, own.certificate), *(RecordSpec(role, each) for each in certificates)]
    if layout is Layout.CUCM:
        specs = [RecordSpec(spec.role, spec.certificate, "cucm", "10.0.0.1") for spec in specs]
    return TrustList.parse(build_trust_list(specs, own, timestamp=MOMENT, layout=layout))


def tftp_signer(kind: KeyKind = KeyKind.RSA_2048) -> SoftwareSigner:
    return signer(kind, name="cucm-tftp", serial=0x70CAF64E090751B9DF22F49F754FC5BB)


class AbsentKey:
    """A signer whose private key nobody has: signs with zeros, to compare everything else."""

    def __init__(self, own: Certificate) -> None:
        self.certificate = own

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        return bytes(self.certificate.key_bits // 8)
