"""The listing of ``show ctl`` and ``show itl``, line for line as CUCM prints it.

Layout (cucm-admin.md 1.1, wire-formats.md 1.3): tab stops of eight columns, names broken after a ``;`` and
indented by 32 blanks, a certificate's SHA-1 broken after 16 bytes, the signature in rows of eight bytes
without leading zeros. The spelling mistakes are the original's. The layout of ``show itl`` is that of
``show ctl`` with ITL for CTL; no transcript confirms it.

Behind CUCM's listing :func:`render_details` adds what CUCM leaves out, under a heading of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mixedmode.errors import MalformedError
from mixedmode.printable import printable
from mixedmode.trustlist.roles import HEADER_CONTAINERS, HEADER_NAMES, RECORD_NAMES, HeaderTag, RecordTag

if TYPE_CHECKING:
    from mixedmode.trustlist.model import Record, TrustList
    from mixedmode.trustlist.problems import Problem
    from mixedmode.trustlist.verify import Verification

COLUMNS = ("BYTEPOS TAG             LENGTH  VALUE", "------- ---             ------  -----")
_TAG_COLUMN = 8
_TAG_WIDTH = 16
_VALUE_COLUMN = 32
_LINE_WIDTH = 80
_BLANKS = re.compile(" +")
_BYTES = tuple(f"{byte:<4x}" for byte in range(256))


def missing_file_listing(kind: str) -> list[str]:
    """Return what ``show ctl`` prints when there is no file."""
    return [
        f"Length of {kind} file: 0",
        f"{kind} File not found. Please run CTLClient plugin or run the CLI - utils ctl.. to generate the CTL file.",
        f"Error parsing the {kind} File.",
    ]


def render_listing(trust_list: TrustList, verification: Verification, modified: str) -> list[str]:
    """Return the lines of ``show ctl`` or ``show itl``.

    Args:
        trust_list: The list.
        verification: Its verdict.
        modified: When the file was last modified, in the form ``Fri Mar 06 19:45:13 CET 2015``.
    """
    kind = trust_list.kind
    header = trust_list.header
    lines = [
        f"The checksum value of the {kind} file:",
        f"{trust_list.md5}(MD5)",
        f"{trust_list.sha1}(SHA1)",
        "",
        f"Length of {kind} file: {trust_list.length}",
        f"The {kind} File was last modified on {modified}",
        "",
        f"Parse {kind} File",
        "----------------",
        "",
        f"Version:        {header.version[0]}.{header.version[1]}",
        f"HeaderLength:   {header.header_length} (BYTES)",
        "",
        *COLUMNS,
        *_header_rows(trust_list),
    ]
    for record in trust_list.records:
        lines += ["", f"{kind} Record #:{record.number}", "----", *COLUMNS, *_record_rows(record)]
        if record.is_sast():
            signed = record.serial is not None and record.serial == header.signer_serial
            lines += ["", f"This etoken was {'used' if signed else 'not used'} to sign the {kind} file."]
    lines.append("")
    if verification.verified:
        lines.append(f"The {kind} file was verified successfully.")
    else:
        lines.append(f"Verification of the {kind} file failed: {printable(verification.reason)}.")
    return lines


def row(tag: int, name: str, length: int, value: str = "") -> str:
    """Return one row: tag number, tag name, length and value on tab stops."""
    width = _TAG_WIDTH if len(name) < _TAG_WIDTH else (len(name) // 8 + 1) * 8
    return f"{tag:<{_TAG_COLUMN}}{name:<{width}}{length:<8}{value}".rstrip()


def colon_hex(value: bytes) -> str:
    """Return bytes as CUCM prints serials: upper-case hex with colons."""
    return value.hex(":").upper()


def _header_rows(trust_list: TrustList) -> Iterator[str]:
    header = trust_list.header
    for tag in sorted(header.fields.offsets):
        if tag < HeaderTag.SIGNER_ID:
            continue
        value = header.value(tag) or b""
        name = HEADER_NAMES.get(tag, "(UNKNOWN)")
        if tag in HEADER_CONTAINERS:
            yield row(tag, name, 2, str(len(value)))
        elif tag in {HeaderTag.SIGNER_NAME, HeaderTag.CA_NAME}:
            text = header.signer_name if tag == HeaderTag.SIGNER_NAME else header.signer_issuer
            yield from _wrapped_row(tag, name, len(value), _name_lines(text or ""))
        elif tag == HeaderTag.SERIAL_NUMBER:
            yield row(tag, name, len(value), colon_hex(value))
        elif tag == HeaderTag.SIGNATURE_MODULUS:
            yield row(tag, name, len(value))
        elif tag == HeaderTag.SIGNATURE:
            yield row(tag, name, len(value))
            yield from _signature_rows(value)
        elif tag == HeaderTag.SIGNER_VERSION:
            yield row(tag, name, len(value), ".".join(str(part) for part in value))
        elif tag in HEADER_NAMES:
            yield row(tag, name, len(value))
        else:
            yield row(tag, name, len(value), _excerpt(value))


def _record_rows(record: Record) -> Iterator[str]:
    for tag in sorted(record.fields.offsets):
        value = record.value(tag) or b""
        name = RECORD_NAMES.get(tag, "(UNKNOWN)")
        if tag == RecordTag.RECORD_LENGTH:
            yield row(tag, name, 2, str(record.length))
        elif tag == RecordTag.DNS_NAME:
            yield row(tag, name, len(value), printable(record.dns_name or ""))
        elif tag in {RecordTag.SUBJECT_NAME, RecordTag.ISSUER_NAME}:
            text = record.subject if tag == RecordTag.SUBJECT_NAME else record.issuer
            yield from _wrapped_row(tag, name, len(value), _name_lines(text or ""))
        elif tag == RecordTag.FUNCTION:
            role = record.role
            yield row(tag, name, len(value), role.function_text if role is not None else str(record.role_code))
        elif tag == RecordTag.SERIAL_NUMBER:
            yield row(tag, name, len(value), colon_hex(value))
        elif tag == RecordTag.CERTIFICATE:
            digest = hashlib.sha1(value, usedforsecurity=False).digest()
            yield from _wrapped_row(tag, name, len(value), _hash_lines(digest))
        elif tag in {RecordTag.CERTIFICATE_HASH, RecordTag.HASH_ALGORITHM} or tag not in RECORD_NAMES:
            yield row(tag, name, len(value), _excerpt(value))
        else:
            yield row(tag, name, len(value))


def _wrapped_row(tag: int, name: str, length: int, values: list[str]) -> Iterator[str]:
    yield row(tag, name, length, values[0])
    for value in values[1:]:
        yield " " * _VALUE_COLUMN + value


def _name_lines(text: str) -> list[str]:
    """Break a name after ``;`` where the line would pass 80 columns.

    A run of blanks counts as one column: the seed shows a token's name, which holds a run, on one line.
    """
    lines = [""]
    for part in re.split("(?<=;)", printable(text)):
        joined = lines[-1] + part
        if lines[-1] and _VALUE_COLUMN + len(_BLANKS.sub(" ", joined)) > _LINE_WIDTH:
            lines.append(part)
        else:
            lines[-1] = joined
    return lines


def _hash_lines(digest: bytes) -> list[str]:
    return [digest[:16].hex(" ").upper(), f"{digest[16:].hex(' ').upper()} (SHA1 Hash HEX)"]


def _signature_rows(signature: bytes) -> Iterator[str]:
    for start in range(0, len(signature), 8):
        yield "".join([_BYTES[byte] for byte in signature[start : start + 8]]).rstrip()


def _excerpt(value: bytes, limit: int = 16) -> str:
    shown = value[:limit].hex(" ").upper()
    return shown + " ..." if len(value) > limit else shown


def render_details(trust_list: TrustList, verification: Verification, problems: Iterable[Problem]) -> list[str]:
    """Return what CUCM leaves out: SHA-256, signing time, keys, validity dates, problems."""
    from datetime import UTC, datetime

    header = trust_list.header
    digest = header.digest
    lines = [
        "",
        "Details",
        "-------",
        f"SHA-256:        {trust_list.sha256}",
    ]
    if header.timestamp is not None and header.timestamp <= 0xFFFFFFFF:
        lines.append(f"Signed at:      {datetime.fromtimestamp(header.timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC")
    lines.append(f"Digest:         {digest.label.upper() if digest else f'code {header.digest_code}'}")
    verdict = {True: "holds", False: "DOES NOT HOLD", None: "cannot be judged"}[verification.verified]
    by_record = f", by record {verification.record.number}" if verification.record else ""
    lines.append(f"Signature:      {verdict}{by_record} ({printable(verification.reason)})")
    lines += ["", "Record  Function    Key        Valid from  Valid until  SHA-256 of the certificate"]
    lines += [_detail_row(record) for record in trust_list.records]
    found = list(problems)
    if found:
        lines += ["", f"Problems ({len(found)})"]
        lines += [f"  {problem.severity} at byte {problem.offset}: {printable(problem.message)}" for problem in found]
    return lines


def _detail_row(record: Record) -> str:
    start = f"{record.number:<8}{record.role_label:<12}"
    certificate = record.certificate
    if certificate is None:
        kept = "certificate hash only" if record.certificate_hash is not None else "no certificate"
        return start + kept
    try:
        dates = f"{certificate.not_before:%Y-%m-%d}  {certificate.not_after:%Y-%m-%d}   "
        return f"{start}{certificate.key_description:<11}{dates}{certificate.sha256.hex()}"
    except MalformedError as error:
        return f"{start}unreadable: {printable(error.what)}"
