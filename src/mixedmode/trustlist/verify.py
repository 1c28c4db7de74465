"""Does the signature of a trust list hold, and by which record?

The rules (wire-formats.md 1.5 to 1.7, phone-trust.md 0):

1. The header names its signer by issuer and serial; it carries no certificate.
2. Only a record with role SAST may vouch, found by the same serial bytes and the same issuer: the same text, or
   another that names the same (in another order or style, without ``DC=``), or the name in the record's certificate.
3. The signature covers the file without the signature TLV; RSASSA-PKCS1-v1_5 over SHA-1, SHA-256 or SHA-512.
4. Without such a record the file cannot be judged from itself: the verdict is None, neither yes nor no.

A verdict of True says that the file is whole and was signed by the holder of that record's key. Whether to
trust that record is the phone's question (:mod:`mixedmode.phone.mind.trust.policy`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from mixedmode.errors import MalformedError
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.header import Header, read_text
from mixedmode.trustlist.roles import HeaderTag, RecordTag

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.model import Record, TrustList


class Verification(NamedTuple):
    """The verdict on a signature.

    Attributes:
        verified: True it holds, False it does not, None it cannot be judged from this file.
        record: The record whose certificate was used.
        code: ``ok``, or the code of the problem that explains the verdict.
        reason: One sentence for people.
    """

    verified: bool | None
    record: Record | None
    code: str
    reason: str

    def __bool__(self) -> bool:
        return self.verified is True

    @property
    def signer(self) -> Certificate | None:
        """The certificate for whose key the signature holds; None if it does not hold."""
        return self.record.certificate if self and self.record is not None else None


_HOLDS = "the signature holds"


def signer_records(trust_list: TrustList, issuer: str | None, serial: bytes) -> Iterator[Record]:
    """Yield the SAST records with this serial and issuer, in file order.

    A token's serial may stand byte-reversed in one of two lists (wire-formats.md 1.7); it is found either way.

    Args:
        trust_list: Where to look.
        issuer: Issuer text; None matches any.
        serial: Serial bytes.
    """
    for record in _records_with_serial(trust_list, serial):
        if has_issuer(record, issuer):
            yield record
    turned = serial[::-1]
    if turned != serial:
        for record in _records_with_serial(trust_list, turned):
            if _TOKEN_NAME in (record.subject or "") and has_issuer(record, issuer):
                yield record


def has_issuer(record: Record, issuer: str | None) -> bool:
    """Return whether a record's issuer is that of a text (rule 2); an absent one fits any."""
    text = record.issuer
    return issuer is None or text is None or text == issuer or _names_issuer(record, text, issuer)


def _names_issuer(record: Record, text: str, issuer: str) -> bool:
    from mixedmode.pki.certificates.names import texts_match

    return texts_match(text, issuer) or (record.certificate is not None and record.certificate.has_issuer(issuer))


def _is_issuer(record: Record, issuer: bytes | None) -> bool:
    """Return whether a record's issuer is that of a header's CANAME field (rule 2)."""
    value = record.value(_ISSUER)
    return value == issuer or issuer is None or has_issuer(record, read_text(issuer))


def _records_with_serial(trust_list: TrustList, serial: bytes) -> Iterator[Record]:
    data = trust_list.data
    for number, (start, end) in enumerate(trust_list.record_spans, 1):
        # Most records lack the serial altogether: a search costs less than reading their fields.
        if data.find(serial, start, end) >= 0:
            record = trust_list.record(number)
            role = record.value(_FUNCTION)
            if role and not any(role) and record.value(_SERIAL) == serial:
                yield record


_TOKEN_NAME = "SAST-"  # noqa: S105 - how the names of security tokens begin
# Plain numbers: looking up an enumeration's member costs as much as comparing a serial.
_FUNCTION = int(RecordTag.FUNCTION)
_SERIAL = int(RecordTag.SERIAL_NUMBER)
_ISSUER = int(RecordTag.ISSUER_NAME)
_CA_NAME = int(HeaderTag.CA_NAME)
_SIGNATURE = int(HeaderTag.SIGNATURE)
_DIGEST = int(HeaderTag.DIGEST_ALGORITHM)
_ALGORITHM = int(HeaderTag.SIGNATURE_ALGORITHM)
_KNOWN_DIGESTS: frozenset[bytes | None] = frozenset({None, *(bytes((digest,)) for digest in DigestAlgorithm)})
_PKCS1: frozenset[bytes | None] = frozenset({None, b"\x00"})


