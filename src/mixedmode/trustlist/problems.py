"""Everything that may be wrong with a list that can be parsed, each with its byte offset.

Structure errors end parsing (:mod:`.walk`); what is left is reported here and never stops a reader
(wire-formats.md 1.6, 1.7, 8; phone-trust.md 2.3, 2.4).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from mixedmode.errors import MalformedError
from mixedmode.trustlist.roles import (
    HEADER_CONTAINERS,
    HEADER_NAMES,
    MAX_PHONE_FILE,
    MODULUS_BYTES,
    RECORD_NAMES,
    HeaderTag,
    RecordTag,
    Role,
)

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate
    from mixedmode.trustlist.fields import Fields
    from mixedmode.trustlist.header import Header
    from mixedmode.trustlist.model import Record, TrustList
    from mixedmode.trustlist.verify import Verification


class Severity(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """A phone refuses the file, or its content contradicts itself."""
    WARNING = "warning"
    """Some phones may refuse the file, or it will stop working soon."""
    NOTE = "note"
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Attributes:
        code: A short stable word for scripts.
        message: One sentence for people.
        offset: Byte offset in the file.
        severity: How bad it is.
    """

    code: str
    message: str
    offset: int
    severity: Severity = Severity.ERROR

    @classmethod
    def from_error(cls, error: MalformedError) -> Problem:
        """Return the problem that ended parsing."""
        return cls(error.code, error.what, error.offset or 0)


def find_problems(trust_list: TrustList, verification: Verification, now: datetime) -> tuple[Problem, ...]:
    """Return all problems of a list in the order of their offsets.

    Args:
        trust_list: The list.
        verification: Its verdict, from :meth:`TrustList.verify`.
        now: The time to judge validity dates by (with time zone).
    """
    found = [
        *_signature_problems(trust_list, verification),
        *_header_problems(trust_list),
        *_list_problems(trust_list),
    ]
    for record in trust_list.records:
        found += _record_problems(record)
        found += _certificate_problems(record, now)
    return tuple(sorted(found, key=lambda problem: problem.offset))


def _signature_problems(trust_list: TrustList, verification: Verification) -> Iterator[Problem]:
    if verification.verified is True:
        return
    offset = trust_list.header.offset_of(HeaderTag.SIGNATURE) or trust_list.header.length
    if verification.code in {"unknown_signer", "issuer_mismatch"}:
        offset = trust_list.header.offset_of(HeaderTag.SIGNER_ID) or offset
    elif verification.record is not None and verification.code.startswith("certificate"):
        offset = verification.record.offset_of(RecordTag.CERTIFICATE)
    yield Problem(verification.code, verification.reason, offset)


_EXPECTED_HEADER = (
    (HeaderTag.HEADER_LENGTH, "header length"),
    (HeaderTag.SIGNER_NAME, "signer name"),
    (HeaderTag.SERIAL_NUMBER, "signer serial"),
    (HeaderTag.CA_NAME, "signer issuer"),
    (HeaderTag.DIGEST_ALGORITHM, "digest algorithm"),
    (HeaderTag.SIGNATURE_ALGORITHM, "signature algorithm"),
    (HeaderTag.FILENAME, "file name"),
    (HeaderTag.TIMESTAMP, "timestamp"),
)
_CHILDREN = {
    HeaderTag.SIGNER_ID: (HeaderTag.SIGNER_NAME, HeaderTag.SERIAL_NUMBER, HeaderTag.CA_NAME),
    HeaderTag.SIGNATURE_ALGORITHM_INFO: (HeaderTag.SIGNATURE_ALGORITHM, HeaderTag.SIGNATURE_MODULUS),
    HeaderTag.SIGNATURE_INFO: (
        HeaderTag.DIGEST_ALGORITHM,
        HeaderTag.SIGNATURE_ALGORITHM_INFO,
        HeaderTag.SIGNATURE_ALGORITHM,
        HeaderTag.SIGNATURE_MODULUS,
    ),
}


def _header_problems(trust_list: TrustList) -> Iterator[Problem]:
    header = trust_list.header
    fields = header.fields
    for expected, name in _EXPECTED_HEADER:
        if expected not in fields.offsets:
            yield Problem("missing_tag", f"the header has no {name} (tag {expected.value})", 0, Severity.WARNING)
    for container, children in _CHILDREN.items():
        if container in fields.offsets:
            yield from _container_problem(trust_list, container, children)
    yield from _modulus_problem(header)
    yield from _odd_fields("header", fields, {1, 2, *HEADER_NAMES})
    pads = sum(end - start for start, end in fields.pads)
    if pads > 3:
        yield Problem("padding", f"{pads} bytes of padding; 0 to 3 are usual", fields.pads[0][0], Severity.NOTE)
    if header.length % 4:
        said = f"the header's length {header.length} is no multiple of 4"
        yield Problem("padding", said, header.length, Severity.NOTE)


def _modulus_problem(header: Header) -> Iterator[Problem]:
    code, signature = header.modulus_code, header.signature
    if code is not None and signature is not None:
        wanted = MODULUS_BYTES[code] if code < len(MODULUS_BYTES) else None
        if wanted != len(signature):
            yield Problem(
                "modulus_mismatch",
                f"modulus code {code} means {wanted or 'no known number of'} bytes, the signature has {len(signature)}",
                header.offset_of(HeaderTag.SIGNATURE_MODULUS) or 0,
            )


