"""The writer reproduces the lengths of Cisco's listings, and CUCM's own layout byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist import Layout, Role, TrustList
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from tests.support import DATA
from tests.trustlist.samples import ETOKENS, NON_SECURE, TOKENLESS


@dataclass(frozen=True)
class AbsentKey:
    """A signer whose private key nobody has: signs with zeros, for lengths and layout only."""

    certificate: Certificate

    def sign(self, data: bytes, digest: DigestAlgorithm) -> bytes:
        return bytes(self.certificate.key_bits // 8)


def certificate_of(path: Path, number: int) -> Certificate:
    certificate = TrustList.parse(path.read_bytes()).records[number - 1].certificate
    assert certificate is not None
    return certificate


def rebuilt(path: Path, layout: Layout) -> tuple[bytes, TrustList]:
    """Write a sample anew from its own certificates."""
    sample = TrustList.parse(path.read_bytes())
    specs = [
        RecordSpec(
            record.role or Role.SAST,
            record.certificate,
            dns_name=record.dns_name if layout is not Layout.TLVFILE else None,
            ip_address=record.ip_address if layout is not Layout.TLVFILE else None,
            form=RecordForm.FULL if record.certificate else RecordForm.ADDRESS,
        )
        for record in sample.records
    ]
    header = sample.header
    signer = next(r.certificate for r in sample.records if r.is_sast() and r.serial == header.signer_serial)
    assert signer is not None
    assert header.digest is not None
    data = build_trust_list(
        specs,
        AbsentKey(signer),
        timestamp=header.timestamp or 0,
        digest=header.digest,
        filename=header.filename or "",
        layout=layout,
        signer_version=header.signer_version,
    )
    return data, sample


@pytest.mark.parametrize(
    ("path", "layout", "length"),
    [
        (TOKENLESS, Layout.CUCM, 4947),
        (DATA / "tlv" / "50-seed-tokenless-4947.tlv", Layout.CUCM, 4947),
        (ETOKENS, Layout.CTLCLIENT, 5728),
        (DATA / "cucm" / "itl-sha1.tlv", Layout.CUCM, 8188),
        (DATA / "cucm" / "itl-ec-signer-version-1.1.tlv", Layout.CUCM, 4667),
        (DATA / "tlvfile" / "rsa2048-sha512-1.1" / "ITLFile.tlv", Layout.TLVFILE, 6084),
        (DATA / "tlvfile" / "rsa4096-sha1-1.0" / "ITLFile.tlv", Layout.TLVFILE, 8388),
        (DATA / "tlvfile" / "ec-records" / "ITLFile.tlv", Layout.TLVFILE, 5687),
        (DATA / "tlvfile" / "padding-1" / "CTLFile.tlv", Layout.TLVFILE, 3296),
        (DATA / "tlv" / "15-itl-1.1-ec256-tftp.tlv", Layout.TLVFILE, 2594),
        (DATA / "tlv" / "68-records-ipv6-16.tlv", Layout.CUCM, 2665),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else None,
)
def test_a_list_written_anew_equals_the_other_writers_but_for_its_signature(
    path: Path, layout: Layout, length: int
) -> None:
    data, sample = rebuilt(path, layout)
    assert len(data) == length
    assert TrustList.parse(data).header.signed_bytes() == sample.header.signed_bytes()


def test_after_regeneration_with_rsa_2048_the_list_has_6113_bytes() -> None:
    new_publisher = certificate_of(DATA / "cucm" / "itl-sha1.tlv", 1)
    assert len(new_publisher.der) == 955
    specs = [
        RecordSpec(Role.SAST, new_publisher, "cucm-1051-a-pub", "10.48.47.153"),
        RecordSpec(Role.CCM_TFTP, new_publisher, "cucm-1051-a-pub", "10.48.47.153"),
        RecordSpec(Role.CAPF, certificate_of(TOKENLESS, 3), "cucm-1051-a-pub", "10.48.47.153"),
        RecordSpec(Role.CCM_TFTP, certificate_of(TOKENLESS, 4), "cucm-1051-a-sub1", "10.48.47.154"),
    ]
    trust_list = TrustList.parse(build_trust_list(specs, AbsentKey(new_publisher), timestamp=0))
    assert trust_list.length == 6113
    assert trust_list.header.header_length == 464
    assert [record.length for record in trust_list.records] == [1675, 1675, 1138, 1161]


def test_header_and_record_lengths_of_the_figures() -> None:
    tokenless = TrustList.parse(rebuilt(TOKENLESS, Layout.CUCM)[0])
    assert tokenless.header.header_length == 336
    assert [record.length for record in tokenless.records] == [1156, 1156, 1138, 1161]
    tokens = TrustList.parse(rebuilt(ETOKENS, Layout.CTLCLIENT)[0])
    assert tokens.header.header_length == 304
    assert [record.length for record in tokens.records] == [1186, 1022, 1004, 1026, 1186]
    non_secure = TrustList.parse(rebuilt(NON_SECURE, Layout.CTLCLIENT)[0])
    assert [record.length for record in non_secure.records] == [1186, 1186, 33, 1004, 33]


def test_the_ctl_client_writes_the_address_as_dns_name_by_itself() -> None:
    capf = certificate_of(TOKENLESS, 3)
    token = certificate_of(ETOKENS, 1)
    specs = [
        RecordSpec(Role.SAST, token),
        RecordSpec(Role.CAPF, capf, ip_address="10.48.47.153"),
        RecordSpec(Role.CCM_TFTP, None, ip_address="10.48.47.153", form=RecordForm.ADDRESS),
    ]
    data = build_trust_list(specs, AbsentKey(token), timestamp=0, layout=Layout.CTLCLIENT)
    records = TrustList.parse(data).records
    assert [record.length for record in records] == [1186, 1004, 33]
    assert [record.dns_name for record in records] == ["", "10.48.47.153", "10.48.47.153"]
