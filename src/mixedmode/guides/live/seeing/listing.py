"""What ``show ctl`` printed, as far as procedures ask: PURE.

The layout is that of the seed's transcripts (docs/specification/cucm-admin.md 1.1). Certificates are known by the hash
that is printed of them; whoever holds the certificates says which they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mixedmode.procedures.facts import ListFacts
from mixedmode.procedures.reading import shown_list

_LENGTH: Final = re.compile(r"^\s*Length of CTL file: *(\d+)")
_RECORD: Final = re.compile(r"^\s*CTL Record #: *\d+")
_ROW: Final = re.compile(r"^(\d{1,2})\s+([A-Z]{3,})\s+(\d+)\s*(.*?)\s*$")
"""A name has more than the two letters of a hash's byte: a hash goes on in the next line, perhaps ``64 BD 20 ...``."""
_SERIAL: Final = re.compile(r"(?:[0-9A-Fa-f]{2}:)+[0-9A-Fa-f]{2}")
_HASH: Final = re.compile(r"(?:[0-9A-F]{2} +)*[0-9A-F]{2} *(?:\(SHA1 Hash HEX\))? *$")
_NONE: Final = "CTL File not found"
_SIGNED: Final = "This etoken was used to sign"
_SERVERS: Final = ("CCM", "CCM+TFTP")


@dataclass(frozen=True, slots=True)
class ListedRecord:
    """A record.

    Attributes:
        function: Such as ``CCM+TFTP``.
        serial: Of its certificate, upper hex without colons; empty without one.
        sha1: Of its certificate, lower hex; empty without one.
        signed: Whether it says that it signed the file.
    """

    function: str
    serial: str
    sha1: str
    signed: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing.

    Attributes:
        md5: Of the file, None if there is none.
        sha1: Of the file, None if there is none.
        length: Of the file.
        verified: Whether the node says that its signature holds.
        none: Whether the node says that there is no file.
        signer_serial: As the header names it, upper hex without colons; empty if it is not shown.
        records: In order.
    """

    md5: str | None
    sha1: str | None
    length: int
    verified: bool
    none: bool
    signer_serial: str
    records: tuple[ListedRecord, ...]

    def facts(self, sha256_of: Callable[[str], str | None]) -> ListFacts | None:
        """Return it as the facts of a list, None if there is no file.

        Args:
            sha256_of: Knows certificates by their SHA-1. One that nobody knows gets a name that is no hash.
        """
        if self.md5 is None or self.sha1 is None:
            return None

        def name(record: ListedRecord) -> str:
            return sha256_of(record.sha1) or f"sha1:{record.sha1}"

        signers = [name(each) for each in self.records if each.signed and each.sha1]
        signer = self.signer_serial or next((each.serial for each in self.records if each.signed), "")
        return ListFacts(
            self.md5,
            self.sha1,
            self.length,
            signer or None,
            signers[0] if self.verified and signers else None,
            frozenset(name(each) for each in self.records if each.sha1),
            sum(each.function in _SERVERS and bool(each.sha1) for each in self.records),
        )


def read_listing(said: Sequence[str]) -> Listing:
    """Read what ``show ctl`` printed; what is no listing has neither checksums nor records."""
    flat = [line.strip() for line in said]
    shown = shown_list(flat)
    lengths = (found[1] for line in flat if (found := _LENGTH.match(line)))
    parts: list[list[str]] = [[]]
    for line in flat:
        if _RECORD.match(line):
            parts.append([])
        else:
            parts[-1].append(line)
    none = any(line.startswith(_NONE) for line in flat)
    return Listing(
        None if none else shown.md5,
        None if none else shown.sha1,
        int(next(lengths, "0")),
        shown.verified,
        none,
        _value(parts[0], "SERIALNUMBER", _SERIAL).replace(":", "").upper(),
        tuple(_record(each) for each in parts[1:]),
    )


def _record(lines: Sequence[str]) -> ListedRecord:
    digest = _value(lines, "CERTIFICATE", _HASH).replace("(SHA1 Hash HEX)", "").replace(" ", "").lower()
    return ListedRecord(
        _value(lines, "FUNCTION", re.compile(r"\S.*")),
        _value(lines, "SERIALNUMBER", _SERIAL).replace(":", "").upper(),
        digest if len(digest) == 40 else "",
        any(line.startswith(_SIGNED) for line in lines),
    )


def _value(lines: Sequence[str], name: str, wanted: re.Pattern[str]) -> str:
    """Return a row's value, from its own line and those below that belong to it; empty if there is none."""
    found, inside = "", False
    for line in lines:
        row = _ROW.match(line)
        if row is not None:
            inside = row[2] == name
            text = row[4]
        else:
            text = line
        if inside and (text == "" or wanted.fullmatch(text)):
            found = f"{found} {text}".strip()
        elif row is None and inside:
            inside = False
    return found