def _odd_fields(place: str, fields: Fields, known: Container[int]) -> Iterator[Problem]:
    for tag, offset in fields.offsets.items():
        if tag not in known:
            said = f"unknown tag {tag} of {len(fields.value(tag) or b'')} bytes in the {place}, kept"
            yield Problem("unknown_tag", said, offset, Severity.WARNING)
    for offset in fields.repeated:
        said = f"tag {fields.data[offset]} appears again in the {place}; the first one counts"
        yield Problem("repeated_tag", said, offset)


def _container_problem(trust_list: TrustList, container: int, children: tuple[int, ...]) -> Iterator[Problem]:
    fields = trust_list.header.fields
    said = _announced_length(fields, container)
    own = sum(
        3 + (0 if child in HEADER_CONTAINERS else _announced_length(fields, child))
        for child in children
        if child in fields.offsets
    )
    if said != own:
        yield Problem(
            "container_length",
            f"{HEADER_NAMES[container]} says its fields take {said} bytes, they take {own}",
            fields.offsets[container],
            Severity.WARNING,
        )


def _announced_length(fields: Fields, tag: int) -> int:
    start, end = fields.span(tag) or (0, 0)
    return end - start


def _list_problems(trust_list: TrustList) -> Iterator[Problem]:
    if trust_list.length > MAX_PHONE_FILE:
        yield Problem(
            "too_large",
            f"{trust_list.length} bytes: phones do not load a list over 64 KB ({MAX_PHONE_FILE} bytes); "
            "remove certificates or use multi-server certificates",
            MAX_PHONE_FILE,
            Severity.WARNING,
        )
    if not trust_list.records:
        yield Problem("no_records", "the list has no records", trust_list.header.length, Severity.WARNING)
    sasts = trust_list.records_with_role(Role.SAST)
    if len(sasts) > 2:
        yield Problem(
            "many_sast",
            f"{len(sasts)} SAST records; older lists have at most 2, token lists of 11.5 and later have 4",
            sasts[2].offset,
            Severity.NOTE,
        )


_FIELD_SIZES = {
    RecordTag.FUNCTION: (2,),
    RecordTag.IP_ADDRESS: (4, 16),
    RecordTag.HASH_ALGORITHM: (1,),
}


def _record_problems(record: Record) -> Iterator[Problem]:
    place = f"record {record.number}"
    if record.role_code is None:
        yield Problem("missing_tag", f"{place} has no function (tag 4)", record.offset, Severity.WARNING)
    elif record.role is None:
        offset = record.offset_of(RecordTag.FUNCTION)
        yield Problem("unknown_role", f"{place} has the unknown function {record.role_code}", offset, Severity.WARNING)
    for tag, sizes in _FIELD_SIZES.items():
        value = record.value(tag)
        if value is not None and len(value) not in sizes:
            wanted = " or ".join(str(size) for size in sizes)
            yield Problem(
                "field_length",
                f"{place}: {RECORD_NAMES[tag]} has {len(value)} bytes instead of {wanted}",
                record.offset_of(tag),
                Severity.WARNING,
            )
    yield from _odd_fields(place, record.fields, RECORD_NAMES)
    if record.fields.pads:
        yield Problem("padding", f"{place} is padded; only the header may be", record.fields.pads[0][0], Severity.NOTE)


def _certificate_problems(record: Record, now: datetime) -> Iterator[Problem]:
    certificate = record.certificate
    if certificate is None:
        return
    from mixedmode.pki.reading.oddities import oddities

    offset = record.offset_of(RecordTag.CERTIFICATE)
    try:
        yield from _field_mismatches(record, certificate)
        unusual = oddities(certificate)
        if unusual:
            message = f"record {record.number}: the certificate is unusual: {'; '.join(unusual)}"
            yield Problem("certificate_unusual", message, offset, Severity.WARNING)
        if certificate.not_after < now:
            message = f"record {record.number}: the certificate expired on {certificate.not_after:%Y-%m-%d}"
            yield Problem("certificate_expired", message, offset, Severity.WARNING)
        elif certificate.not_before > now:
            message = f"record {record.number}: the certificate is not valid before {certificate.not_before:%Y-%m-%d}"
            yield Problem("certificate_not_yet_valid", message, offset, Severity.WARNING)
    except MalformedError as error:
        yield Problem(
            "certificate_malformed",
            f"record {record.number}: the certificate cannot be read: {error.what}"
            + (f" ({error.why})" if error.why else ""),
            offset,
        )


def _field_mismatches(record: Record, certificate: Certificate) -> Iterator[Problem]:
    from mixedmode.pki.certificates.names import names_match, serial_matches

    checks = (
        (
            RecordTag.PUBLIC_KEY,
            "public_key_mismatch",
            record.public_key,
            lambda v: v == certificate.public_key_field,
        ),
        (
            RecordTag.SIGNATURE,
            "signature_mismatch",
            record.signature,
            lambda v: v == certificate.signature_field,
        ),
        (
            RecordTag.SERIAL_NUMBER,
            "serial_mismatch",
            record.serial,
            lambda v: serial_matches(v, certificate.serial),
        ),
        (
            RecordTag.SUBJECT_NAME,
            "subject_mismatch",
            record.subject,
            lambda v: names_match(v, certificate.subject_name),
        ),
        (
            RecordTag.ISSUER_NAME,
            "issuer_name_mismatch",
            record.issuer,
            lambda v: names_match(v, certificate.issuer_name),
        ),
    )
    for tag, code, value, matches in checks:
        if value is not None and not matches(value):
            message = f"record {record.number}: {RECORD_NAMES[tag]} differs from the certificate's"
            yield Problem(code, message, record.offset_of(tag))
