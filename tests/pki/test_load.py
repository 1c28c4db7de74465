"""Signers come from PEM and PKCS#12 files, with a password from a file, the environment or a prompt."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mixedmode.errors import MixedModeError, UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import (
    PASSWORD_FILE_VARIABLE,
    PASSWORD_VARIABLE,
    load_certificate,
    load_certificates,
    load_private_key,
    load_signer,
    parse_private_key,
    pkcs12_bytes,
    private_key_pem,
    save_private_key,
    save_signer,
)
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.files import PRIVATE, write_atomic
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import Signer, SignerError, SoftwareSigner
from tests.pki.material import key, openssl, signer
from tests.softhsm import softhsm
from tests.support import DATA

__all__ = ["softhsm"]


@pytest.fixture(autouse=True)
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    monkeypatch.delenv(PASSWORD_FILE_VARIABLE, raising=False)


def assert_signs(loaded: Signer) -> None:
    assert loaded.certificate == signer().certificate
    signature = loaded.sign(b"data", DigestAlgorithm.SHA512)
    assert loaded.certificate.verify_pkcs1(signature, b"data", DigestAlgorithm.SHA512)


def test_key_and_certificate_in_any_order_after_other_certificates(tmp_path: Path) -> None:
    own, other = signer(), signer(KeyKind.RSA_1024).certificate.pem()
    parts = {
        "a": [private_key_pem(own.key), own.certificate.pem()],
        "b": [other, own.certificate.pem(), private_key_pem(own.key)],
    }
    for name, texts in parts.items():
        (tmp_path / name).write_bytes(b"# comment\n".join(texts))
        assert_signs(load_signer(str(tmp_path / name)))


@pytest.mark.interop("openssl")
def test_a_key_that_openssl_wrote_opens(tmp_path: Path) -> None:
    made = openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "k", "-out", tmp_path / "c",
                   "-subj", "/CN=x")  # fmt: skip
    assert made.returncode == 0
    traditional = openssl("rsa", "-in", tmp_path / "k", "-traditional").stdout
    assert b"RSA PRIVATE KEY" in traditional
    (tmp_path / "both").write_bytes((tmp_path / "c").read_bytes() + traditional)
    assert load_signer(str(tmp_path / "both")).certificate.subject == "CN=x"


def test_encrypted_pem_asks_for_its_password(tmp_path: Path) -> None:
    path = tmp_path / "signer.pem"
    save_signer(path, signer(), password=b"secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    asked: list[str] = []

    def answer(what: str) -> bytes:
        asked.append(what)
        return b"secret"

    assert_signs(load_signer(str(path), password=answer))
    assert asked == [str(path)]
    with pytest.raises(UsageError, match="cannot be read") as caught:
        load_signer(str(path), password=lambda _: b"wrong")
    assert caught.value.where == str(path)
    assert caught.value.next_step


def test_pkcs12_with_and_without_password(tmp_path: Path) -> None:
    path = tmp_path / "ITLRecovery.p12"
    path.write_bytes(pkcs12_bytes(signer(), name="ITLRecovery", password=b"secret"))
    assert_signs(load_signer(f"pkcs12:{path}", password=lambda _: b"secret"))
    with pytest.raises(UsageError, match="cannot be opened"):
        load_signer(f"pkcs12:{path}", password=lambda _: b"wrong")
    with pytest.raises(UsageError, match="cannot be opened"):
        load_signer(f"pkcs12:{DATA / 'keys' / 'capf.crt'}", password=lambda _: b"secret")


@pytest.mark.interop("openssl")
def test_openssl_opens_our_pkcs12_and_we_open_its(tmp_path: Path) -> None:
    (tmp_path / "ours.p12").write_bytes(pkcs12_bytes(signer(), name="ITLRecovery", password=b"secret"))
    listed = openssl("pkcs12", "-in", tmp_path / "ours.p12", "-passin", "pass:secret", "-nodes")
    assert b"BEGIN PRIVATE KEY" in listed.stdout
    (tmp_path / "both.pem").write_bytes(listed.stdout)
    made = openssl(
        "pkcs12", "-export", "-in", tmp_path / "both.pem", "-out", tmp_path / "its.p12", "-passout", "pass:other"
    )
    assert made.returncode == 0
    assert_signs(load_signer(f"pkcs12:{tmp_path / 'its.p12'}", password=lambda _: b"other"))


def test_the_password_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "signer.pem"
    save_signer(path, signer(), password=b"secret")
    monkeypatch.setenv(PASSWORD_VARIABLE, "secret")
    assert_signs(load_signer(str(path)))
    monkeypatch.setenv(PASSWORD_VARIABLE, "wrong")
    (tmp_path / "password").write_text("secret\n")
    monkeypatch.setenv(PASSWORD_FILE_VARIABLE, str(tmp_path / "password"))
    assert_signs(load_signer(str(path)))


def test_without_a_terminal_the_error_says_how_to_give_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "signer.pem"
    save_signer(path, signer(), password=b"secret")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="password") as caught:
        load_signer(str(path))
    assert PASSWORD_VARIABLE in (caught.value.next_step or "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no private key"),
        (signer().certificate.pem(), "no private key"),
        (private_key_pem(signer().key), "no certificate"),
        (private_key_pem(signer().key) * 2, "more than one private key"),
        (private_key_pem(signer().key) + signer(KeyKind.RSA_1024).certificate.pem(), "does not belong"),
        (
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + signer().certificate.pem(),
            "cannot be read",
        ),
        (
            private_key_pem(signer().key) + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate",
        ),
    ],
)
def test_a_file_that_is_no_signer_is_named_with_a_next_step(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "signer.pem"
    path.write_bytes(content)
    with pytest.raises(MixedModeError, match=message) as caught:
        load_signer(str(path))
    assert caught.value.where == str(path)
    assert caught.value.next_step
    assert caught.value.exit_code == 2


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read it"):
        load_signer(str(tmp_path / "absent.pem"))


# Of its own configuration, as Debian's may be read by root and one group only.
@pytest.mark.usefixtures("softhsm")
def test_a_token_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        load_signer("pkcs11:token=none")


def test_an_ec_key_signs_nothing() -> None:
    with pytest.raises(SignerError, match="EC P-256") as caught:
        signer(KeyKind.EC_256).sign(b"data", DigestAlgorithm.SHA1)
    assert caught.value.why
    assert caught.value.next_step


def test_key_and_certificate_must_fit_and_the_key_is_not_shown() -> None:
    with pytest.raises(UsageError, match="does not belong"):
        SoftwareSigner(signer().certificate, key(KeyKind.RSA_1024))
    assert "key" not in repr(signer()).lower().replace("key=", "")


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.EC_384])
def test_private_keys_are_saved_for_their_owner_only(kind: KeyKind, tmp_path: Path) -> None:
    path = tmp_path / "phone.key"
    path.write_bytes(b"old")
    path.chmod(0o644)
    save_private_key(path, key(kind))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_private_key(path).public_key() == key(kind).public_key()
    assert openssl("pkey", "-in", path, "-noout", "-check").returncode == 0


def test_der_keys_and_certificates_open(tmp_path: Path) -> None:
    loaded = load_private_key(DATA / "keys" / "phone-rsa2048.key.der")
    certificate = load_certificate(DATA / "keys" / "phone-rsa2048.crt")
    assert loaded.public_key() == certificate.public_key
    (tmp_path / "c.der").write_bytes(certificate.der)
    assert load_certificate(tmp_path / "c.der") == certificate
    (tmp_path / "chain.pem").write_bytes(certificate.pem() + signer().certificate.pem())
    assert load_certificates(tmp_path / "chain.pem") == [certificate, signer().certificate]
    (tmp_path / "bad").write_bytes(b"nothing")
    with pytest.raises(MixedModeError) as caught:
        load_certificate(tmp_path / "bad")
    assert caught.value.where == str(tmp_path / "bad")


def test_an_atomic_write_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "CTLFile.tlv"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomic(tmp_path / "folder", b"three")
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "absent" / "x", b"four")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["CTLFile.tlv", "folder"]
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no file that only its owner reads"):
        write_atomic(tmp_path / "pipe", b"a key", mode=PRIVATE)
    assert isinstance(load_certificate(DATA / "keys" / "capf.crt"), Certificate)


def test_a_key_without_password_is_checked_once_and_one_with_a_password_asks_every_time() -> None:
    made = key(KeyKind.RSA_1024, 0)
    clear, closed = private_key_pem(made), private_key_pem(made, password=b"secret")
    assert parse_private_key(clear) is parse_private_key(b"\n" + clear)
    asked: list[str] = []

    def password(what: str) -> bytes:
        asked.append(what)
        return b"secret"

    for _ in range(2):
        opened = parse_private_key(closed, password=password, where="k")
        assert opened.public_key() == made.public_key()
        assert parse_private_key(private_key_pem(opened)) is not opened, "what had a password is not kept"
    assert asked == ["k", "k"]
    with pytest.raises(UsageError, match="cannot be read"):
        parse_private_key(closed, password=lambda _what: b"wrong")
    with pytest.raises(UsageError, match="cannot be read"):
        parse_private_key(clear.replace(b"A", b"B", 1))
