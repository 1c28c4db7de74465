"""Reads ``show ctl`` and ``show itl`` back, line by line, whatever a terminal, a mail or a document did to them.

Rules:

1. A row is a number, one of CUCM's names, a length, a value. Blanks are no matter; a value, or a length, that went to
   the next line is taken from there.
2. Every length counts a text's closing NUL: a value that is too short goes on in the next line, with or without a blank
   between, as the length says. A token's run of blanks that was made one becomes as long again as the length says.
3. What stands between the lines of a listing (page numbers, blank lines, prompts of a pager) is passed over; forty such
   lines in a row end it, and so does a prompt, a verdict or a new listing.
4. Nothing is guessed: what is not shown stays None.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from mixedmode.numbers import whole_number
from mixedmode.trustlist.pasted.values import ShownList, ShownRecord
from mixedmode.trustlist.roles import HEADER_NAMES, MAX_RECORDS, RECORD_NAMES, Role

_NAMES: Final = sorted({*HEADER_NAMES.values(), *RECORD_NAMES.values()}, key=len, reverse=True)
_NAME: Final = "|".join(_NAMES)
_ROW: Final = re.compile(rf"\s*[0-9]{{1,2}}\s+({_NAME})\b(?:\s+([0-9]{{1,6}})(?:\s+(\S.*))?)?\s*$")
_LENGTH_FIRST: Final = re.compile(r"\s*([0-9]{1,6})(?:\s+(\S.*))?$")
_PROMPT: Final = re.compile(r"\s*admin:\s*(.*)$", re.IGNORECASE)
_CHECKSUM: Final = re.compile(r"\s*The checksum value of the ([CI]TL) file", re.IGNORECASE)
_FILE_LENGTH: Final = re.compile(r"\s*Length of ([CI]TL) file\s*:\s*([0-9]{1,9})?", re.IGNORECASE)
_MODIFIED: Final = re.compile(r"\s*The ([CI]TL) File was last modified on\s*(.*)$", re.IGNORECASE)
_PARSE: Final = re.compile(r"\s*Parse ([CI]TL) File", re.IGNORECASE)
_RECORD: Final = re.compile(r"\s*([CI]TL) Record #\s*:?\s*([0-9]{1,5})", re.IGNORECASE)
_HASH: Final = re.compile(r"([0-9a-fA-F]{32}|[0-9a-fA-F]{40})\s*\((MD5|SHA-?1)\)", re.IGNORECASE)
_VERSION: Final = re.compile(r"\s*Version\s*:\s*([0-9]{1,3}\.[0-9]{1,3})\s*$", re.IGNORECASE)
_HEADER_LENGTH: Final = re.compile(r"\s*HeaderLength\s*:\s*([0-9]{1,6})", re.IGNORECASE)
_SIGNED: Final = re.compile(r"\s*This etoken was (not )?used to sign the ([CI]TL)", re.IGNORECASE)
_VERIFIED: Final = re.compile(r"\s*The ([CI]TL) file was verified succ", re.IGNORECASE)
_FAILED: Final = re.compile(r"\s*Verification of the ([CI]TL)(?:/[CI]TL)? file failed", re.IGNORECASE)
_LEFT_OUT: Final = re.compile(r"\s*\[\.{2,3}\]\s*$")
_BYTES: Final = re.compile(r"\s*[0-9a-f]{1,2}(?:\s+[0-9a-f]{1,2}){0,15}\s*$")
_NOT_HEX: Final = re.compile(r"[^0-9A-Fa-f]")
_HEX: Final = re.compile(r"[0-9A-Fa-f: ]+(?:\(.*)?$")
_NOISE: Final = re.compile(
    r"\s*(?:[0-9]{1,3}\.|\u2022|-{3,}|<#root>|BYTEPOS\s+TAG\b.*|-{3,}\s+-{3}.*|[Pp]ress <.*|-- ?[Mm]ore ?--.*"
    r"|\[\.{2,3}\])?\s*$"
)
_PIECES: Final = re.compile(
    rf"(?<=\S)\s+(?=[0-9]{{1,2}}\s+(?:{_NAME})\s+[0-9])"
    r"|(?<=\S)\s+(?=[CI]TL Record #|This etoken was|The [CI]TL [Ff]ile was"
    r"|Length of [CI]TL|Parse [CI]TL|Version:|HeaderLength:|BYTEPOS\s)"
)
_TOKEN_BLANKS: Final = re.compile(r" +(?=\";)")
_VALUES: Final = frozenset(
    {
        "DNSNAME", "SUBJECTNAME", "FUNCTION", "ISSUERNAME", "SERIALNUMBER", "CERTIFICATE", "SIGNERNAME", "CANAME",
        "SIGNERVERSION", "RECORDLENGTH",
    }
)  # fmt: skip
_ROLES: Final = {"".join(role.function_text.split()).upper(): role.function_text for role in Role}
_TEXTS: Final = frozenset({"DNSNAME", "SUBJECTNAME", "ISSUERNAME", "SIGNERNAME", "CANAME"})
_SHA1_BYTES: Final = 20
_MOST_NOISE: Final = 40
_LONGEST: Final = 1024
"""Characters of a value."""
_WAIT: Final = 12
"""Lines that a value may be late."""


def pieces(text: str) -> list[str]:
    """Return the lines of a listing whose line ends were lost; other lines as they are."""
    if len(text) < 120 or (text.count("  ") < 2 and "#" not in text):
        return [text]
    return _PIECES.split(text)


class ListingReader:
    """Finds listings in lines; finished ones are in :attr:`found`."""

    def __init__(self) -> None:
        self.found: list[ShownList] = []
        self._list: ShownList | None = None
        self._record: ShownRecord | None = None
        self._name = ""
        self._length: int | None = None
        self._parts: list[str] = []
        self._waited = 0
        self._noise = 0
        self._in_modified = False

    def feed(self, number: int, text: str) -> bool:
        """Take a line; return whether it belongs to a listing."""
        if self._list is None and "TL " not in text and "tl " not in text:
            return False
        split = pieces(text)
        if len(split) == 1:
            return self._line(number, text)
        return bool(sum([self._line(number, each) for each in split]))

    def end(self) -> None:
        """Take the end of the text."""
        self._finish()

    def _line(self, number: int, text: str) -> bool:
        if self._heading(number, text):
            return True
        if self._list is None:
            return False
        taken = self._inside(number, text)
        if taken:
            self._noise = 0
            if self._list is not None:
                self._list.last = number
        elif _PROMPT.match(text):
            self._finish()
        else:
            self._noise += 1
            if self._noise > _MOST_NOISE:
                self._finish()
            return _NOISE.match(text) is not None
        return taken

    def _heading(self, number: int, text: str) -> bool:
        """Take a line that begins a listing, or a part of one."""
        if (found := _CHECKSUM.match(text)) is not None:
            self._begin(found[1], number)
            self._hashes(text)
            return True
        if (found := _FILE_LENGTH.match(text)) is not None:
            if found[2] is not None and not int(found[2]):
                self._finish()
                return False
            current = self._of(found[1], number, new=self._list is not None and self._list.length is not None)
            current.length = int(found[2]) if found[2] else None
        elif (found := _PARSE.match(text)) is not None:
            self._of(found[1], number, new=self._list is not None and self._list.version is not None)
        elif (found := _RECORD.match(text)) is not None:
            self._begin_record(found[1], int(found[2]), number)
        else:
            return False
        self._list_or_new(number).last = number
        return True

    def _begin_record(self, kind: str, count: int, number: int) -> None:
        numbers = [each.number for each in self._list.records] if self._list is not None else []
        current = self._of(kind, number, new=bool(numbers) and count <= numbers[-1])
        self._settle()
        self._record = ShownRecord(count, number)
        if len(current.records) < MAX_RECORDS:
            current.records.append(self._record)

    def _inside(self, number: int, text: str) -> bool:
        current = self._list
        if current is None:
            return False
        if self._row(number, text) or self._late_value(text):
            return True
        if _LEFT_OUT.match(text):
            current.left_out = True
            return True
        if (found := _SIGNED.match(text)) is not None:
            self._settle()
            if self._record is not None:
                self._record.signed = found[1] is None
            return True
        if _VERIFIED.match(text) or _FAILED.match(text):
            current.verified = _VERIFIED.match(text) is not None
            current.last = number
            self._finish()
            return True
        return self._head(current, text)

    def _head(self, current: ShownList, text: str) -> bool:
        if self._hashes(text):
            return True
        if (found := _MODIFIED.match(text)) is not None:
            current.modified = found[2].strip()[:64] or None
        elif (found := _VERSION.match(text)) is not None:
            current.version = found[1]
        elif (found := _HEADER_LENGTH.match(text)) is not None:
            current.header_length = int(found[1])
        else:
            return False
        return True

    def _hashes(self, text: str) -> bool:
        found = _HASH.findall(text)
        for digest, name in found:
            if self._list is not None:
                if name.upper() == "MD5" and len(digest) == 32:
                    self._list.md5 = digest.lower()
                elif len(digest) == 40:
                    self._list.sha1 = digest.lower()
        return bool(found)

    def _row(self, number: int, text: str) -> bool:
        found = _ROW.match(text)
        if found is None:
            return False
        self._settle()
        self._name = found[1]
        self._length = int(found[2]) if found[2] else None
        self._parts = [found[3].strip()[:_LONGEST]] if found[3] else []
        self._waited = 0
        if self._name == "RECORDLENGTH" and self._record is not None and self._record.length is not None:
            # A row that begins a record whose heading was lost.
            kind = self._list.kind if self._list is not None else "CTL"
            self._settled_record(kind, number)
        self._when_full()
        return True

    def _settled_record(self, kind: str, number: int) -> None:
        last = self._record.number if self._record is not None else 0
        name, length, parts = self._name, self._length, self._parts
        self._name = ""
        self._begin_record(kind, last + 1, number)
        self._name, self._length, self._parts = name, length, parts

    def _late_value(self, text: str) -> bool:
        """Take a line as what a row's value, or length, goes on with (rules 1 and 2)."""
        if not self._name:
            return False
        if self._name == "SIGNATURE" and self._record is None:
            return self._signature(text)
        bare = text.strip()
        if not bare or _NOISE.match(text):
            self._waited += 1
            if self._waited > _WAIT:
                self._settle()
            return True
        return not self._is_other(bare) and self._value(bare)

    def _signature(self, text: str) -> bool:
        if self._list is None or not _BYTES.match(text) or self._full_signature():
            return False
        self._list.signature += "".join(f"{int(each, 16):02x}" for each in text.split())
        return True

    def _value(self, text: str) -> bool:
        """Take a line as the length or the value that the open row lacks, if it may be that."""
        if self._length is None:
            found = _LENGTH_FIRST.match(text)
            if found is None:
                self._settle()
                return False
            self._length = int(found[1])
            self._parts = [found[2].strip()[:_LONGEST]] if found[2] else []
        elif self._wants(text):
            self._parts.append(text[:_LONGEST])
        else:
            return False
        self._when_full()
        return True

    @staticmethod
    def _is_other(text: str) -> bool:
        return any(each.match(text) for each in (_SIGNED, _VERIFIED, _FAILED, _PROMPT, _VERSION, _LEFT_OUT, _MODIFIED))

    def _wants(self, text: str) -> bool:
        """Return whether the open row still lacks something that this may be."""
        if self._name not in _VALUES or len(self._parts) > 8:
            return False
        joined = "".join(self._parts)
        if self._name in _TEXTS:
            return self._length is not None and len(joined) + 1 < self._length
        if self._name == "CERTIFICATE":
            return len(_hex(self._parts)) < 2 * _SHA1_BYTES and _HEX.match(text) is not None
        if self._name == "SERIALNUMBER":
            return _HEX.match(text) is not None and len(_hex(self._parts)) < 2 * (self._length or 0)
        bare = "".join(joined.split()).upper()
        return not bare or (self._name == "FUNCTION" and any(each.startswith(bare) and each != bare for each in _ROLES))

    def _when_full(self) -> None:
        """Settle a row that lacks nothing more."""
        if self._length is None or (self._name == "SIGNATURE" and self._record is None):
            return
        if self._name not in _VALUES or (self._name in _TEXTS and self._length <= 1):
            self._settle()

    def _full_signature(self) -> bool:
        current = self._list
        return current is not None and self._length is not None and len(current.signature) >= 2 * self._length

    def _settle(self) -> None:
        """Write the open row down."""
        name, length, parts = self._name, self._length, self._parts
        self._name, self._length, self._parts, self._waited = "", None, [], 0
        if not name or self._list is None:
            return
        if self._record is None:
            _set_header(self._list, name, length, parts)
        else:
            _set_record(self._record, name, length, parts)

    def _of(self, kind: str, number: int, *, new: bool) -> ShownList:
        """Return the listing that a line belongs to: the open one, or a new one."""
        if new or self._list is None or self._list.kind != kind.upper():
            return self._begin(kind, number)
        return self._list

    def _list_or_new(self, number: int) -> ShownList:
        return self._list if self._list is not None else self._begin("CTL", number)

    def _begin(self, kind: str, number: int) -> ShownList:
        self._finish()
        self._list = ShownList(kind.upper(), number, number)
        return self._list

    def _finish(self) -> None:
        self._settle()
        if self._list is not None and self._list.says_anything:
            self.found.append(self._list)
        self._list, self._record, self._noise = None, None, 0


