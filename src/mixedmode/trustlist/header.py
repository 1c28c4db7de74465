"""The signed header that begins trust lists, signed files and encrypted files.

Layout (wire-formats.md 1.1): TLVs of tag u8, length u16, value, big endian, padded with 0x0d to a multiple of
four bytes. Trust lists carry version 1.2, ``.sgn`` files 1.0, ``.enc.sgn`` files 2.0. What is signed
(1.5): the file with the whole signature TLV cut out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.fields import Fields
from mixedmode.trustlist.roles import MODULUS_BYTES, MODULUS_CODES, PAD, HeaderTag


def tlv(tag: int, value: bytes) -> bytes:
    """Return tag, length and value.

    Raises:
        UsageError: The value is longer than 65535 bytes.
    """
    if len(value) > 0xFFFF:
        raise UsageError(f"the value of tag {tag} has {len(value)} bytes; a length field holds at most 65535")
    return bytes((tag, len(value) >> 8, len(value) & 0xFF)) + value


def text_value(text: str) -> bytes:
    """Return a text as it stands in a field: UTF-8 and a closing NUL.

    Raises:
        UsageError: It has surrogates, so it is no Unicode text.
    """
    try:
        return text.encode() + b"\x00"
    except UnicodeEncodeError:
        raise UsageError(f"{text[:64]!r} is no text", next_step="write it in UTF-8") from None


def read_text(value: bytes) -> str:
    """Return the text of a field: one closing NUL dropped if there, UTF-8, else Latin-1 (1.7)."""
    if value.endswith(b"\x00"):
        value = value[:-1]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


class Header:
    """A read-only view of a header; an absent field is None.

    Args:
        data: The whole file.
        fields: The header's walk over ``data``.
    """

    __slots__ = ("_texts", "_values", "data", "fields")

    def __init__(self, data: bytes, fields: Fields) -> None:
        self.data = data
        self.fields = fields
        # Fleets and forecasts ask the header of one list for the same few values again and again.
        self._values: dict[int, bytes | None] = {}
        self._texts: dict[int, str | None] = {}

    def value(self, tag: int) -> bytes | None:
        """Return the value of a tag's first occurrence."""
        values = self._values
        if tag not in values:
            values[tag] = self.fields.value(tag)
        return values[tag]

    def offset_of(self, tag: int) -> int | None:
        """Return the byte offset of a tag's first occurrence."""
        return self.fields.offsets.get(tag)

    def _text(self, tag: int) -> str | None:
        texts = self._texts
        if tag not in texts:
            value = self.value(tag)
            texts[tag] = None if value is None else read_text(value)
        return texts[tag]

    def _number(self, tag: int) -> int | None:
        value = self.value(tag)
        return None if value is None else int.from_bytes(value)

    def _pair(self, tag: int) -> tuple[int, int] | None:
        value = self.value(tag)
        return (value[0], value[1]) if value is not None and len(value) == 2 else None

    @property
    def length(self) -> int:
        """Bytes from the start of the file to the first record or payload, as walked."""
        return self.fields.end

    @property
    def header_length(self) -> int:
        """The header's own statement of its length (tag 2), or the walked length if it has none."""
        return self._number(HeaderTag.HEADER_LENGTH) or self.fields.end

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor format version."""
        return self.data[3], self.data[4]

    @property
    def signer_version(self) -> tuple[int, int] | None:
        """Tag 28: 1.1 tells the phone to try HTTPS with an EC TFTP certificate."""
        return self._pair(HeaderTag.SIGNER_VERSION)

    @property
    def signer_name(self) -> str | None:
        """Subject of the signer."""
        return self._text(_SIGNER_NAME)

    @property
    def signer_issuer(self) -> str | None:
        """Issuer of the signer (CUCM: CANAME)."""
        return self._text(_CA_NAME)

    @property
    def signer_serial(self) -> bytes | None:
        """Serial of the signer, as it stands in the file (a token's is byte-reversed, 1.7)."""
        return self.value(_SERIAL_NUMBER)

    @property
    def digest_code(self) -> int | None:
        """1 SHA-1, 2 SHA-256, 3 SHA-512."""
        return self._number(_DIGEST_ALGORITHM)

    @property
    def digest(self) -> DigestAlgorithm | None:
        """The digest, None if the field is absent or its code unknown."""
        return _DIGESTS.get(self.value(_DIGEST_ALGORITHM))

    @property
    def signature_algorithm(self) -> int | None:
        """0 is RSASSA-PKCS1-v1_5, the only one known."""
        return self._number(HeaderTag.SIGNATURE_ALGORITHM)

    @property
    def modulus_code(self) -> int | None:
        """Index into 64, 128, 256, 512 bytes."""
        return self._number(HeaderTag.SIGNATURE_MODULUS)

    @property
    def signature(self) -> bytes | None:
        """The signature's bytes."""
        return self.value(_SIGNATURE)

    @property
    def filename(self) -> str | None:
        """The file's generic name, such as ``CTLFile.tlv``."""
        return self._text(_FILENAME)

    @property
    def timestamp(self) -> int | None:
        """When it was signed: seconds since 1970, UTC."""
        return self._number(_TIMESTAMP)

    def signed_bytes(self) -> bytes:
        """Return what the signature covers: the file without the signature TLV.

        Raises:
            MalformedError: The header has no signature field.
        """
        signed = self.fields.without(_SIGNATURE)
        if signed is None:
            raise MalformedError("the header has no signature", offset=self.fields.end, code="signature_missing")
        return signed


# Plain numbers: looking up an enumeration's member costs as much as finding the field, and fleets and forecasts ask the
# header of one list for these again and again.
_SIGNER_NAME = int(HeaderTag.SIGNER_NAME)
_SERIAL_NUMBER = int(HeaderTag.SERIAL_NUMBER)
_CA_NAME = int(HeaderTag.CA_NAME)
_DIGEST_ALGORITHM = int(HeaderTag.DIGEST_ALGORITHM)
_FILENAME = int(HeaderTag.FILENAME)
_TIMESTAMP = int(HeaderTag.TIMESTAMP)
_SIGNATURE = int(HeaderTag.SIGNATURE)
_DIGESTS: dict[bytes | None, DigestAlgorithm] = {bytes((digest,)): digest for digest in DigestAlgorithm}


class SignerOrder(Enum):
    """The order of the signer's fields in SIGNERID."""

    CUCM = (HeaderTag.SIGNER_NAME, HeaderTag.SERIAL_NUMBER, HeaderTag.CA_NAME)
    TLVFILE = (HeaderTag.SIGNER_NAME, HeaderTag.CA_NAME, HeaderTag.SERIAL_NUMBER)


@dataclass(frozen=True, slots=True)
class SignerIdentity:
    """Who signs, as the header names them.

    Attributes:
        name: Subject text.
        issuer: Issuer text.
        serial: Serial bytes as they shall stand in the file.
    """

    name: str
    issuer: str
    serial: bytes


@dataclass(frozen=True, slots=True)
class UnsignedHeader:
    """A header ready for its signature.

    Attributes:
        before: The bytes before the signature TLV.
        after: The bytes behind it, padding included.
        signature_length: Bytes of the signature; HeaderLength already counts it.
    """

    before: bytes
    after: bytes
    signature_length: int

    def signed_bytes(self, body: bytes) -> bytes:
        """Return what must be signed when ``body`` follows the header."""
        return self.before + self.after + body

    def with_signature(self, signature: bytes) -> bytes:
        """Return the finished header.

        Raises:
            UsageError: The signature is not as long as was announced.
        """
        if len(signature) != self.signature_length:
            raise UsageError(
                f"the signer returned {len(signature)} bytes instead of {self.signature_length}",
                next_step="check that the signer's key and certificate belong together",
            )
        return self.before + tlv(HeaderTag.SIGNATURE, signature) + self.after


def modulus_code(key_bits: int) -> int:
    """Return the SIGNATUREMODULUS code of an RSA key size.

    Raises:
        UsageError: The size has no code, so phones could not read the list.
    """
    code = MODULUS_CODES.get(key_bits)
    if code is None:
        raise UsageError(
            f"an RSA key of {key_bits} bits cannot sign: the header has codes only for 512, 1024, 2048 and 4096",
            code="modulus",
            next_step="sign with a key of 2048 bits",
        )
    return code


def encode_header(
    *,
    version: tuple[int, int],
    signer: SignerIdentity,
    digest: DigestAlgorithm,
    key_bits: int,
    filename: str,
    timestamp: int,
    order: SignerOrder = SignerOrder.CUCM,
    signer_version: tuple[int, int] | None = None,
    extension: bytes = b"",
) -> UnsignedHeader:
    """Build a header up to its signature.

    Args:
        version: Format version: (1, 2) trust list, (1, 0) signed file, (2, 0) encrypted file.
        signer: Who signs.
        digest: Digest under the signature.
        key_bits: RSA modulus bits of the signer.
        filename: The name the header carries.
        timestamp: Seconds since 1970, UTC, u32.
        order: Order of the signer's fields.
        signer_version: Tag 28, if it shall be written.
        extension: TLVs behind the timestamp (an encrypted file's fields).

    Raises:
        UsageError: The key size has no code, or a value does not fit its field.
    """
    if not 0 <= timestamp <= 0xFFFFFFFF:
        raise UsageError("the timestamp does not fit 32 bits", next_step="use a date from 1970 to 2106")
    code = modulus_code(key_bits)
    texts = {
        HeaderTag.SIGNER_NAME: text_value(signer.name),
        HeaderTag.CA_NAME: text_value(signer.issuer),
        HeaderTag.SERIAL_NUMBER: signer.serial,
    }
    identity = b"".join(tlv(tag, texts[tag]) for tag in order.value)
    algorithm = tlv(HeaderTag.SIGNATURE_ALGORITHM, b"\x00") + tlv(HeaderTag.SIGNATURE_MODULUS, bytes((code,)))
    info = tlv(HeaderTag.DIGEST_ALGORITHM, bytes((digest,))) + tlv(HeaderTag.SIGNATURE_ALGORITHM_INFO, algorithm)
    middle = b"" if signer_version is None else tlv(HeaderTag.SIGNER_VERSION, bytes(signer_version))
    middle += tlv(HeaderTag.SIGNER_ID, identity) + tlv(HeaderTag.SIGNATURE_INFO, info)
    after = tlv(HeaderTag.FILENAME, text_value(filename)) + tlv(HeaderTag.TIMESTAMP, timestamp.to_bytes(4))
    after += extension
    signature_length = MODULUS_BYTES[code]
    bare = 10 + len(middle) + 3 + signature_length + len(after)
    padding = -bare % 4
    if bare + padding > 0xFFFF:
        raise UsageError(f"a header of {bare + padding} bytes does not fit its 16-bit length")
    before = tlv(HeaderTag.VERSION, bytes(version))
    before += tlv(HeaderTag.HEADER_LENGTH, (bare + padding).to_bytes(2)) + middle
    return UnsignedHeader(before, after + bytes((PAD,)) * padding, signature_length)
