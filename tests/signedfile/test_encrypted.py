"""Encrypted files open with the phone's key and no other, after their signature was verified."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from mixedmode.errors import MalformedError, MixedModeError, UsageError
from mixedmode.pki.certificates.load import private_key_pem
from mixedmode.pki.certificates.profiles import KeyKind
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.signedfile import (
    BadSignatureError,
    DecryptError,
    Secrets,
    SignedFile,
    encrypt_config,
    encrypt_file,
    open_file,
)
from mixedmode.signedfile.encrypted import decrypt
from mixedmode.signedfile.stub import make_stub
from mixedmode.signedfile.tags import EncryptionTag
from mixedmode.trustlist import Layout
from tests.pki.material import key, openssl, signer
from tests.signedfile.material import (
    ENCRYPTED,
    MOMENT,
    PHONE,
    STUBS,
    AbsentKey,
    phone_certificate,
    phone_key,
    plain_of,
    signer_of,
    tftp_signer,
    trust_list,
)

SECRETS = Secrets(bytes(range(16)), bytes(range(16, 32)))
DEVICE = signer(KeyKind.RSA_1024, name="SEP001122334455", serial=9)
TRUSTED = trust_list(tftp_signer().certificate)


def folder(path: Path) -> str:
    return path.parent.name


def ours(content: bytes, digest: DigestAlgorithm = DigestAlgorithm.SHA1) -> bytes:
    return encrypt_file(
        content,
        tftp_signer(),
        filename=f"{PHONE}.enc.sgn",
        device=DEVICE.certificate,
        secrets=SECRETS,
        digest=digest,
        timestamp=MOMENT,
    )


@pytest.mark.parametrize("path", ENCRYPTED, ids=folder)
def test_samples_open_with_the_phones_key(path: Path) -> None:
    opened = open_file(path.read_bytes(), trust_list(signer_of(path)), filename=path.name, key=phone_key(path))
    assert opened.content == plain_of(path)
    assert opened.file.is_encrypted


@pytest.mark.parametrize("path", ENCRYPTED, ids=folder)
def test_what_we_encrypt_is_the_sample_but_for_wrapping_and_signature(path: Path) -> None:
    theirs = SignedFile.parse(path.read_bytes())
    private = phone_key(path)
    assert isinstance(private, rsa.RSAPrivateKey)
    wrapped = theirs.header.value(EncryptionTag.KEY)
    iv = theirs.header.value(EncryptionTag.IV)
    assert wrapped is not None
    assert iv is not None
    assert theirs.header.digest is not None
    data = encrypt_file(
        plain_of(path),
        AbsentKey(signer_of(path)),
        filename=theirs.header.filename or "",
        device=phone_certificate(path),
        secrets=Secrets(private.decrypt(wrapped, padding.PKCS1v15()), iv),
        digest=theirs.header.digest,
        timestamp=theirs.header.timestamp or 0,
        layout=Layout.TLVFILE,
    )
    rebuilt = SignedFile.parse(data)
    ours_wrapped = rebuilt.header.value(EncryptionTag.KEY) or b""
    assert rebuilt.header.signed_bytes().replace(ours_wrapped, wrapped) == theirs.header.signed_bytes()


@pytest.mark.parametrize("path", STUBS, ids=folder)
def test_our_stub_is_the_samples_byte_for_byte(path: Path) -> None:
    theirs = open_file(path.read_bytes(), trust_list(signer_of(path)), filename=path.name)
    assert make_stub(plain_of(path), phone_certificate(path)) == theirs.content


@pytest.mark.interop("openssl")
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 32, 1000])
def test_openssl_decrypts_what_we_encrypt(length: int, tmp_path: Path) -> None:
    content = bytes(length)
    file = SignedFile.parse(ours(content))
    (tmp_path / "phone.key").write_bytes(private_key_pem(DEVICE.key))
    wrapped = file.header.value(EncryptionTag.KEY) or b""
    aes_key = openssl("pkeyutl", "-decrypt", "-inkey", tmp_path / "phone.key", data=wrapped).stdout
    iv = file.header.value(EncryptionTag.IV) or b""
    plain = openssl(
        "enc", "-d", "-aes-128-cbc", "-nopad", "-K", aes_key.hex(), "-iv", iv.hex(), data=file.payload
    ).stdout
    filler = int.from_bytes(file.header.value(EncryptionTag.PAD_LENGTH) or b"")
    assert 1 <= filler <= 16
    assert plain == content + b"\r" * filler


@given(st.binary(max_size=2000), st.sampled_from(list(DigestAlgorithm)))
def test_any_content_comes_back(content: bytes, digest: DigestAlgorithm) -> None:
    assert open_file(ours(content, digest), TRUSTED, key=DEVICE.key).content == content


def test_without_a_key_the_next_step_is_named() -> None:
    with pytest.raises(UsageError, match="private key") as caught:
        open_file(ours(b"x"), TRUSTED)
    assert caught.value.next_step


def test_the_signature_is_verified_before_anything_is_decrypted() -> None:
    data = bytearray(ours(b"x" * 100))
    data[-1] ^= 1
    with pytest.raises(BadSignatureError):
        open_file(bytes(data), TRUSTED, key=DEVICE.key)
    with pytest.raises(BadSignatureError):
        open_file(bytes(data), TRUSTED)


def damaged(change: dict[EncryptionTag, bytes], payload: bytes | None = None) -> SignedFile:
    """Return a parsed file with other values of the same length in its encryption fields."""
    data = bytearray(ours(b"secret" * 20))
    header = SignedFile.parse(bytes(data)).header
    for tag, value in change.items():
        at = header.offset_of(tag)
        assert at is not None
        data[at + 3 : at + 3 + len(value)] = value
    if payload is not None:
        data[header.length :] = payload
    return SignedFile.parse(bytes(data))


@pytest.mark.parametrize(
    "file",
    [
        damaged({EncryptionTag.KEY: bytes(128)}),
        damaged({EncryptionTag.KEY: b"\xff" * 128}),
        damaged({EncryptionTag.KEY: bytes(127) + b"\x05"}),
        damaged({EncryptionTag.IV: bytes(16)}),
        damaged({EncryptionTag.PAD_LENGTH: b"\x00\x00"}),
        damaged({EncryptionTag.PAD_LENGTH: b"\xff\xff"}),
        damaged({EncryptionTag.DIGEST: bytes(20)}),
        damaged({EncryptionTag.DIGEST_ALGORITHM: b"\x03"}),
        damaged({}, payload=b"x" * 17),
        damaged({}, payload=b""),
        damaged({}, payload=b"x" * 128),
    ],
)
def test_every_decrypt_failure_looks_the_same(file: SignedFile) -> None:
    with pytest.raises(DecryptError) as caught:
        decrypt(file, DEVICE.key)
    assert caught.value.as_document() == DecryptError().as_document()


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.EC_256])
def test_another_phones_key_opens_nothing(kind: KeyKind) -> None:
    with pytest.raises(DecryptError):
        open_file(ours(b"secret"), TRUSTED, key=key(kind))


def test_missing_and_unknown_fields_are_malformed() -> None:
    with pytest.raises(MalformedError, match="unknown code 9"):
        decrypt(damaged({EncryptionTag.DIGEST_ALGORITHM: b"\x09"}), DEVICE.key)
    for tag in (EncryptionTag.IV, EncryptionTag.KEY, EncryptionTag.DIGEST):
        data = bytearray(ours(b"secret"))
        data[SignedFile.parse(bytes(data)).header.offset_of(tag) or 0] = 99
        with pytest.raises(MalformedError, match=f"tag {tag}"):
            decrypt(SignedFile.parse(bytes(data)), DEVICE.key)


def test_an_ec_phone_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="EC P-256") as caught:
        encrypt_file(
            b"",
            tftp_signer(),
            filename="a.enc.sgn",
            device=signer(KeyKind.EC_256).certificate,
            secrets=SECRETS,
            digest=DigestAlgorithm.SHA1,
            timestamp=0,
        )
    assert "RSA" in (caught.value.why or "")


def test_secrets_have_their_lengths_and_stay_hidden() -> None:
    with pytest.raises(UsageError, match="16 bytes"):
        Secrets(b"short", bytes(16))
    assert "key" not in repr(SECRETS)


CONFIGURATION = b"""<?xml version="1.0" encoding="UTF-8"?>
<device xsi:type="axl:XIPPhone" ctiid="7">
 <fullConfig>true</fullConfig>
 <deviceProtocol>SCCP</deviceProtocol>
 <capfList><capf><phonePort>3804</phonePort><processNodeName>a &amp; b</processNodeName></capf></capfList>
 <loadInformation model="7975">SCCP75.9-4-2SR3-1S</loadInformation>
 <userPassword>secret</userPassword><ipAddressMode/>
 <certHash>old</certHash><encrConfig>false</encrConfig>
