"""Write and sign a trust list in one of the three layouts.

Rules (wire-formats.md 1.1 to 1.7, figures.md):

1. The signer must be a SAST record of the list, or nobody could verify it from itself.
2. Only RSA keys of 512, 1024, 2048 or 4096 bits sign; EC certificates stand in records only.
3. A list over 65535 bytes is refused: no phone would load it.
4. A SAST record keeps its whole certificate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, assert_never

from mixedmode.articles import with_article
from mixedmode.errors import UsageError
from mixedmode.pki.certificates.names import NameStyle, is_token_name, render_name
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.header import SignerIdentity, SignerOrder, encode_header, text_value, tlv
from mixedmode.trustlist.kinds import CTL_FILE
from mixedmode.trustlist.roles import MAX_PHONE_FILE, Layout, RecordTag, Role

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.pki.signing.signer import Signer


class RecordForm(Enum):
    """How much of its certificate a record keeps."""

    FULL = "full"
    HASH = "hash"
    """A SHA-1 of the certificate in its place (tags 11 and 12)."""
    ADDRESS = "address"
    """DNS name, function and address alone: how a CTL Client empties a record in non-secure mode."""


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """What a record shall say.

    Attributes:
        role: What the certificate is trusted for.
        certificate: The certificate; None only with :attr:`RecordForm.ADDRESS`.
        dns_name: Host name, or the address as text in CTL Client lists. None: empty in layout ``cucm``, the
            address in layout ``ctlclient``, empty for a token.
        ip_address: IPv4 or IPv6 address; None is 0.0.0.0.
        form: How much of the certificate is kept.
        hash_algorithm: Digest of :attr:`RecordForm.HASH`.
    """

    role: Role
    certificate: Certificate | None = None
    dns_name: str | None = None
    ip_address: str | None = None
    form: RecordForm = RecordForm.FULL
    hash_algorithm: DigestAlgorithm = DigestAlgorithm.SHA1


TRUST_LIST_VERSION = (1, 2)


def build_trust_list(
    records: Sequence[RecordSpec],
    signer: Signer,
    *,
    timestamp: int,
    digest: DigestAlgorithm = DigestAlgorithm.SHA1,
    filename: str = CTL_FILE,
    layout: Layout = Layout.CUCM,
    signer_version: tuple[int, int] | None = None,
    require_signer_record: bool = True,
) -> bytes:
    """Build and sign a trust list.

    Args:
        records: The records in order.
        signer: Whose key signs; its certificate must be one of the SAST records.
        timestamp: Seconds since 1970, UTC.
        digest: Digest under the signature.
        filename: The name in the header.
        layout: The writer to follow.
        signer_version: Tag 28; 1.1 announces an EC TFTP certificate for HTTPS.
        require_signer_record: Hold rule 1; False only makes lists for tests of readers.

    Returns:
        The file's bytes.

    Raises:
        UsageError: A rule does not hold.
        SignerError: The signer failed.
    """
    certificate = signer.certificate
    _check(records, certificate, require_signer_record=require_signer_record)
    body = b"".join(encode_record(record, layout) for record in records)
    header = encode_header(
        version=TRUST_LIST_VERSION,
        signer=signer_identity(certificate, layout),
        digest=digest,
        key_bits=certificate.key_bits,
        filename=filename,
        timestamp=timestamp,
        order=SignerOrder.TLVFILE if layout is Layout.TLVFILE else SignerOrder.CUCM,
        signer_version=signer_version,
    )
    size = len(header.before) + 3 + header.signature_length + len(header.after) + len(body)
    if size > MAX_PHONE_FILE:
        raise UsageError(
            f"the list would have {size} bytes; phones do not load more than {MAX_PHONE_FILE}",
            code="too_large",
            next_step="leave out certificates, or use one multi-server certificate for several nodes",
        )
    return header.with_signature(signer.sign(header.signed_bytes(body), digest)) + body


@lru_cache(maxsize=256)
def signer_identity(certificate: Certificate, layout: Layout) -> SignerIdentity:
    """Return how a header of this layout names a signer."""
    style = _name_style(certificate, layout)
    return SignerIdentity(
        render_name(certificate.subject_name, style),
        render_name(certificate.issuer_name, style),
        _serial(certificate, style),
    )


@lru_cache(maxsize=1024)
def encode_record(spec: RecordSpec, layout: Layout) -> bytes:
    """Return the bytes of one record.

    Raises:
        UsageError: A field does not fit, or the layout has no place for it.
    """
    if layout is Layout.TLVFILE:
        parts = _tlvfile_fields(spec)
    elif layout is Layout.CUCM:
        parts = _cucm_fields(spec, layout, with_signature=True)
    elif layout is Layout.CTLCLIENT:
        parts = _cucm_fields(spec, layout, with_signature=False)
    else:
        assert_never(layout)
    body = b"".join(tlv(tag, value) for tag, value in parts)
    length = len(body) + 5
    if length > 0xFFFF:
        raise UsageError(f"a record of {length} bytes does not fit its 16-bit length", code="record_length")
    return tlv(RecordTag.RECORD_LENGTH, length.to_bytes(2)) + body


_Parts = list[tuple[int, bytes]]


def _cucm_fields(spec: RecordSpec, layout: Layout, *, with_signature: bool) -> _Parts:
    certificate = spec.certificate
    style = _name_style(certificate, layout) if certificate else NameStyle.CUCM
    dns_name = spec.dns_name
    if dns_name is None:
        by_address = layout is Layout.CTLCLIENT and style is not NameStyle.TOKEN and spec.ip_address
        dns_name = spec.ip_address if by_address and spec.ip_address else ""
    names: _Parts = [(RecordTag.DNS_NAME, text_value(dns_name))]
    function = (RecordTag.FUNCTION, spec.role.value.to_bytes(2))
    address = (RecordTag.IP_ADDRESS, _address(spec.ip_address))
    if spec.form is RecordForm.ADDRESS or certificate is None:
        return [*names, function, address]
    names.append((RecordTag.SUBJECT_NAME, text_value(render_name(certificate.subject_name, style))))
    parts = [
        *names,
        function,
        (RecordTag.ISSUER_NAME, text_value(render_name(certificate.issuer_name, style))),
        (RecordTag.SERIAL_NUMBER, _serial(certificate, style)),
        (RecordTag.PUBLIC_KEY, certificate.public_key_field),
    ]
    if with_signature and style is not NameStyle.TOKEN:
        parts.append((RecordTag.SIGNATURE, certificate.signature_field))
    if spec.form is RecordForm.HASH:
        return [*parts, address, *_hash_fields(spec, certificate)]
    return [*parts, (RecordTag.CERTIFICATE, certificate.der), address]


def _tlvfile_fields(spec: RecordSpec) -> _Parts:
    certificate = spec.certificate
    if certificate is None or spec.dns_name is not None or spec.ip_address is not None:
        raise UsageError(
            "the tlvfile layout has only certificates: no DNS name, no address, no record without a certificate",
            next_step="use --layout cucm, or leave dns= and ip= out",
        )
    style = NameStyle.TLVFILE
    parts: _Parts = [
        (RecordTag.SUBJECT_NAME, text_value(render_name(certificate.subject_name, style))),
        (RecordTag.ISSUER_NAME, text_value(render_name(certificate.issuer_name, style))),
        (RecordTag.SERIAL_NUMBER, certificate.serial),
        (RecordTag.FUNCTION, spec.role.value.to_bytes(2)),
        (RecordTag.PUBLIC_KEY, certificate.public_key_field),
        (RecordTag.SIGNATURE, certificate.signature_field),
    ]
    if spec.form is RecordForm.HASH:
        return [*parts, *_hash_fields(spec, certificate)]
    return [*parts, (RecordTag.CERTIFICATE, certificate.der)]


def _hash_fields(spec: RecordSpec, certificate: Certificate) -> _Parts:
    return [
        (RecordTag.CERTIFICATE_HASH, spec.hash_algorithm.hash(certificate.der)),
        (RecordTag.HASH_ALGORITHM, bytes((spec.hash_algorithm,))),
    ]


def _name_style(certificate: Certificate, layout: Layout) -> NameStyle:
    if layout is Layout.TLVFILE:
        return NameStyle.TLVFILE
    is_token = is_token_name(certificate.subject_name, certificate.issuer_name)
    return NameStyle.TOKEN if is_token else NameStyle.CUCM


def _serial(certificate: Certificate, style: NameStyle) -> bytes:
    return certificate.serial[::-1] if style is NameStyle.TOKEN else certificate.serial


def _address(text: str | None) -> bytes:
    from ipaddress import ip_address

    try:
        return ip_address(text or "0.0.0.0").packed  # noqa: S104 - the "no address" of a token record, nothing listens
    except ValueError as error:
        raise UsageError(f"{text!r} is no IP address", next_step="write ip=10.0.0.1 or ip=2001:db8::1") from error


def _check(records: Sequence[RecordSpec], signer: Certificate, *, require_signer_record: bool) -> None:
    if signer.key_kind != "RSA":
        raise UsageError(
            f"{with_article(signer.key_description)} key cannot sign a trust list; "
            "the format knows only RSA signatures",
            code="signer_key",
            next_step="sign with an RSA key of 2048 bits; EC certificates may stand in records",
        )
    for number, record in enumerate(records, 1):
        if record.certificate is None and record.form is not RecordForm.ADDRESS:
            raise UsageError(f"record {number} has no certificate", next_step="use the address form for such records")
        if record.role is Role.SAST and record.form is not RecordForm.FULL:
            raise UsageError(f"record {number}: a SAST record must keep its whole certificate", code="sast_form")
    if require_signer_record and not any(
        record.role is Role.SAST and record.certificate is not None and record.certificate.der == signer.der
        for record in records
    ):
        raise UsageError(
            f"the signer {signer.subject} is not among the SAST records, so no phone could check the list from itself",
            code="signer_record",
            next_step="add its certificate with --record SAST=CERT.pem",
        )
