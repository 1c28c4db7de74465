"""A certificate's fields are those that openssl and the sample lists name; damage is one kind of error."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MalformedError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.digests import DigestAlgorithm
from tests.pki.material import key, openssl, signer
from tests.support import DATA

SAMPLES = sorted((DATA / "keys").glob("*.crt"))
FIELDS = [
    "x509", "subject_name", "issuer_name", "subject", "issuer", "common_name", "serial", "not_before", "not_after",
    "public_key", "key_kind", "key_bits", "key_description", "public_key_field", "signature_field", "sha1", "sha256",
    "md5",
]  # fmt: skip


def asked(path: Path, *options: str) -> str:
    return openssl("x509", "-in", path, "-noout", *options).stdout.decode().strip()


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_fields_are_those_that_openssl_prints(path: Path) -> None:
    certificate = Certificate.from_pem(path.read_bytes())
    assert certificate.serial.hex() == asked(path, "-serial").removeprefix("serial=").lower()
    assert certificate.sha1.hex(":").upper() == asked(path, "-fingerprint", "-sha1").partition("=")[2]
    assert certificate.sha256.hex(":").upper() == asked(path, "-fingerprint", "-sha256").partition("=")[2]
    assert certificate.md5.hex(":").upper() == asked(path, "-fingerprint", "-md5").partition("=")[2]
    assert f"{certificate.not_after:%b %e %H:%M:%S %Y GMT}" == asked(path, "-enddate").partition("=")[2]
    assert certificate.not_before.utcoffset() is not None
    text = asked(path, "-text")
    assert f"Public-Key: ({certificate.key_bits} bit)" in text
    curves = {"EC P-256": "NIST CURVE: P-256", "EC P-384": "NIST CURVE: P-384", "EC P-521": "NIST CURVE: P-521"}
    if certificate.key_kind == "EC":
        assert curves[certificate.key_description] in text
        assert len(certificate.public_key_field) == 1 + 2 * ((certificate.key_bits + 7) // 8)
    else:
        assert certificate.key_description == f"RSA {certificate.key_bits}"
        as_openssl = openssl("rsa", "-pubin", "-RSAPublicKey_out", "-outform", "DER", data=public_pem(path)).stdout
        assert certificate.public_key_field == as_openssl


def public_pem(path: Path) -> bytes:
    return openssl("x509", "-in", path, "-noout", "-pubkey").stdout


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_pem_and_der_say_the_same(path: Path) -> None:
    certificate = Certificate.from_pem(path.read_bytes())
    assert Certificate.from_der(certificate.der) == certificate
    assert hash(Certificate.from_der(certificate.der)) == hash(certificate)
    assert certificate.pem() == path.read_bytes()


def test_a_certificate_does_not_change() -> None:
    certificate = signer().certificate
    with pytest.raises(AttributeError, match="does not change"):
        certificate.der = b""


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("digest", DigestAlgorithm)
@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.RSA_2048, KeyKind.RSA_3072, KeyKind.RSA_4096])
def test_a_signature_holds_here_and_for_openssl(kind: KeyKind, digest: DigestAlgorithm, tmp_path: Path) -> None:
    data = b"trust list" * 50
    someone = signer(kind)
    signature = someone.sign(data, digest)
    assert someone.certificate.verify_pkcs1(signature, data, digest)
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "cert.pem").write_bytes(someone.certificate.pem())
    (tmp_path / "key.pub").write_bytes(public_pem(tmp_path / "cert.pem"))
    answer = openssl(
        "dgst", f"-{digest.label}", "-verify", tmp_path / "key.pub", "-signature", tmp_path / "signature", data=data
    )
    assert answer.stdout.strip() == b"Verified OK"


def test_a_changed_signature_data_or_digest_does_not_hold() -> None:
    someone = signer()
    signature = someone.sign(b"data", DigestAlgorithm.SHA1)
    certificate = someone.certificate
    assert not certificate.verify_pkcs1(signature, b"datA", DigestAlgorithm.SHA1)
    assert not certificate.verify_pkcs1(signature, b"data", DigestAlgorithm.SHA512)
    assert not certificate.verify_pkcs1(signature[:-1], b"data", DigestAlgorithm.SHA1)
    assert not certificate.verify_pkcs1(b"", b"data", DigestAlgorithm.SHA1)
    assert not signer(KeyKind.EC_256).certificate.verify_pkcs1(signature, b"data", DigestAlgorithm.SHA1)


def made_by_openssl(folder: Path, *options: str) -> Certificate:
    answer = openssl(
        "req", "-x509", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "10",
        *options,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return Certificate.from_pem((folder / "cert.pem").read_bytes())


@pytest.mark.interop("openssl")
def test_an_rsa_key_of_512_bits_verifies_or_not_but_never_fails(tmp_path: Path) -> None:
    certificate = made_by_openssl(tmp_path, "-newkey", "rsa:512", "-subj", "/CN=small")
    assert certificate.key_description == "RSA 512"
    assert certificate.verify_pkcs1(bytes(64), b"data", DigestAlgorithm.SHA1) is False


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("algorithm", ["ed25519", "ed448"])
def test_a_key_that_phones_do_not_know_is_named(algorithm: str, tmp_path: Path) -> None:
    certificate = made_by_openssl(tmp_path, "-newkey", algorithm, "-subj", "/CN=new")
    with pytest.raises(MalformedError, match="key is a"):
        _ = certificate.key_kind
    assert certificate.verify_pkcs1(b"", b"", DigestAlgorithm.SHA1) is False


@pytest.mark.interop("openssl")
def test_an_unusual_curve_is_named(tmp_path: Path) -> None:
    certificate = made_by_openssl(
        tmp_path, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-subj", "/CN=curve"
    )
    assert certificate.key_description == "EC secp256k1"


@pytest.mark.interop("openssl")
@pytest.mark.parametrize(
    ("shown", "expected"), [("1", "01"), ("0x80", "80"), ("0xa037a0413fbda2ec78a415656df68c10",) * 2]
)
def test_a_serial_is_its_magnitude(shown: str, expected: str, tmp_path: Path) -> None:
    certificate = made_by_openssl(tmp_path, "-newkey", "rsa:1024", "-subj", "/CN=x", "-set_serial", shown)
    assert certificate.serial.hex() == expected.removeprefix("0x")


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("serial", ["0", "-1", "-0x5fc85fbec0"])
def test_an_odd_serial_is_read_or_refused_as_malformed(serial: str, tmp_path: Path) -> None:
    openssl("req", "-x509", "-nodes", "-newkey", "rsa:1024", "-keyout", tmp_path / "k", "-out", tmp_path / "c",
            "-outform", "DER", "-subj", "/CN=x", "-set_serial", serial)  # fmt: skip
    certificate = Certificate.from_der((tmp_path / "c").read_bytes())
    try:
        assert 1 <= len(certificate.serial) <= 20
    except MalformedError as error:
        assert error.next_step


@pytest.mark.parametrize("damage", [bytes, lambda der: der[:100], lambda der: der + b"more", lambda _: b"\x30\x84"])
def test_no_certificate_at_all_is_malformed(damage: Callable[[bytes], bytes]) -> None:
    certificate = Certificate.from_der(damage(signer().certificate.der) if damage is not bytes else b"")
    for name in FIELDS[:-3]:
        with pytest.raises(MalformedError):
            getattr(certificate, name)
    with pytest.raises(MalformedError):
        Certificate.from_pem(certificate.der)


def read_everything(certificate: Certificate) -> None:
    for name in FIELDS:
        try:
            getattr(certificate, name)
        except MalformedError as error:
            assert error.diagnostics()
    try:
        certificate.verify_pkcs1(bytes(256), b"data", DigestAlgorithm.SHA1)
        certificate.is_issued_by(certificate)
    except MalformedError:
        pass


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_damaged_certificate_raises_malformed_and_nothing_else(path: Path) -> None:
    der = Certificate.from_pem(path.read_bytes()).der
    chance = random.Random(path.stem)
    for _ in range(200):
        damaged = bytearray(der)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(der))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        read_everything(Certificate.from_der(bytes(damaged)))


@given(st.binary(max_size=300))
def test_any_bytes_raise_malformed_and_nothing_else(data: bytes) -> None:
    read_everything(Certificate.from_der(data))


def test_issued_by_looks_at_name_and_signature() -> None:
    one, other = signer(), signer(KeyKind.RSA_1024)
    assert one.certificate.is_issued_by(one.certificate)
    assert not one.certificate.is_issued_by(other.certificate)
    assert key(KeyKind.RSA_2048) is one.key


def test_making_a_certificate_loads_no_library() -> None:
    code = (
        "import sys; from mixedmode.pki.certificates.certificates import Certificate as C; C.from_der(b'x').sha256;"
        "sys.exit('cryptography' in sys.modules)"
    )
    assert subprocess.run([_python(), "-c", code], check=False).returncode == 0


def _python() -> str:
    import sys

    return sys.executable
