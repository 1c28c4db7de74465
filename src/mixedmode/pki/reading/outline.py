"""Where the fields of a certificate lie, read once and without judging what they say.

Layout (RFC 5280 4.1): SEQUENCE { tbs SEQUENCE { [0] version, serial INTEGER, algorithm, issuer, validity, subject,
key, [1] and [2] unique identifiers, [3] extensions }, algorithm, signature BIT STRING }. As OpenSSL does it, any
version is read with or without extensions, and the contents of a field are looked at only when it is asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mixedmode.errors import MalformedError
from mixedmode.pki.reading.der import (
    BIT_STRING,
    INTEGER,
    OID,
    SEQUENCE,
    Element,
    broken,
    children,
    contents,
    expect,
    oid_text,
    read_element,
)

try:
    import mixedmode.pki.reading._usual as built
except ImportError:  # no compiler, or no Linux, where the package was built
    built = None  # type: ignore[assignment]

compiled = built
"""The compiled short way to a key, None if there is none."""
_ONE_OCTET, _TWO_OCTETS = 0x81, 0x82
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_FIELDS = [INTEGER, *[SEQUENCE] * 5]
_AFTER_VERSION = tuple(_FIELDS)
_UNIQUE_IDS = frozenset({0x81, 0x82, 0xA1, 0xA2})
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


class Outline(NamedTuple):
    """The fields of a certificate, in their order.

    Attributes:
        version: 1, 2 or 3; what else stands there is kept.
        tbs: What the issuer signed.
        serial: The serial number.
        algorithm: The signature algorithm inside what is signed.
        issuer: The issuer's name.
        validity: First and last moment.
        subject: The subject's name.
        key: The public key, with its algorithm.
        extensions: The extensions, None if there are none.
        outer_algorithm: The signature algorithm outside.
        signature: The issuer's signature.
    """

    version: int
    tbs: Element
    serial: Element
    algorithm: Element
    issuer: Element
    validity: Element
    subject: Element
    key: Element
    extensions: Element | None
    outer_algorithm: Element
    signature: Element


def unreadable(field: str, error: MalformedError) -> MalformedError:
    """Return the error for a field of a certificate; one that says so already is kept."""
    if error.code != "asn1":
        return error
    return MalformedError(
        f"the certificate's {field} cannot be read",
        why=error.why,
        code="certificate",
        next_step="ask its issuer for a certificate that follows RFC 5280",
    )


def read_outline(der: bytes) -> Outline:
    """Return where the fields of a certificate lie.

    Raises:
        MalformedError: The bytes are no certificate.
    """
    size = len(der)
    outer = expect(der, 0, size, SEQUENCE, "a certificate")
    if outer.next != size:
        raise broken(outer.next, f"{size - outer.next} bytes follow the certificate")
    tbs, outer_algorithm, signature = _three(der, outer)
    fields = children(der, tbs)
    version = 1
    if fields and fields[0].tag == _VERSION:
        explicit = fields.pop(0)
        version = int.from_bytes(contents(der, expect(der, explicit.start, explicit.end, INTEGER, "the version"))) + 1
    if [field.tag for field in fields[:6]] != _FIELDS:
        raise broken(tbs.outer, "serial number, algorithm, issuer, validity, subject and key expected, others found")
    serial, algorithm, issuer, validity, subject, key = fields[:6]
    if serial.start == serial.end:
        raise broken(serial.outer, "an empty serial number")
    extensions = None
    for field in fields[6:]:
        if field.tag == _EXTENSIONS and extensions is None:
            extensions = expect(der, field.start, field.end, SEQUENCE, "the extensions")
        elif field.tag not in _UNIQUE_IDS:
            raise broken(field.outer, "the extensions expected, another field found")
    return Outline(
        version, tbs, serial, algorithm, issuer, validity, subject, key, extensions, outer_algorithm, signature
    )


def _three(der: bytes, outer: Element) -> list[Element]:
    parts = children(der, outer)
    if [part.tag for part in parts] != [SEQUENCE, SEQUENCE, BIT_STRING]:
        raise broken(outer.start, "content, signature algorithm and signature expected, other fields found")
    return parts


def _ends_usually(der: bytes, pos: int) -> bool:
    """Return whether an algorithm and a signature of an RSA key fill the rest, and nothing else."""
    size = len(der)
    if 4 + (der[2] << 8 | der[3]) != size or pos + 2 > size or der[pos] != SEQUENCE or der[pos + 1] >= 0x80:
        return False
    pos += 2 + der[pos + 1]
    if pos + 4 > size or der[pos] != BIT_STRING:
        return False
    if der[pos + 1] == _TWO_OCTETS:
        return pos + 4 + (der[pos + 2] << 8 | der[pos + 3]) == size
    return der[pos + 1] == _ONE_OCTET and pos + 3 + der[pos + 2] == size


def find_usual_key(der: bytes) -> bytes | None:
    """Return the public key of a certificate that is written in the usual way, None if :func:`read_outline` must look.

    The short way to a signer's key: verification of a list by a signer never seen before pays for it. ``_usual.c`` is
    the same, compiled.
    """
    try:
        if der[0] != SEQUENCE or der[1] != _TWO_OCTETS or der[4] != SEQUENCE or der[5] != _TWO_OCTETS:
            return None
        end = 8 + (der[6] << 8 | der[7])
        pos = start = 8
        if der[pos] == _VERSION:
            pos += 2 + der[pos + 1]
        for tag in _AFTER_VERSION:
            start = pos
            length = der[pos + 1]
            pos += 2 + length
            if length == _TWO_OCTETS:
                pos += 2 - length + (der[start + 2] << 8 | der[start + 3])
            elif length >= 0x80:
                return None
            if der[start] != tag:
                return None
    except IndexError:
        return None
    return der[start:pos] if pos <= end and _ends_usually(der, end) else None


usual_key = find_usual_key if compiled is None else compiled.usual_key


def algorithm_oid(der: bytes, element: Element) -> str:
    """Return the object identifier of an algorithm.

    Raises:
        MalformedError: There is none.
    """
    return oid_text(contents(der, expect(der, element.start, element.end, OID, "an algorithm's identifier")))


def serial_octets(der: bytes, outline: Outline) -> bytes:
    """Return the serial's contents as they are written: two's complement, big endian."""
    return contents(der, outline.serial)


class Moment(NamedTuple):
    """A date of a certificate.

    Attributes:
        time: UTC.
        odd: What is odd about how it is written, empty if nothing is.
    """

    time: datetime
    odd: str


def read_validity(der: bytes, outline: Outline) -> tuple[Moment, Moment]:
    """Return the first and last moment of validity.

    Raises:
        MalformedError: One of them is no date.
    """
    validity = outline.validity
    first = read_element(der, validity.start, validity.end)
    last = read_element(der, first.next, validity.end)
    return _moment(der, first), _moment(der, last)


def _moment(der: bytes, element: Element) -> Moment:
    text = contents(der, element).decode("latin-1")
    if element.tag not in {_UTC_TIME, _GENERALIZED_TIME}:
        raise broken(element.outer, "a date expected, another field found")
    short = element.tag == _UTC_TIME
    digits = text.rstrip("Z")
    offset = 0
    if digits[-5:-4] in {"+", "-"} and _is_number(digits[-4:]):
        offset = int(digits[-4:-2]) * 60 + int(digits[-2:])
        offset = -offset if digits[-5] == "-" else offset
        digits = digits[:-5]
    digits, point, fraction = digits.replace(",", ".").partition(".")
    year_digits = 2 if short else 4
    written = digits[year_digits:]
    if not _is_number(digits) or len(written) not in {6, 8, 10} or (point and not _is_number(fraction)):
        raise broken(element.outer, f"{text!r} is no date")
    year = int(digits[:year_digits])
    if short:
        year += 1900 if year >= 50 else 2000
    month, day, hour, minute, second = (int(written[at : at + 2] or "0") for at in range(0, 10, 2))
    try:
        # A leap second is the last one that a clock shows.
        moment = datetime(year, month, day, hour, minute, min(second, 59) if second <= 60 else second, tzinfo=UTC)
        moment -= timedelta(minutes=offset)
    except (ValueError, OverflowError):
        raise broken(element.outer, f"{text!r} is no date") from None
    usual = text.endswith("Z") and len(written) == 10 and not point and not offset
    return Moment(moment, "" if usual else f"written as {text!r}, which strict readers refuse")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
