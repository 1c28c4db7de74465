"""Conditional requests: which of a file's answers a client gets (RFC 9110 sections 13 and 14).

PURE.

Rules:

1. The order is If-Match, If-None-Match, then Range with If-Range. They are asked only of a file that is there.
2. If-Match and If-Range compare strongly, so a weak tag never matches; If-None-Match compares weakly.
3. If-Modified-Since and If-Unmodified-Since, and a date in If-Range, say nothing: as in CUCM no answer has a date of
   change, and where there is none these are to be ignored.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

_TAG = re.compile(rb'[ \t,]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)')
_ANY: Final = b"*"


class Choice(Enum):
    """Which answer."""

    WHOLE = auto()
    PART = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


def choose(tag: bytes, if_match: bytes, if_none_match: bytes, if_range: bytes) -> Choice:
    """Return which answer a client gets; a part only if it asks for one.

    Args:
        tag: The file's entity tag, empty if it has none.
        if_match: Its If-Match field, empty if there is none.
        if_none_match: The same.
        if_range: The same.
    """
    if if_match and not _names(if_match, tag, weak=False):
        return Choice.FAILED
    if if_none_match and _names(if_none_match, tag, weak=True):
        return Choice.NOT_MODIFIED
    return Choice.WHOLE if if_range and if_range.strip() != (tag or None) else Choice.PART


def _names(field: bytes, tag: bytes, *, weak: bool) -> bool:
    """Tell whether a list of tags has the file's."""
    if field.strip() == _ANY:
        return True
    position = 0
    while match := _TAG.match(field, position):
        position = match.end()
        named = match[1].removeprefix(b"W/") if weak else match[1]
        if tag and named == tag:
            return True
    return False