def _set_header(current: ShownList, name: str, length: int | None, parts: list[str]) -> None:
    if name == "SIGNERNAME":
        current.signer_name = _text(parts, length)
    elif name == "CANAME":
        current.signer_issuer = _text(parts, length)
    elif name == "SERIALNUMBER":
        current.signer_serial = _serial(parts)
    elif name == "SIGNERVERSION":
        current.signer_version = " ".join(parts) or None
    elif name == "SIGNATURE":
        current.signature_length = length


def _set_record(record: ShownRecord, name: str, length: int | None, parts: list[str]) -> None:
    if length is not None:
        record.lengths[name] = length
    if name == "RECORDLENGTH":
        record.length = whole_number("".join(parts)[:6])
    elif name == "DNSNAME":
        record.dns_name = _text(parts, length)
    elif name == "SUBJECTNAME":
        record.subject = _text(parts, length)
    elif name == "ISSUERNAME":
        record.issuer = _text(parts, length)
    elif name == "FUNCTION":
        bare = "".join("".join(parts).split()).upper()
        record.function = _ROLES.get(bare) or " ".join(" ".join(parts).split()) or None
    elif name == "SERIALNUMBER":
        record.serial = _serial(parts)
    elif name == "CERTIFICATE":
        digest = _hex(parts).lower()[: 2 * _SHA1_BYTES]
        record.certificate_sha1 = digest if len(digest) == 2 * _SHA1_BYTES else None


