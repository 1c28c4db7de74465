"""Signed files of header version 1.1, as all of Cisco's firmware has, are read like those of 1.0."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mixedmode.errors import MalformedError
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.signedfile import BadSignatureError, SignedFile
from mixedmode.signedfile.describing import describe_signed
from mixedmode.trustlist import Role, TrustList
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.header import tlv
from mixedmode.trustlist.kinds import FileKind, kind_of
from tests.pki.material import signer
from tests.signedfile.material import SAMPLE_TRUST, trust_list
from tests.support import DATA, run_mixedmode

FIRMWARE = "jar45sccp.9-4-2.sbn"


def firmware(
    version: tuple[int, int] = (1, 1),
    *,
    content: bytes = b"firmware" * 9,
    filename: str | None = FIRMWARE,
    timestamp: int | None = None,
    digest: DigestAlgorithm = DigestAlgorithm.SHA1,
) -> bytes:
    """Return a file with the header that 58 files of Cisco's share: CUCM's order, no time, pads at the end."""
    someone = signer()
    name = someone.certificate.subject.encode() + b"\0"
    identity = tlv(3, tlv(4, name) + tlv(5, someone.certificate.serial) + tlv(6, name))
    info = tlv(7, tlv(8, bytes((digest,))) + tlv(9, tlv(10, b"\0") + tlv(11, b"\2")))
    after = b"" if filename is None else tlv(14, filename.encode() + b"\0")
    after += b"" if timestamp is None else tlv(15, timestamp.to_bytes(4))
    length = 10 + len(identity + info + after) + 259
    after += b"\x0d" * (-length % 4)
    before = tlv(1, bytes(version)) + tlv(2, (length + -length % 4).to_bytes(2)) + identity + info
    return before + tlv(12, someone.sign(before + after + content, digest)) + after + content


def trusted() -> TrustList:
    return trust_list(signer().certificate)


@pytest.mark.parametrize("timestamp", [None, 1_700_000_000])
@pytest.mark.parametrize("filename", [FIRMWARE, None, "tzdatacsv.sgn", "CTLFile.tlv.sgn"])
@pytest.mark.parametrize("version", [(1, 0), (1, 1), (1, 3)])
def test_it_is_read_and_verified(version: tuple[int, int], filename: str | None, timestamp: int | None) -> None:
    if version == (1, 3) and filename is None:
        return  # a list of a later version without a name looks alike
    data = firmware(version, filename=filename, timestamp=timestamp)
    file = SignedFile.parse(data)
    assert kind_of(file.header) is FileKind.SIGNED
    assert file.payload == b"firmware" * 9
    assert file.verify(trusted()).role in {Role.TFTP, Role.CCM_TFTP}
    file.verify_with(signer().certificate)
    assert describe_signed(file)["timestamp"] == (None if timestamp is None else "2023-11-14T22:13:20Z")
    assert not file.is_encrypted


def test_a_changed_version_breaks_the_signature() -> None:
    data = bytearray(firmware())
    data[4] = 0
    with pytest.raises(BadSignatureError):
        SignedFile.parse(bytes(data)).verify(trusted())


@pytest.mark.parametrize("version", [(0, 1), (3, 0), (255, 255)])
def test_an_unknown_version_is_named(version: tuple[int, int]) -> None:
    for parse in (SignedFile.parse, TrustList.parse):
        with pytest.raises(MalformedError, match=rf"version {version[0]}\.{version[1]}") as caught:
            parse(firmware(version))
        assert "binary" not in caught.value.diagnostics()


def test_a_trust_list_is_no_signed_file_nor_the_other_way_round() -> None:
    with pytest.raises(MalformedError, match=r"1\.2"):
        SignedFile.parse(SAMPLE_TRUST.read_bytes())
    with pytest.raises(MalformedError, match="a signed file") as caught:
        TrustList.parse(firmware())
    assert "open-config" in caught.value.diagnostics()
    assert "binary" not in caught.value.diagnostics()


@pytest.mark.parametrize("filename", ["CTLFile.tlv", "ITLSEP001122334455.tlv", "anything.bin"])
def test_a_list_is_a_list_whatever_its_name(filename: str) -> None:
    certificate = signer().certificate
    data = build_trust_list([RecordSpec(Role.SAST, certificate)], signer(), timestamp=0, filename=filename)
    assert kind_of(TrustList.parse(data).header) is FileKind.TRUST_LIST


def test_every_truncation_is_told_or_does_not_verify() -> None:
    data = firmware()
    for size in range(0, len(data), 7):
        try:
            file = SignedFile.parse(data[:size])
        except MalformedError as error:
            assert error.offset is not None
        else:
            with pytest.raises(BadSignatureError):
                file.verify(trusted())


def test_show_describes_it_and_verify_checks_it(tmp_path: Path) -> None:
    path, certificate = tmp_path / FIRMWARE, tmp_path / "cert.pem"
    path.write_bytes(firmware(content=b"x" * (3 << 20)))
    certificate.write_bytes(signer().certificate.pem())
    shown = run_mixedmode("show", path)
    assert shown.returncode == 0
    for piece in ("a signed file", FIRMWARE, "CN=cucm-1051-a-pub", "SHA1", "12:34", "open-config", "not told"):
        assert piece in shown.stdout
    document = json.loads(run_mixedmode("show", path, "--json").stdout)
    assert (document["kind"], document["version"], document["content_length"]) == ("signed", "1.1", 3 << 20)
    assert document["timestamp"] is None
    assert run_mixedmode("verify", path).returncode == 1
    assert run_mixedmode("verify", path, "--signer", certificate).returncode == 0
    path.write_bytes(firmware()[:-1])
    assert run_mixedmode("verify", path, "--signer", certificate).returncode == 1
    refused = run_mixedmode("extract", path, tmp_path / "out")
    assert refused.returncode == 2
    assert "a signed file" in refused.stderr


def test_an_encrypted_file_and_an_empty_one_are_described() -> None:
    encrypted = next((DATA / "enc").rglob("*.enc.sgn"))
    shown = run_mixedmode("show", encrypted, "--json")
    assert json.loads(shown.stdout)["kind"] == "encrypted"
    empty = SignedFile.parse(firmware((1, 0), content=b""))
    assert describe_signed(empty, signer().certificate)["verified"] is True
