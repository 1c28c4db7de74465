"""Tokens behind a real PKCS#11 library: sign, verify with OpenSSL, wrong PINs, pulled tokens, URIs."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mixedmode.errors import UsageError
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.pki.certificates.load import load_signer
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.pki.signing.signer import SignerError
from mixedmode.pki.tokens.pkcs11 import Pkcs11Token, library_tokens
from mixedmode.pki.tokens.token_errors import TokenAbsentError, WrongPinError
from mixedmode.pki.tokens.token_files import DEFAULT_PASSWORD, FileToken
from mixedmode.pki.tokens.token_import import generate_signer, set_new_pin
from mixedmode.pki.tokens.token_session import Pkcs11Signer
from tests.softhsm import MODULE, OFFICER_PIN, SoftHsm, softhsm
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


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("digest", list(DigestAlgorithm))
def test_openssl_verifies_what_a_token_signed(token: Pkcs11Token, tmp_path: Path, digest: DigestAlgorithm) -> None:
    signer = token.open(DEFAULT_PASSWORD)
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


def test_a_signer_asks_once_and_forgets_a_refused_pin(softhsm: SoftHsm, token: Pkcs11Token) -> None:
    asked: list[str] = []
    answers = iter(["wrong-pin", DEFAULT_PASSWORD, DEFAULT_PASSWORD])

    def ask(label: str) -> str:
        asked.append(label)
        return next(answers)

    signer = Pkcs11Signer(token, ask)
    with pytest.raises(WrongPinError) as refused:
        signer.sign(b"x", DigestAlgorithm.SHA1)
    assert "wrong PIN was counted" in refused.value.diagnostics()
    assert "wrong-pin" not in refused.value.diagnostics()
    signer.sign(b"x", DigestAlgorithm.SHA1)
    library_tokens(MODULE)  # ends the session behind the signer's back
    signer.sign(b"y", DigestAlgorithm.SHA256)
    assert asked == [token.label] * 2
    signer.close()
    signer.sign(b"z", DigestAlgorithm.SHA512)
    assert asked == [token.label] * 3


def test_two_signers_of_two_tokens_and_two_of_one(softhsm: SoftHsm, token: Pkcs11Token) -> None:
    other, _ = softhsm.make("ADN0A000003")
    signers = [other.open(DEFAULT_PASSWORD), token.open(DEFAULT_PASSWORD), token.open(DEFAULT_PASSWORD)]
    for _ in range(2):
        for signer in signers:
            signature = signer.sign(b"both", DigestAlgorithm.SHA1)
            assert signer.certificate.verify_pkcs1(signature, b"both", DigestAlgorithm.SHA1)
    with pytest.raises(WrongPinError):
        token.open("wrong-pin")  # a login elsewhere does not let it in
    assert signers[1].sign(b"still", DigestAlgorithm.SHA1)


def test_threads_share_a_token(token: Pkcs11Token) -> None:
    signer = token.open(DEFAULT_PASSWORD)
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(lambda n: signer.sign(bytes([n]), DigestAlgorithm.SHA1), range(64)))
    assert all(token.certificate.verify_pkcs1(s, bytes([n]), DigestAlgorithm.SHA1) for n, s in enumerate(signatures))


@pytest.mark.parametrize("pin", ["", "x", "p" * 300])
def test_pins_that_no_token_has_are_refused(token: Pkcs11Token, pin: str) -> None:
    with pytest.raises(SignerError):
        token.open(pin)
    assert token.open(DEFAULT_PASSWORD)


def test_a_key_that_is_not_the_certificates_signs_nothing(softhsm: SoftHsm) -> None:
    token, _ = softhsm.make("ADN0A000004")
    stranger = softhsm.make("ADN0A000005")[1]
    with pytest.raises(SignerError, match="no private key"):
        replace(token, certificate=stranger).open(DEFAULT_PASSWORD)


def test_the_private_key_stays_on_the_token(softhsm: SoftHsm, token: Pkcs11Token) -> None:
    words = ["pkcs11-tool", "--module", MODULE, "--token-label", token.label, "--login", "--list-objects"]
    done = subprocess.run([*words, "--pin", DEFAULT_PASSWORD], check=True, capture_output=True, text=True)
    kinds = [line.split(" Object")[0] for line in done.stdout.splitlines() if " Object; " in line]
    assert sorted(kinds) == ["Certificate", "Private Key", "Public Key"]
    assert "sensitive" in done.stdout
    assert "extractable" not in done.stdout.replace("never extractable", "")


@pytest.mark.parametrize(
    "words",
    [
        "token={label};type=private;object={label}",
        "token={label};serial={serial};manufacturer=SoftHSM%20project;model=SoftHSM%20v2;id=%{id}",
        "object={label}?module-path=/usr/lib/softhsm&module-name=softhsm2&x-new=ignored",
        "token={label};library-manufacturer=SoftHSM;library-description=Implementation%20of%20PKCS11",
    ],
)
def test_uris_that_mean_a_token(softhsm: SoftHsm, token: Pkcs11Token, words: str) -> None:
    identifier = "%".join(f"{byte:02X}" for byte in token.key_id)
    uri = "pkcs11:" + words.format(label=token.label, serial=token.serial, id=identifier)
    assert load_signer(uri, password=lambda _: b"unused").certificate == token.certificate


def test_uris_that_mean_none_or_several(softhsm: SoftHsm, token: Pkcs11Token) -> None:
    softhsm.make("ADN0A000006")
    for words, said in (
        ("token=SAST-ADN0A000006;library-manufacturer=Elsewhere", "no token"),
        ("token=SAST-ADN0A000006;slot-id=12", "no token"),
        ("model=SoftHSM%20v2", "several keys"),
        ("token=SAST-ADN0A000006;type=public", "signs nothing"),
        ("token=x?module-name=nosuch", "no PKCS#11 library 'nosuch'"),
        ("token=x?module-path=/etc/passwd", "cannot be used"),
    ):
        with pytest.raises((UsageError, SignerError), match=said):
            load_signer(f"pkcs11:{words}")


def test_the_officer_gives_a_new_pin(softhsm: SoftHsm) -> None:
    token, _ = softhsm.make("ADN0A000007")
    with pytest.raises(WrongPinError):
        set_new_pin(MODULE, token.label, "not-the-officer", "Other123")
    set_new_pin(MODULE, token.label, OFFICER_PIN, "Other123")
    with pytest.raises(WrongPinError):
        token.open(DEFAULT_PASSWORD)
    assert token.open("Other123").sign(b"x", DigestAlgorithm.SHA1)
    with pytest.raises(TokenAbsentError):
        set_new_pin(MODULE, "nobody", OFFICER_PIN, "Other123")


def test_a_token_is_found_by_the_configuration_in_its_uri(
    softhsm: SoftHsm, token: Pkcs11Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    other = tmp_path / "softhsm2.conf"
    other.write_text(f"directories.tokendir = {tmp_path / 'empty'}\nlog.level = ERROR\n")
    uri = f"pkcs11:token={token.label}?x-softhsm-conf={softhsm.conf}"
    monkeypatch.setenv("SOFTHSM2_CONF", str(other))
    assert library_tokens(MODULE) == []
    signer = load_signer(uri, password=lambda _: DEFAULT_PASSWORD.encode())
    assert signer.sign(b"x", DigestAlgorithm.SHA1)
    monkeypatch.setenv("SOFTHSM2_CONF", str(other))
    assert library_tokens(MODULE) == []
    assert signer.sign(b"x", DigestAlgorithm.SHA1)


def test_a_key_that_wants_the_pin_for_each_signature(softhsm: SoftHsm) -> None:
    import pkcs11
    from cryptography.hazmat.primitives import serialization as form
    from pkcs11 import Attribute
    from pkcs11.util.rsa import decode_rsa_private_key

    token, _ = softhsm.make("ADN0A000008")
    key = FileToken(softhsm.folder / "files" / token.label).open(DEFAULT_PASSWORD).key
    der = key.private_bytes(form.Encoding.DER, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
    library = pkcs11.lib(MODULE)
    library.reinitialize()
    with library.get_token(token_label=token.label).open(rw=True, user_pin=DEFAULT_PASSWORD) as session:
        for old in list(session.get_objects({Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})):
            old.destroy()
        always = {Attribute.TOKEN: True, Attribute.ID: token.key_id, Attribute.ALWAYS_AUTHENTICATE: True}
        session.create_object(decode_rsa_private_key(der) | always)
    signer = token.open(DEFAULT_PASSWORD)
    for data in (b"one", b"two"):
        assert token.certificate.verify_pkcs1(signer.sign(data, DigestAlgorithm.SHA256), data, DigestAlgorithm.SHA256)


def test_a_library_without_raw_rsa_makes_the_digest_itself(
    softhsm: SoftHsm, token: Pkcs11Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "softhsm2.conf"
    conf.write_text(softhsm.conf.read_text() + "slots.mechanisms = -CKM_RSA_PKCS\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(conf))
    signer = token.open(DEFAULT_PASSWORD)
    for digest in DigestAlgorithm:
        assert token.certificate.verify_pkcs1(signer.sign(b"x", digest), b"x", digest)


def test_a_token_whose_certificate_is_refused_keeps_no_key(softhsm: SoftHsm) -> None:
    label = "SAST-ADN0D000001"
    words = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", DEFAULT_PASSWORD]
    subprocess.run([*words, "--so-pin", OFFICER_PIN], check=True, capture_output=True)

    def refused(_key: object) -> Certificate:
        raise UsageError("the authority issues nothing")

    with pytest.raises(UsageError, match="issues nothing"):
        generate_signer(MODULE, label, DEFAULT_PASSWORD, bits=1024, certify=refused)
    left = ["pkcs11-tool", "--module", MODULE, "--token-label", label, "--login", "--pin", DEFAULT_PASSWORD, "-O"]
    assert not subprocess.run(left, check=True, capture_output=True, text=True).stdout.strip()
