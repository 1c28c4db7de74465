"""Signed files open if, and only if, a TFTP record of the trust list signed exactly these bytes and this name."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.signedfile import (
    BadSignatureError,
    SignedFile,
    UnknownSignerError,
    WrongFilenameError,
    open_file,
    sign_file,
)
from mixedmode.trustlist import Layout, Role, TrustList
from tests.pki.material import openssl
from tests.signedfile.material import (
    MOMENT,
    PHONE,
    SAMPLE_TRUST,
    SIGNED,
    STUBS,
    AbsentKey,
    certificate,
    plain_of,
    signer_of,
    tftp_signer,
    trust_list,
)
from tests.support import DATA

SAMPLE = DATA / "sgn" / "rsa2048-sha1" / f"{PHONE}.sgn"


def sample_id(path: Path) -> str:
    return f"{path.parent.parent.name}/{path.parent.name}"


@pytest.mark.parametrize("layout", [Layout.CUCM, Layout.TLVFILE])
@pytest.mark.parametrize("role", [Role.TFTP, Role.CCM_TFTP])
@pytest.mark.parametrize("path", SIGNED, ids=sample_id)
def test_samples_open_with_any_trust_list_that_has_their_signer(path: Path, role: Role, layout: Layout) -> None:
    trusted = trust_list(certificate("ccm-rsa2048"), signer_of(path), role=role, layout=layout)
    opened = open_file(path.read_bytes(), trusted, filename=path.name)
    assert opened.content == plain_of(path)
    assert opened.record.number == 3


def test_a_sample_opens_with_the_list_of_its_own_toolset() -> None:
    trusted = TrustList.parse(SAMPLE_TRUST.read_bytes())
    assert open_file(SAMPLE.read_bytes(), trusted).content == plain_of(SAMPLE)


@pytest.mark.parametrize("path", SIGNED, ids=sample_id)
def test_what_we_sign_is_the_sample_but_for_the_signature(path: Path) -> None:
    theirs = SignedFile.parse(path.read_bytes()).header
    assert theirs.digest is not None
    ours = sign_file(
        plain_of(path),
        AbsentKey(signer_of(path)),
        filename=theirs.filename or "",
        digest=theirs.digest,
        timestamp=theirs.timestamp or 0,
        layout=Layout.TLVFILE,
    )
    assert len(ours) == len(path.read_bytes())
    assert SignedFile.parse(ours).header.signed_bytes() == theirs.signed_bytes()


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.RSA_2048, KeyKind.RSA_4096])
@pytest.mark.parametrize("digest", [DigestAlgorithm.SHA1, DigestAlgorithm.SHA512])
def test_openssl_verifies_what_we_sign(kind: KeyKind, digest: DigestAlgorithm, tmp_path: Path) -> None:
    own = tftp_signer(kind)
    data = sign_file(b"<device/>", own, filename=f"{PHONE}.sgn", digest=digest, timestamp=MOMENT)
    header = SignedFile.parse(data).header
    (tmp_path / "signature").write_bytes(header.signature or b"")
    (tmp_path / "public.pem").write_bytes(openssl("x509", "-noout", "-pubkey", data=own.certificate.pem()).stdout)
    at = data.index(header.signature or b"?")
    signed = data[: at - 3] + data[at + len(header.signature or b"") :]
    answer = openssl(
        "dgst",
        f"-{digest.label}",
        "-verify",
        tmp_path / "public.pem",
        "-signature",
        tmp_path / "signature",
        data=signed,
    )
    assert answer.stdout.strip() == b"Verified OK"
    assert header.header_length % 4 == 0
    assert header.timestamp == MOMENT
    assert data.endswith(b"<device/>")


def opened_by_us(data: bytes, role: Role = Role.TFTP, filename: str | None = None) -> bytes:
    return open_file(data, trust_list(tftp_signer().certificate, role=role), filename=filename).content


@given(
    st.binary(max_size=5000),
    st.sampled_from(list(DigestAlgorithm)),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from(Layout),
)
def test_any_content_comes_back(content: bytes, digest: DigestAlgorithm, moment: int, layout: Layout) -> None:
    name = "Desktops/320x196x4/List.xml.sgn"
    data = sign_file(content, tftp_signer(), filename=name, digest=digest, timestamp=moment, layout=layout)
    assert opened_by_us(data, filename=name) == content


def ours(content: bytes = b"<device/>", filename: str = f"{PHONE}.sgn") -> bytes:
    return sign_file(content, tftp_signer(), filename=filename, digest=DigestAlgorithm.SHA1, timestamp=MOMENT)


def test_a_firmware_file_opens() -> None:
    data = ours(bytes(range(256)) * 1000, "cmterm-9971.9-4-2SR3-1.cop.sgn")
    assert opened_by_us(data, filename="cmterm-9971.9-4-2SR3-1.cop.sgn") == bytes(range(256)) * 1000


def test_another_phones_file_is_refused() -> None:
    with pytest.raises(WrongFilenameError, match="SEP001122334455") as caught:
        opened_by_us(ours(), filename="SEP0000000000AA.cnf.xml.sgn")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("role", [Role.SAST, Role.CCM, Role.CAPF, Role.TVS, Role.APP_SERVER])
def test_a_signer_of_another_role_is_unknown(role: Role) -> None:
    with pytest.raises(UnknownSignerError, match="70:CA:F6:4E"):
        opened_by_us(ours(), role=role)


def test_a_certificate_with_the_same_name_but_another_key_or_serial_does_not_help() -> None:
    imposter = tftp_signer(KeyKind.RSA_1024).certificate
    with pytest.raises(BadSignatureError):
        open_file(ours(), trust_list(imposter))
    with pytest.raises(UnknownSignerError):
        open_file(ours(), trust_list(certificate("tftp-rsa2048")))


def test_a_changed_file_is_refused() -> None:
    data = bytearray(ours())
    data[-3] ^= 1
    with pytest.raises(BadSignatureError, match="does not hold"):
        opened_by_us(bytes(data))
    with pytest.raises(BadSignatureError):
        opened_by_us(ours() + b"\n")


def test_a_certificate_that_tvs_vouches_for_verifies_too() -> None:
    file = SignedFile.parse(ours())
    file.verify_with(tftp_signer().certificate)
    with pytest.raises(UnknownSignerError):
        file.verify_with(certificate("tvs"))
    with pytest.raises(BadSignatureError):
        file.verify_with(tftp_signer(KeyKind.RSA_1024).certificate)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<device/>",
        ours()[:50],
        ours()[:200],
        SAMPLE_TRUST.read_bytes(),
        b"\x01\x00\x02\x01\x00",
        b"\x01\x00\x02\x03\x00",
    ],
)
def test_what_is_no_signed_file_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        SignedFile.parse(data)
    assert caught.value.offset is not None
    assert caught.value.next_step or caught.value.code == "missing_field"


def test_only_rsa_keys_of_the_four_sizes_sign() -> None:
    for kind, said in ((KeyKind.EC_256, "EC P-256"), (KeyKind.RSA_3072, "3072")):
        with pytest.raises(UsageError, match=said):
            sign_file(b"", tftp_signer(kind), filename="a.sgn", digest=DigestAlgorithm.SHA1, timestamp=0)
    for name in ("", "a\x00.sgn"):
        with pytest.raises(UsageError, match="name"):
            sign_file(b"", tftp_signer(), filename=name, digest=DigestAlgorithm.SHA1, timestamp=0)


@pytest.mark.parametrize("path", [*SIGNED, STUBS[0]], ids=sample_id)
def test_every_changed_byte_ends_in_a_typed_error(path: Path) -> None:
    data = path.read_bytes()
    trusted = trust_list(signer_of(path))
    chance = random.Random(path.name)
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= chance.choice([1, 0x80, 0xFF, 1 << chance.randrange(8)])
        with pytest.raises(MixedModeError):
            open_file(bytes(damaged), trusted, filename=path.name)


@given(st.binary(max_size=400))
def test_any_bytes_end_in_a_typed_error(tail: bytes) -> None:
    for start in (b"", ours()[:20], ours()[:100], b"\x01\x00\x02\x02\x00\x02\x00\x02\x00\x40"):
        with pytest.raises(MixedModeError):
            opened_by_us(start + tail)
