"""A signed file: a header of version 1.0 or 1.1, then the content unchanged (wire-formats.md 2).

Rules:

1. What is signed is the header without its signature TLV, and everything behind the header.
2. The signer is the TFTP or CCM+TFTP record with the header's issuer and serial.
3. Only RSA keys of 512, 1024, 2048 or 4096 bits sign.
4. The name in the header is that of the signed file, ``.sgn`` included; it may have folders.
5. We write version 1.0. Cisco's firmware has 1.1, and no time of signing; both are read alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixedmode.articles import with_article
from mixedmode.errors import MalformedError, UsageError
from mixedmode.pki.certificates.names import serial_matches, serial_text
from mixedmode.signedfile.errors import BadSignatureError, UnknownSignerError, WrongFilenameError
from mixedmode.signedfile.tags import ENCRYPTED_CONTAINERS, ENCRYPTED_VERSION, SIGNED_VERSION
from mixedmode.trustlist.build import signer_identity
from mixedmode.trustlist.header import Header, SignerOrder, encode_header
from mixedmode.trustlist.kinds import FileKind, kind_of
from mixedmode.trustlist.roles import HEADER_CONTAINERS, HeaderTag, Layout, Role
from mixedmode.trustlist.verify import check_signature, has_issuer
from mixedmode.trustlist.walk import walk_header

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.pki.signing.digests import DigestAlgorithm
    from mixedmode.pki.signing.signer import Signer
    from mixedmode.trustlist.model import Record, TrustList

SIGNER_ROLES = frozenset({Role.TFTP, Role.CCM_TFTP})
SUFFIX = ".sgn"


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A signed file as it stands; nothing is verified yet.

    Attributes:
        data: The whole file.
        header: The header.
    """

    data: bytes
    header: Header

    @classmethod
    def parse(cls, data: bytes) -> SignedFile:
        """Return the file of these bytes.

        Raises:
            MalformedError: They do not begin with the header of a signed file.
        """
        containers = HEADER_CONTAINERS
        if data[3:4] == bytes(ENCRYPTED_VERSION[:1]):
            containers = HEADER_CONTAINERS | ENCRYPTED_CONTAINERS
        header = Header(data, walk_header(data, containers))
        if kind_of(header) not in {FileKind.SIGNED, FileKind.ENCRYPTED}:
            major, minor = header.version
            raise MalformedError(
                f"a header of version {major}.{minor} is not that of a signed file",
                offset=3,
                code="version",
                next_step="signed files have version 1.0 or 1.1, encrypted ones 2.0; mixedmode show is for trust lists",
            )
        for tag in (HeaderTag.HEADER_LENGTH, HeaderTag.SIGNATURE):
            if header.offset_of(tag) is None:
                name = tag.name.lower().replace("_", " ")
                raise MalformedError(f"the header has no {name}", offset=0, code="missing_field")
        return cls(data, header)

    @property
    def is_encrypted(self) -> bool:
        """Whether the payload is ciphertext."""
        return self.header.version[0] == ENCRYPTED_VERSION[0]

    @property
    def payload(self) -> bytes:
        """What follows the header: the content, or its ciphertext."""
        return self.data[self.header.length :]

    def signer_candidates(self, trust_list: TrustList) -> tuple[Record, ...]:
        """Return the records that may vouch (rule 2), in the list's order."""
        serial, issuer = self.header.signer_serial, self.header.signer_issuer
        if serial is None or issuer is None:
            return ()
        question = "signers of files", serial, issuer
        return trust_list.once(question, lambda: tuple(_signers(trust_list, serial, issuer)))

    def verify(self, trust_list: TrustList) -> Record:
        """Return the record that vouches for this file.

        Raises:
            UnknownSignerError: No record is the signer's, or it holds no certificate.
            BadSignatureError: The signature does not hold.
            MalformedError: The record's certificate cannot be read.
        """
        found = False
        signed = self.header.signed_bytes()
        for record in self.signer_candidates(trust_list):
            if record.certificate is None:
                continue
            found = True
            if check_signature(self.header, record.certificate, signed):
                return record
        if found:
            raise BadSignatureError(
                "the signature does not hold: the file was changed or damaged after it was signed",
                next_step="fetch it again; if that does not help, have the TFTP service sign it again",
            )
        raise self._unknown_signer()

    def verify_with(self, certificate: Certificate) -> None:
        """Check the signature with a certificate that somebody else vouches for, such as a TVS.

        Raises:
            UnknownSignerError: The header names another signer.
            BadSignatureError: The signature does not hold.
            MalformedError: The certificate cannot be read.
        """
        serial, issuer = self.header.signer_serial, self.header.signer_issuer
        named = serial is not None and issuer is not None
        if not (named and serial_matches(serial or b"", certificate.serial) and certificate.has_issuer(issuer or "")):
            raise self._unknown_signer()
        if not check_signature(self.header, certificate):
            raise BadSignatureError(f"the signature does not hold for {certificate.subject}")

    def check_filename(self, expected: str) -> None:
        """Check that the file was signed under the name that was asked for.

        Raises:
            WrongFilenameError: It was not.
        """
        if self.header.filename != expected:
            raise WrongFilenameError(
                f"the file was signed as {self.header.filename!r}, not as {expected!r}",
                next_step="ask for it by the name it was signed for; a file under another name may be a replay",
            )

    def _unknown_signer(self) -> UnknownSignerError:
        serial = serial_text(self.header.signer_serial or b"")
        return UnknownSignerError(
            f"the signer {self.header.signer_name!r} (serial {serial}) has no TFTP or CCM+TFTP record in the list",
            why="only the certificate of such a record may sign files for phones",
            next_step="update the trust list, or have the file signed by a TFTP server that is in it",
        )


