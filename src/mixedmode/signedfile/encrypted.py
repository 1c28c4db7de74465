"""An encrypted file: a version 2.0 header with a wrapped key, then AES-128-CBC ciphertext (wire-formats.md 3).

Rules:

1. A fresh AES key per file, wrapped with RSAES-PKCS1-v1_5 for the phone's LSC or MIC; EC devices have no such
   wrap and are refused.
2. The content is padded with 1 to 16 carriage returns; the header says how many, and the content's digest.
3. The signature covers the ciphertext. Nothing here verifies it: :func:`mixedmode.signedfile.opening.open_file`
   does, before it decrypts.
4. Whatever goes wrong in decrypting is one and the same :class:`DecryptError`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mixedmode.articles import with_article
from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.signedfile.errors import DecryptError
from mixedmode.signedfile.signed import SUFFIX, SignedFile, seal, sign_file
from mixedmode.signedfile.stub import make_stub
from mixedmode.signedfile.tags import ENCRYPTED_VERSION, EncryptionTag
from mixedmode.trustlist.header import tlv
from mixedmode.trustlist.roles import Layout

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.pki.signing.signer import PrivateKey, Signer

BLOCK = 16
FILLER = b"\r"
ENCRYPTED_SUFFIX = f".enc{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The randomness of one encrypted file, never used for another.

    Attributes:
        key: 16 random bytes, the AES key.
        iv: 16 random bytes, the initialization vector.
    """

    key: bytes = field(repr=False)
    iv: bytes

    def __post_init__(self) -> None:
        if len(self.key) != BLOCK or len(self.iv) != BLOCK:
            raise UsageError("an AES key and an initialization vector have 16 bytes each", code="secrets")


@dataclass(frozen=True, slots=True)
class EncryptedConfig:
    """What a TFTP service offers in place of a phone's plain configuration.

    Attributes:
        encrypted: The ``.enc.sgn`` file.
        stub: The ``.sgn`` file that tells the phone to ask for it.
    """

    encrypted: bytes
    stub: bytes


def encrypt_config(
    content: bytes,
    signer: Signer,
    *,
    name: str,
    device: Certificate,
    secrets: Secrets,
    digest: DigestAlgorithm,
    timestamp: int,
    layout: Layout = Layout.CUCM,
) -> EncryptedConfig:
    """Return the encrypted file of a phone's configuration and the stub beside it.

    Args:
        content: The configuration, XML with a ``device`` root.
        signer: Whose key signs both.
        name: The plain file's name, such as ``SEP001122334455.cnf.xml``.
        device: The phone's LSC or MIC; its key must be RSA.
        secrets: Fresh randomness.
        digest: Digest under the signatures and over the content.
        timestamp: Seconds since 1970, UTC.
        layout: See :func:`mixedmode.signedfile.signed.sign_file`.

    Raises:
        UsageError: The content is no device configuration, or a key does not fit.
        MalformedError: The device's certificate cannot be read.
        SignerError: The signer failed.
    """
    stub = sign_file(
        make_stub(content, device), signer, filename=name + SUFFIX, digest=digest, timestamp=timestamp, layout=layout
    )
    encrypted = encrypt_file(
        content,
        signer,
        filename=name + ENCRYPTED_SUFFIX,
        device=device,
        secrets=secrets,
        digest=digest,
        timestamp=timestamp,
        layout=layout,
    )
    return EncryptedConfig(encrypted, stub)


def encrypt_file(
    content: bytes,
    signer: Signer,
    *,
    filename: str,
    device: Certificate,
    secrets: Secrets,
    digest: DigestAlgorithm,
    timestamp: int,
    layout: Layout = Layout.CUCM,
) -> bytes:
    """Return the ``.enc.sgn`` file of any content; see :func:`encrypt_config` for arguments and errors."""
    wrapped = _wrap(secrets.key, device)
    padding = BLOCK - len(content) % BLOCK
    ciphertext = _cipher(secrets.key, secrets.iv).encryptor().update(content + FILLER * padding)
    extension = _extension(secrets.iv, padding, wrapped, device.key_bits, digest, digest.hash(content))
    return seal(ciphertext, signer, ENCRYPTED_VERSION, filename, digest, timestamp, layout, extension)