def _text(parts: list[str], length: int | None) -> str:
    """Return a text whose pieces stood on several lines (rule 2)."""
    joined = "".join(parts)
    if length is None or len(joined) + 1 == length:
        return joined
    for blanks in itertools.product(("", " "), repeat=min(max(len(parts) - 1, 0), 6)):
        apart = (
            parts[0] + "".join(blank + part for blank, part in zip(blanks, parts[1:], strict=False)) if parts else ""
        )
        if len(apart) + 1 == length:
            return apart
    missing = length - 1 - len(joined)
    if 0 < missing < 64 and len(_TOKEN_BLANKS.findall(joined)) == 1:
        return _TOKEN_BLANKS.sub(lambda found: found[0] + " " * missing, joined)
    return joined


def _hex(parts: list[str]) -> str:
    """Return the hex digits of a value, which may have been broken anywhere."""
    return _NOT_HEX.sub("", "".join(parts).split("(")[0])


def _serial(parts: list[str]) -> str | None:
    found = _hex(parts)
    return ":".join(found[at : at + 2] for at in range(0, len(found), 2)).upper() if found else None


def read_listings(lines: list[str]) -> list[ShownList]:
    """Return the listings in these lines, numbered from 1."""
    reader = ListingReader()
    for number, line in enumerate(lines, 1):
        reader.feed(number, line)
    reader.end()
    return reader.found
