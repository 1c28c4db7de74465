"""The JSON document of ``mixedmode show --json`` and ``verify --json`` (command-line.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mixedmode.errors import MalformedError
from mixedmode.trustlist.listing import colon_hex
from mixedmode.trustlist.roles import HEADER_NAMES, RECORD_NAMES

if TYPE_CHECKING:
    from mixedmode.trustlist.fields import Fields
    from mixedmode.trustlist.model import Record, TrustList
    from mixedmode.trustlist.problems import Problem
    from mixedmode.trustlist.verify import Verification

T = TypeVar("T")


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON."""
    return {
        "code": problem.code,
        "message": problem.message,
        "offset": problem.offset,
        "severity": problem.severity.value,
    }


def describe(trust_list: TrustList, verification: Verification, problems: Iterable[Problem]) -> dict[str, Any]:
    """Return everything that a list says, absent fields as None, serials as CUCM prints them."""
    header = trust_list.header
    digest = header.digest
    return {
        "kind": trust_list.kind,
        "version": _version(header.version),
        "header_length": header.header_length,
        "length": trust_list.length,
        "md5": trust_list.md5,
        "sha1": trust_list.sha1,
        "sha256": trust_list.sha256,
        "signer": {
            "name": header.signer_name,
            "issuer": header.signer_issuer,
            "serial": _serial(header.signer_serial),
        },
        "signer_version": _version(header.signer_version),
        "digest": digest.label if digest is not None else _unknown(header.digest_code),
        "signature_length": None if header.signature is None else len(header.signature),
        "filename": header.filename,
        "timestamp": timestamp_text(header.timestamp),
        "verified": verification.verified,
        "verified_by": verification.record.number if verification and verification.record else None,
        "reason": verification.reason,
        "problems": [problem_document(problem) for problem in problems],
        "unknown_fields": _unknown_fields(header.fields, {*HEADER_NAMES, 1, 2}),
        "records": [_record(record, header.signer_serial) for record in trust_list.records],
    }


def _record(record: Record, signer_serial: bytes | None) -> dict[str, Any]:
    certificate = record.certificate
    role = record.role
    return {
        "number": record.number,
        "offset": record.offset,
        "length": record.length,
        "dns_name": record.dns_name,
        "subject": record.subject,
        "function": role.function_text if role is not None else _unknown(record.role_code),
        "role": role.label if role is not None else record.role_code,
        "issuer": record.issuer,
        "serial": _serial(record.serial),
        "public_key_length": _length(record.public_key),
        "signature_length": _length(record.signature),
        "certificate_length": _length(record.certificate_der),
        "certificate_sha1": None if certificate is None else certificate.sha1.hex(),
        "certificate_sha256": None if certificate is None else certificate.sha256.hex(),
        "certificate_hash": None if record.certificate_hash is None else record.certificate_hash.hex(),
        "not_before": _read(lambda: None if certificate is None else _iso(certificate.not_before)),
        "not_after": _read(lambda: None if certificate is None else _iso(certificate.not_after)),
        "key": _read(lambda: None if certificate is None else certificate.key_description),
        "ip_address": record.ip_address,
        "signed_this_file": record.is_sast() and record.serial is not None and record.serial == signer_serial,
        "unknown_fields": _unknown_fields(record.fields, set(RECORD_NAMES)),
    }


def _read(read: Callable[[], T]) -> T | None:
    """Return what the certificate says, None where it cannot be read; ``problems`` then says why."""
    try:
        return read()
    except MalformedError:
        return None


def _unknown_fields(fields: Fields, known: set[int]) -> list[dict[str, Any]]:
    found = []
    for tag, offset in fields.offsets.items():
        value = fields.value(tag) or b""
        if tag not in known:
            found.append({"tag": tag, "offset": offset, "length": len(value), "value": value.hex()})
    return found


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp_text(seconds: int | None) -> str | None:
    """Return the seconds since 1970 of a header as ISO 8601, None where it does not say or says too much."""
    if seconds is None or seconds > 0xFFFFFFFF:
        return None
    return _iso(datetime.fromtimestamp(seconds, UTC))


def _version(pair: tuple[int, int] | None) -> str | None:
    return None if pair is None else f"{pair[0]}.{pair[1]}"


def _serial(serial: bytes | None) -> str | None:
    return None if serial is None else colon_hex(serial)


def _length(value: bytes | None) -> int | None:
    return None if value is None else len(value)


def _unknown(code: int | None) -> str | None:
    return None if code is None else str(code)