def check_signature(header: Header, certificate: Certificate, signed: bytes | None = None) -> bool:
    """Return whether the header's signature over its file holds for a certificate's key.

    A header without a digest field is tried with every digest (1.7).

    Args:
        header: Of a trust list or a signed file.
        certificate: The signer's.
        signed: What the signature covers, if the caller has it at hand.

    Raises:
        MalformedError: The certificate cannot be read.
    """
    if _obstacle(header) is not None:
        return False
    return _signature_holds(header, certificate, header.signed_bytes() if signed is None else signed)


def _signature_holds(header: Header, certificate: Certificate, signed: bytes) -> bool:
    digest = header.digest
    signature = header.signature or b""
    if digest is not None:
        return certificate.verify_pkcs1(signature, signed, digest)
    return any(certificate.verify_pkcs1(signature, signed, each) for each in DigestAlgorithm)


def verify_trust_list(trust_list: TrustList, signer: Certificate | None) -> Verification:
    """Judge a list's signature; see the module's rules."""
    header = trust_list.header
    obstacle = _obstacle(header)
    if obstacle is not None:
        return obstacle
    if signer is not None:
        return _verify_with_certificate(header, signer)
    serial = header.signer_serial
    if serial is None:
        return Verification(None, None, "unknown_signer", "the header does not name its signer's serial")
    issuer = header.value(_CA_NAME)
    records = (record for record in _records_with_serial(trust_list, serial) if _is_issuer(record, issuer))
    verdict = _verify_with_records(header, records)
    return _no_signer_record(trust_list, serial) if verdict is None else verdict


def _obstacle(header: Header) -> Verification | None:
    """Return why no certificate whatever could verify the signature."""
    value, offsets = header.fields.value, header.fields.offsets
    if value(_DIGEST) in _KNOWN_DIGESTS and value(_ALGORITHM) in _PKCS1 and _SIGNATURE in offsets:
        return None
    if _SIGNATURE not in offsets:
        return Verification(None, None, "signature_missing", "the header has no signature")
    if value(_ALGORITHM) not in _PKCS1:
        said = f"signature algorithm {header.signature_algorithm} is unknown"
        return Verification(None, None, "signature_algorithm", said)
    return Verification(None, None, "digest", f"digest code {header.digest_code} is unknown")


def _verify_with_records(header: Header, records: Iterable[Record]) -> Verification | None:
    """Judge with the first record whose certificate fits; None if there are no records."""
    signed = header.signed_bytes()
    worst: Verification | None = None
    for record in records:
        certificate = record.certificate
        if certificate is None:
            said = "the signer's record holds no certificate to check with"
            worst = worst or Verification(None, record, "certificate_missing", said)
            continue
        try:
            if _signature_holds(header, certificate, signed):
                return Verification(True, record, "ok", _HOLDS)
        except MalformedError:
            said = "the signer's certificate cannot be read"
            worst = Verification(False, record, "certificate_malformed", said)
        else:
            said = "the signature does not hold: the file was changed or damaged"
            worst = Verification(False, record, "bad_signature", said)
    return worst


def _verify_with_certificate(header: Header, signer: Certificate) -> Verification:
    from mixedmode.pki.certificates.names import serial_matches

    if header.signer_serial is not None and not serial_matches(header.signer_serial, signer.serial):
        return Verification(
            False, None, "unknown_signer", "the file was not signed by the given certificate: serials differ"
        )
    if _signature_holds(header, signer, header.signed_bytes()):
        return Verification(True, None, "ok", f"{_HOLDS} for the given certificate")
    return Verification(False, None, "bad_signature", "the signature does not hold for the given certificate")


def _no_signer_record(trust_list: TrustList, serial: bytes) -> Verification:
    from mixedmode.pki.certificates.names import serial_text

    for record in signer_records(trust_list, None, serial):
        said = f"record {record.number} has the signer's serial but another issuer than the header"
        return Verification(False, record, "issuer_mismatch", said)
    return Verification(
        None,
        None,
        "unknown_signer",
        f"no SAST record of the signer (serial {serial_text(serial)}) is in this file, so it cannot vouch for itself",
    )
