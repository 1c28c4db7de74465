"""What a file is whose header begins as a trust list's does: version and name in the header tell.

Seen versions: 1.2 trust lists; 1.0 ``.sgn`` files, 1.1 the firmware that Cisco signs (``.loads``, ``.sbn``, ``.sgn``);
2.0 ``.enc.sgn`` files (wire-formats.md 1.1, 2, 3). A 7821 that knew list versions up to 1.1 read 1.2 all the same
(phone-trust.md 2.3), so other minor versions are read too. A list is known by its name, ``CTL....tlv`` or
``ITL....tlv``; from version 1.2 on also by the record that follows its header, or by having no name.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from mixedmode.errors import MalformedError

if TYPE_CHECKING:
    from mixedmode.trustlist.header import Header

CTL_FILE = "CTLFile.tlv"
ITL_FILE = "ITLFile.tlv"
"""The names in headers, and of the files that nodes serve."""
LIST_VERSION = (1, 2)
_RECORD = b"\x01\x00\x02"
_BINARY = b"\x01\x00"
_LIST_NAME = re.compile(r"(?:.*/)?[CI]TL[^/]*\.tlv", re.IGNORECASE)


class FileKind(Enum):
    """The kinds of files that share the header."""

    TRUST_LIST = "a trust list"
    SIGNED = "a signed file"
    ENCRYPTED = "an encrypted and signed file"
    UNKNOWN = "a file of an unknown kind"


def looks_described(data: bytes) -> bool:
    """Return whether bytes are text, so that they may describe a list; a list's own bytes begin with its version."""
    return not data.startswith(_BINARY) and bool(data.strip())


def looks_json(data: bytes) -> bool:
    """Return whether a text may be JSON of one thing, as the description of a list is."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def names_list(name: str) -> bool:
    """Return whether a header's file name is a trust list's."""
    return _LIST_NAME.fullmatch(name) is not None


def kind_of(header: Header) -> FileKind:
    """Return what a file is."""
    major, minor = header.version
    if major == 2:
        return FileKind.ENCRYPTED
    if major != 1:
        return FileKind.UNKNOWN
    name = header.filename
    is_list = name is not None and names_list(name)
    if minor >= LIST_VERSION[1]:
        is_list = is_list or name is None or header.data.startswith(_RECORD, header.length)
    return FileKind.TRUST_LIST if is_list else FileKind.SIGNED


def not_a_list(header: Header) -> MalformedError:
    """Make the error for a file that is whole, but no trust list."""
    kind = kind_of(header)
    named = f", {header.filename!r}" if header.filename else ""
    if kind is FileKind.UNKNOWN:
        major, minor = header.version
        return MalformedError(
            f"a header of version {major}.{minor} is of no kind that is known",
            offset=3,
            code="version",
            next_step="trust lists have version 1.2, signed files 1.0 or 1.1, encrypted ones 2.0",
        )
    return MalformedError(
        f"this is {kind.value} (version {'.'.join(map(str, header.version))}{named}), not a trust list",
        offset=3,
        code="signed_file",
        next_step="mixedmode show describes it; mixedmode open-config FILE --trust LIST checks and opens it",
    )