</device>"""


def test_the_stub_keeps_four_elements_and_no_secret() -> None:
    made = encrypt_config(
        CONFIGURATION,
        tftp_signer(),
        name=PHONE,
        device=DEVICE.certificate,
        secrets=SECRETS,
        digest=DigestAlgorithm.SHA512,
        timestamp=MOMENT,
    )
    stub = open_file(made.stub, TRUSTED, filename=f"{PHONE}.sgn").content.decode()
    assert stub.splitlines() == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<device>",
        "  <fullConfig>false</fullConfig>",
        "  <capfList>",
        "    <capf>",
        "      <phonePort>3804</phonePort>",
        "      <processNodeName>a &amp; b</processNodeName>",
        "    </capf>",
        "  </capfList>",
        '  <loadInformation model="7975">SCCP75.9-4-2SR3-1S</loadInformation>',
        "  <ipAddressMode/>",
        f"  <certHash>{DEVICE.certificate.md5.hex()}</certHash>",
        "  <encrConfig>true</encrConfig>",
        "</device>",
    ]
    opened = open_file(made.encrypted, TRUSTED, filename=f"{PHONE}.enc.sgn", key=DEVICE.key)
    assert opened.content == CONFIGURATION


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no xml",
        b"<Default/>",
        b"<device>",
        b"<device></device><device/>",
        b'<!DOCTYPE device [<!ENTITY a "b">]><device>&a;</device>',
        b"<device>" * 40 + b"</device>" * 40,
        b'<?xml version="1.0" encoding="klingon"?><device/>',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_configuration_gets_no_stub(content: bytes) -> None:
    with pytest.raises(UsageError, match="no stub") as caught:
        make_stub(content, DEVICE.certificate)
    assert caught.value.why


@given(st.binary(max_size=200))
def test_any_bytes_get_a_stub_or_a_typed_error(content: bytes) -> None:
    for text in (content, b"<device>" + content + b"</device>"):
        try:
            assert b"<encrConfig>true" in make_stub(text, DEVICE.certificate)
        except UsageError as error:
            assert error.why


@pytest.mark.parametrize("path", ENCRYPTED, ids=folder)
def test_changed_bytes_end_in_a_typed_error(path: Path) -> None:
    data = path.read_bytes()
    trusted, private = trust_list(signer_of(path)), phone_key(path)
    chance = random.Random(folder(path))
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= chance.choice([1, 0x80, 0xFF])
        with pytest.raises(MixedModeError):
            open_file(bytes(changed), trusted, filename=path.name, key=private)
        try:
            decrypt(SignedFile.parse(bytes(changed)), private)
        except MixedModeError as error:
            assert error.diagnostics()