def decrypt(file: SignedFile, key: PrivateKey) -> bytes:
    """Return the content of an encrypted file whose signature has been verified.

    Args:
        file: The file.
        key: The phone's private key.

    Raises:
        MalformedError: A field of the encryption is missing.
        DecryptError: It does not decrypt, whatever the cause.
    """
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    iv = _field(file, EncryptionTag.IV)
    wrapped = _field(file, EncryptionTag.KEY)
    pad_length = int.from_bytes(_field(file, EncryptionTag.PAD_LENGTH))
    expected = _field(file, EncryptionTag.DIGEST)
    digest = _digest(file)
    ciphertext = file.payload
    if not isinstance(key, rsa.RSAPrivateKey) or len(iv) != BLOCK or len(ciphertext) % BLOCK:
        raise DecryptError
    try:
        aes_key = key.decrypt(wrapped, padding.PKCS1v15())
        padded = _cipher(aes_key, iv).decryptor().update(ciphertext) if len(aes_key) == BLOCK else b""
    except ValueError:
        raise DecryptError from None
    if pad_length > len(padded):
        raise DecryptError
    content = padded[: len(padded) - pad_length]
    if not hmac.compare_digest(digest.hash(content), expected):
        raise DecryptError
    return content


def _extension(
    iv: bytes, padding: int, wrapped: bytes, key_bits: int, digest: DigestAlgorithm, content_digest: bytes
) -> bytes:
    tag = EncryptionTag
    cipher = tlv(tag.CIPHER, b"\x00") + tlv(tag.IV, iv) + tlv(tag.PAD_LENGTH, padding.to_bytes(2))
    key = tlv(tag.KEY_FORMAT, b"\x00") + tlv(tag.KEY_BITS, key_bits.to_bytes(2))
    key += tlv(tag.KEY_ALGORITHM, b"\x01") + tlv(tag.KEY, wrapped)
    info = tlv(tag.INFO, tlv(tag.CIPHER_INFO, cipher) + tlv(tag.KEY_INFO, key))
    return info + tlv(tag.DIGEST_ALGORITHM, bytes((digest,))) + tlv(tag.DIGEST, content_digest)


def _wrap(aes_key: bytes, device: Certificate) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = device.public_key
    if not isinstance(key, rsa.RSAPublicKey):
        raise UsageError(
            f"nothing can be encrypted for a device with {with_article(device.key_description)} key",
            where=device.subject,
            why="encrypted configuration files wrap their key with RSA only",
            code="device_key",
            next_step="issue an RSA LSC to the phone, or encrypt to its RSA MIC",
        )
    try:
        return key.encrypt(aes_key, padding.PKCS1v15())
    except ValueError as error:
        raise UsageError("the device's key is too small", where=device.subject, why=str(error)) from error


def _cipher(key: bytes, iv: bytes) -> Cipher[CBC]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES128(key), modes.CBC(iv))


def _field(file: SignedFile, tag: EncryptionTag) -> bytes:
    value = file.header.value(tag)
    if value is None:
        name = tag.name.lower().replace("_", " ")
        raise MalformedError(
            f"the header of this encrypted file has no {name} (tag {tag})",
            offset=file.header.length,
            code="missing_field",
        )
    return value


def _digest(file: SignedFile) -> DigestAlgorithm:
    code = int.from_bytes(_field(file, EncryptionTag.DIGEST_ALGORITHM))
    try:
        return DigestAlgorithm(code)
    except ValueError:
        raise MalformedError(
            f"the content's digest has the unknown code {code}",
            offset=file.header.offset_of(EncryptionTag.DIGEST_ALGORITHM),
            code="digest",
        ) from None