def _signers(trust_list: TrustList, serial: bytes, issuer: str) -> Iterator[Record]:
    for record in trust_list.records:
        if record.role not in SIGNER_ROLES or not record.serial or not serial_matches(serial, record.serial):
            continue
        if has_issuer(record, issuer) if record.issuer else _certificate_has_issuer(record, issuer):
            yield record


def sign_file(
    content: bytes,
    signer: Signer,
    *,
    filename: str,
    digest: DigestAlgorithm,
    timestamp: int,
    layout: Layout = Layout.CUCM,
) -> bytes:
    """Return the signed file of some content.

    Args:
        content: The file to sign; may be empty.
        signer: Whose key signs; phones need its certificate as TFTP or CCM+TFTP in their trust list.
        filename: The signed file's name, ``.sgn`` included (rule 4).
        digest: Digest under the signature.
        timestamp: Seconds since 1970, UTC.
        layout: Names and order of the trust list's writer; phones compare names as bytes.

    Raises:
        UsageError: The key's kind or size, the name or the time does not fit.
        SignerError: The signer failed.
    """
    return seal(content, signer, SIGNED_VERSION, filename, digest, timestamp, layout)


def seal(
    payload: bytes,
    signer: Signer,
    version: tuple[int, int],
    filename: str,
    digest: DigestAlgorithm,
    timestamp: int,
    layout: Layout,
    extension: bytes = b"",
) -> bytes:
    """Return header and payload, signed; ``extension`` holds the fields of an encrypted file.

    Raises:
        UsageError: See :func:`sign_file`.
        SignerError: The signer failed.
    """
    certificate = signer.certificate
    if certificate.key_kind != "RSA":
        raise UsageError(
            f"{with_article(certificate.key_description)} key cannot sign files; phones check RSA signatures only",
            code="signer_key",
            next_step="sign with the RSA key of the TFTP server",
        )
    if not filename or "\x00" in filename:
        raise UsageError("a signed file needs a name without NUL", code="filename")
    header = encode_header(
        version=version,
        signer=signer_identity(certificate, layout),
        digest=digest,
        key_bits=certificate.key_bits,
        filename=filename,
        timestamp=timestamp,
        order=SignerOrder.TLVFILE,  # signed files have the CA name before the serial, whatever the layout
        extension=extension,
    )
    return header.with_signature(signer.sign(header.signed_bytes(payload), digest)) + payload


def _certificate_has_issuer(record: Record, issuer: str) -> bool:
    return record.certificate is not None and record.certificate.has_issuer(issuer)
