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

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from mixedmode.errors import MalformedError
from mixedmode.pki.reading.public_keys import verifies
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


def _records_with_serial(trust_list: TrustList, serial: bytes) -> Iterator[Record]:
    data = trust_list.data
    for number, (start, end) in enumerate(trust_list.record_spans, 1):
        # Most records lack the serial altogether: a search costs less than reading their fields.
        if data.find(serial, start, end) >= 0:
            found = _signer_at(trust_list, number, serial)
            if found is not None:
                yield found[0]


def _signer_at(trust_list: TrustList, number: int, serial: bytes) -> tuple[Record, bytes | None, bytes | None] | None:
    """Return a record, its issuer and its certificate if it is a SAST record with this serial."""
    record = trust_list.record(number)
    found, role, issuer, der = record.fields.values(_SIGNER)
    return (record, issuer, der) if found == serial and role and not any(role) else None


_TOKEN_NAME = "SAST-"  # noqa: S105 - how the names of security tokens begin
# Plain numbers: looking up an enumeration's member costs as much as comparing a serial.
_SIGNER = bytes((RecordTag.SERIAL_NUMBER, RecordTag.FUNCTION, RecordTag.ISSUER_NAME, RecordTag.CERTIFICATE))
_SERIAL_AND_ISSUER = bytes((HeaderTag.SERIAL_NUMBER, HeaderTag.CA_NAME))
_CLAIM = bytes((HeaderTag.SIGNATURE, HeaderTag.DIGEST_ALGORITHM, HeaderTag.SIGNATURE_ALGORITHM))
_ALGORITHM = int(HeaderTag.SIGNATURE_ALGORITHM)
_DIGESTS: dict[bytes | None, tuple[DigestAlgorithm, ...]] = {
    None: tuple(DigestAlgorithm),
    **{bytes((digest,)): (digest,) for digest in DigestAlgorithm},
}
"""The digests that a signature may be over, by the header's digest field."""
_PKCS1: frozenset[bytes | None] = frozenset({None, b"\x00"})


_Claim = tuple[bytes, tuple[DigestAlgorithm, ...], bytes]
"""What a header says of its signature, once no obstacle is left: the signature, the digests that it may be over, and
the bytes that it covers."""


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
    claim = _claim_of(header, signed)
    return claim is not None and _holds(claim, certificate.der)


def _claim_of(header: Header, signed: bytes | None = None) -> _Claim | None:
    """Return what can be verified, None if no certificate whatever could verify it; :func:`_obstacle` says why."""
    signature, digest, algorithm = header.fields.values(_CLAIM)
    digests = _DIGESTS.get(digest)
    if digests is None or signature is None or algorithm not in _PKCS1:
        return None
    return signature, digests, header.signed_bytes() if signed is None else signed


def _holds(claim: _Claim, der: bytes) -> bool:
    """Return whether a certificate's key made a signature."""
    signature, digests, signed = claim
    if len(digests) == 1:
        return verifies(der, signature, signed, digests[0])
    return any(verifies(der, signature, signed, digest) for digest in digests)


def verify_trust_list(trust_list: TrustList, signer: Certificate | None) -> Verification:
    """Judge a list's signature; see the module's rules."""
    header = trust_list.header
    claim = _claim_of(header)
    if claim is None:
        return _obstacle(header)
    if signer is not None:
        return _verify_with_certificate(header, claim, signer)
    serial, issuer = header.fields.values(_SERIAL_AND_ISSUER)
    if serial is None:
        return Verification(None, None, "unknown_signer", "the header does not name its signer's serial")
    worst: Verification | None = None
    data = trust_list.data
    # The loop of _records_with_serial once more: leaving a generator in its middle costs more than four searches.
    for number, (start, end) in enumerate(trust_list.record_spans, 1):
        found = _signer_at(trust_list, number, serial) if data.find(serial, start, end) >= 0 else None
        if found is None:
            continue
        record, text, der = found
        # The same bytes name the same issuer (rule 2); reading them as texts is for those that differ.
        if text == issuer or issuer is None or has_issuer(record, read_text(issuer)):
            verdict = _verify_with_record(claim, record, der)
            if verdict.verified:
                return verdict
            # A record that does verify may follow; if none does, one with a certificate says more than one without.
            worst = worst if worst is not None and verdict.verified is None else verdict
    return _no_signer_record(trust_list, serial) if worst is None else worst


def _obstacle(header: Header) -> Verification:
    """Return why no certificate whatever could verify the signature."""
    if header.signature is None:
        return Verification(None, None, "signature_missing", "the header has no signature")
    if header.value(_ALGORITHM) not in _PKCS1:
        said = f"signature algorithm {header.signature_algorithm} is unknown"
        return Verification(None, None, "signature_algorithm", said)
    return Verification(None, None, "digest", f"digest code {header.digest_code} is unknown")


def _verify_with_record(claim: _Claim, record: Record, der: bytes | None) -> Verification:
    if der is None:
        said = "the signer's record holds no certificate to check with"
        return Verification(None, record, "certificate_missing", said)
    try:
        if _holds(claim, der):
            return Verification(True, record, "ok", _HOLDS)
    except MalformedError:
        return Verification(False, record, "certificate_malformed", "the signer's certificate cannot be read")
    return Verification(False, record, "bad_signature", "the signature does not hold: the file was changed or damaged")


def _verify_with_certificate(header: Header, claim: _Claim, signer: Certificate) -> Verification:
    from mixedmode.pki.certificates.names import serial_matches

    if header.signer_serial is not None and not serial_matches(header.signer_serial, signer.serial):
        return Verification(
            False, None, "unknown_signer", "the file was not signed by the given certificate: serials differ"
        )
    if _holds(claim, signer.der):
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
