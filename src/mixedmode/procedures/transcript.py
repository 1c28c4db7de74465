"""A rehearsal's transcript without what varies from run to run, so that pages can carry it and tests compare it.

Rules:

1. Checksums and serial numbers get a name each, in the order in which they appear: equal ones stay equal.
2. Times, dates, line numbers, ports and the lab's network become a form of themselves, as wide as they were.
3. Signatures, certificates and hashes of certificates become ``[...]``, as the seed prints what it leaves out.
4. A record's length is left out where an address, whose length varies, is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

LEFT_OUT: Final = "[...]"
_PEM_END: Final = "-----END CERTIFICATE-----"
_SIGNATURE_ROW: Final = re.compile(r"(?:[0-9a-f]{1,2} *){8}")
_HASH_ROW: Final = re.compile(r"(?:[0-9A-F]{2} ){3,}[0-9A-F]{2}")
_CHECKSUM: Final = re.compile(r"\b[0-9a-f]{32,40}(?=\((MD5|SHA1)\))")
_SERIAL: Final = re.compile(r"\b(?:[0-9A-F]{2}:){9,}[0-9A-F]{2}\b|(?<=: )(?:[0-9A-F]{2}){10,}(?=CN=|cn=|$)")
_ADDRESS: Final = re.compile(r"\b127\.0\.\d+\.(\d+)(:\d+)?( {2,})?")
_FORMS: Final = (
    (re.compile(r"^\d+(?=: NOT )"), "NN"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{6}"), "hh:mm:ss.uuuuuu"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}"), "hh:mm:ss.mmm"),
    (re.compile(r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \d{4}"), "Ddd Mmm DD hh:mm:ss ZZZ YYYY"),
    (re.compile(r"\b\d\d/\d\d/\d{4} \d\d:\d\d:\d\d"), "MM/DD/YYYY hh:mm:ss"),
    (re.compile(r"\bCAPF-[0-9a-f]{8}\b"), "CAPF-xxxxxxxx"),
    (re.compile(r"\b0x[0-9a-f]+\b"), "0x........"),
)
_RECORD_LENGTH: Final = re.compile(r"^(1       RECORDLENGTH    2       )\d+")
_ADDRESS_NAME: Final = re.compile(r"^(2       DNSNAME         )\d+( +127\.)")
_TOTAL: Final = re.compile(r"^(Length of CTL file: )\d+")


def normalised(transcript: Iterable[str]) -> list[str]:
    """Return the lines without what varies."""
    lines = _without_lengths(list(_without_bytes(transcript)))
    names: dict[str, str] = {}
    return [_named(_formed(line), names).rstrip() for line in lines]


def _without_bytes(transcript: Iterable[str]) -> Iterable[str]:
    """Yield the lines, without the bytes of signatures and certificates (rule 3)."""
    inside, last = False, ""
    for line in transcript:
        if inside and line != _PEM_END:
            continue
        inside = line == "-----BEGIN CERTIFICATE-----"
        shown = LEFT_OUT if _SIGNATURE_ROW.fullmatch(line.rstrip()) else _HASH_ROW.sub(LEFT_OUT, line)
        if shown == last == LEFT_OUT:
            continue
        yield shown
        last = shown
        if inside:
            yield LEFT_OUT


def _without_lengths(lines: list[str]) -> list[str]:
    """Leave out the lengths that an address makes vary (rule 4)."""
    total = record = -1
    for at, line in enumerate(lines):
        if _TOTAL.match(line):
            total = at
        elif _RECORD_LENGTH.match(line):
            record = at
        elif _ADDRESS_NAME.match(line):
            lines[at] = _ADDRESS_NAME.sub(r"\1nn\2", line)
            lines[record] = _RECORD_LENGTH.sub(r"\1nnnn", lines[record])
            lines[total] = _TOTAL.sub(r"\1nnnn", lines[total])
    return lines


def _formed(line: str) -> str:
    for pattern, form in _FORMS:
        line = pattern.sub(form, line)
    return _ADDRESS.sub(_address, line)


def _address(found: re.Match[str]) -> str:
    """Return an address of network 127.0.0, in a table's column as wide as before (rule 2)."""
    text = f"127.0.0.{found[1]}{':port' if found[2] else ''}"
    return text.ljust(len(found[0])) if found[3] else text


def _named(line: str, names: dict[str, str]) -> str:
    """Put names in the place of checksums and serial numbers (rule 1)."""

    def checksum(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"<{found[1]} {_count(names, found[1])}>")

    def serial(found: re.Match[str]) -> str:
        return names.setdefault(found[0].replace(":", ""), f"<serial {_count(names, 'serial')}>")

    return _SERIAL.sub(serial, _CHECKSUM.sub(checksum, line))


def _count(names: dict[str, str], kind: str) -> int:
    return 1 + sum(name.startswith(f"<{kind} ") for name in names.values())
