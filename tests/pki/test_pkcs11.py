"""Tokens behind a real PKCS#11 library: sign, verify with OpenSSL, wrong PINs, pulled tokens, URIs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mixedmode.errors import UsageError
from mixedmode.pki.digests import DigestAlgorithm
from mixedmode.pki.load import load_signer
from mixedmode.pki.pkcs11 import Pkcs11Token, library_tokens
from mixedmode.pki.signer import SignerError
from mixedmode.pki.token_errors import TokenAbsentError, WrongPinError
from mixedmode.pki.token_files import DEFAULT_PASSWORD
from tests.softhsm import MODULE, SoftHsm, softhsm
from tests.support import run_mixedmode

__all__ = ["softhsm"]


@pytest.fixture(scope="module")
def token(softhsm: SoftHsm) -> Pkcs11Token:
    return softhsm.make("ADN0A000001")[0]


def test_a_token_is_found_with_its_certificate(softhsm: SoftHsm, token: Pkcs11Token) -> None:
    found = [each for each in library_tokens(MODULE) if each.label == token.label]
    assert found == [token]
    assert token.certificate.issuer == "CN=Cisco Manufacturing CA;O=Cisco Systems"
    assert len(token.certificate.serial) == 10


@pytest.mark.parametrize("digest", list(DigestAlgorithm))
def test_openssl_verifies_what_a_token_signed(token: Pkcs11Token, tmp_path: Path, digest: DigestAlgorithm) -> None:
    signer = token.open(DEFAULT_PASSWORD)
    if digest is DigestAlgorithm.SHA512:
        pytest.importorskip("pkcs11")
    (tmp_path / "data").write_bytes(b"what is signed")
    (tmp_path / "signature").write_bytes(signer.sign(b"what is signed", digest))
    (tmp_path / "crt.pem").write_bytes(token.certificate.pem())
    public = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "crt.pem", "-pubkey", "-noout"], capture_output=True, check=True
    )
    (tmp_path / "key.pem").write_bytes(public.stdout)
    done = subprocess.run(
        ["openssl", "dgst", f"-{digest.label}", "-verify", tmp_path / "key.pem", "-signature", tmp_path / "signature",
         tmp_path / "data"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "Verified OK"


def test_a_wrong_pin_is_told(token: Pkcs11Token) -> None:
    with pytest.raises(WrongPinError, match="PIN"):
        token.open("wrong-pin")
    assert token.open(DEFAULT_PASSWORD)


def test_pkcs11_tool_reads_the_certificate(softhsm: SoftHsm, token: Pkcs11Token, tmp_path: Path) -> None:
    out = tmp_path / "out.der"
    words = ["pkcs11-tool", "--module", MODULE, "--token-label", token.label, "--read-object", "--type", "cert"]
    subprocess.run([*words, "--id", token.key_id.hex(), "-o", out], check=True, capture_output=True)
    assert out.read_bytes() == token.certificate.der


def test_a_list_is_built_and_signed_by_uri(softhsm: SoftHsm, token: Pkcs11Token, tmp_path: Path) -> None:
    (tmp_path / "pin").write_text(DEFAULT_PASSWORD)
    (tmp_path / "pin").chmod(0o600)
    (tmp_path / "token.pem").write_bytes(token.certificate.pem())
    separator = "&" if "?" in token.uri else "?"
    uri = f"{token.uri}{separator}pin-source=file:{tmp_path / 'pin'}"
    built = run_mixedmode(
        "build", tmp_path / "CTLFile.tlv", "--signer", uri, "--layout", "ctlclient",
        "--record", f"SAST={tmp_path / 'token.pem'}",
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    verified = run_mixedmode("verify", tmp_path / "CTLFile.tlv")
    assert verified.returncode == 0, verified.stdout


def test_a_pulled_token_is_told_and_signs_again_when_inserted(softhsm: SoftHsm) -> None:
    token, _ = softhsm.make("ADN0A000002")
    signer = token.open(DEFAULT_PASSWORD)
    assert signer.sign(b"x", DigestAlgorithm.SHA1)
    pulled = softhsm.folder / "pulled"
    softhsm.tokens.rename(pulled)
    softhsm.tokens.mkdir()
    with pytest.raises(SignerError):
        signer.sign(b"x", DigestAlgorithm.SHA1)
    with pytest.raises(TokenAbsentError):
        token.open(DEFAULT_PASSWORD)
    softhsm.tokens.rmdir()
    pulled.rename(softhsm.tokens)
    assert signer.sign(b"x", DigestAlgorithm.SHA1)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("pkcs11:token=nobody", "names no token"),
        ("pkcs11:token=x?pin-value=Cisco123", "must not stand"),
        ("pkcs11:token=x?module-path=/no/such.so", "no such PKCS#11 library"),
    ],
)
def test_a_uri_that_does_not_fit_is_explained(softhsm: SoftHsm, uri: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        load_signer(uri)
    assert said in str(error.value)
    assert "Cisco123" not in error.value.diagnostics()
