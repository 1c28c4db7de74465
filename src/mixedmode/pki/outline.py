"""Where the fields of a certificate lie, read once and without judging what they say.

Layout (RFC 5280 4.1): SEQUENCE { tbs SEQUENCE { [0] version, serial INTEGER, algorithm, issuer, validity, subject,
key, [1] and [2] unique identifiers, [3] extensions }, algorithm, signature BIT STRING }. As OpenSSL does it, any
version is read with or without extensions, and the contents of a field are looked at only when it is asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mixedmode.pki.der import (
    BIT_STRING,
    INTEGER,
    OID,
    SEQUENCE,
    Element,
    broken,
    contents,
    expect,
    oid_text,
    read_element,
)

_VERSION, _EXTENSIONS = 0xA0, 0xA3
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


def read_outline(der: bytes) -> Outline:
    """Return where the fields of a certificate lie.

    Raises:
        MalformedError: The bytes are no certificate.
    """
    size = len(der)
    outer = expect(der, 0, size, SEQUENCE, "a certificate")
    if outer.next != size:
        raise broken(outer.next, f"{size - outer.next} bytes follow the certificate")
    tbs = expect(der, outer.start, outer.end, SEQUENCE, "a certificate's content")
    end = tbs.end
    here = read_element(der, tbs.start, end)
    version = 1
    if here.tag == _VERSION:
        number = expect(der, here.start, here.end, INTEGER, "the version")
        version = int.from_bytes(contents(der, number)) + 1
        here = read_element(der, here.next, end)
    serial = here
    if serial.tag != INTEGER or serial.start == serial.end:
        raise broken(serial.outer, "the serial number expected, another field found")
    algorithm = expect(der, serial.next, end, SEQUENCE, "the signature algorithm")
    issuer = expect(der, algorithm.next, end, SEQUENCE, "the issuer")
    validity = expect(der, issuer.next, end, SEQUENCE, "the validity")
    subject = expect(der, validity.next, end, SEQUENCE, "the subject")
    key = expect(der, subject.next, end, SEQUENCE, "the public key")
    extensions = _extensions(der, key.next, end)
    outer_algorithm = expect(der, tbs.next, outer.end, SEQUENCE, "the signature algorithm")
    signature = expect(der, outer_algorithm.next, outer.end, BIT_STRING, "the signature")
    if signature.next != outer.end:
        raise broken(signature.next, "bytes follow the signature")
    return Outline(
        version, tbs, serial, algorithm, issuer, validity, subject, key, extensions, outer_algorithm, signature
    )


def _extensions(der: bytes, pos: int, end: int) -> Element | None:
    found = None
    while pos < end:
        element = read_element(der, pos, end)
        if element.tag == _EXTENSIONS and found is None:
            found = expect(der, element.start, element.end, SEQUENCE, "the extensions")
        elif element.tag not in _UNIQUE_IDS:
            raise broken(pos, "the extensions expected, another field found")
        pos = element.next
    return found


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
