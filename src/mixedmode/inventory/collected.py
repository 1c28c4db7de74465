"""The phones of a collected inventory (``mixedmode inventory collect``), and the lists that came with it.

Rules:

1. Its first line has what is known of the cluster; each phone has a line, and is read as a row of a JSON inventory.
2. The lists that its nodes served explain the hashes that its phones hold.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from mixedmode.errors import MalformedError
from mixedmode.inventory.json_array import JsonArray
from mixedmode.inventory.library import Library
from mixedmode.inventory.sources import texts
from mixedmode.live.document import MARK, PHONES, check_schema
from mixedmode.trustlist.roles import MAX_FILE

_BEGINS: Final = re.compile(rb'[\s\xef\xbb\xbf]*\{\s*"' + MARK.encode() + rb'"')
_LONGEST_HEAD: Final = 256 << 20


def is_collected(head: bytes) -> bool:
    """Return whether a file that begins so is a collected inventory."""
    return _BEGINS.match(head) is not None


def collected_phones(source: io.BufferedReader, name: str, library: Library) -> Iterator[Any]:
    """Take in the lists, and yield the phones as objects.

    Args:
        source: The file.
        name: Of the file, for messages.
        library: Where hashes are looked up; what nodes served is added.

    Raises:
        MalformedError: It is not what it says.
    """
    first = source.readline(_LONGEST_HEAD)
    try:
        text = first.decode().rstrip("\r\n")
        if not text.endswith(PHONES):
            yield from _whole(first + source.read(_LONGEST_HEAD), library)
            return
        _take_lists(json.loads(f"{text}]}}"), library)
    except (ValueError, RecursionError) as error:
        raise MalformedError("the collected inventory's first line is no JSON", where=name, why=str(error)) from error
    except MalformedError as error:
        raise error.located(name) from error
    yield from map(_row, JsonArray(_array(texts(source, name)), name).elements())


def _whole(data: bytes, library: Library) -> Iterator[Any]:
    """Read a file that somebody wrote anew: valid, but not by lines."""
    document = json.loads(data)
    _take_lists(document, library)
    phones = document.get("phones")
    if not isinstance(phones, list):
        raise MalformedError("the collected inventory has no phones")
    yield from map(_row, phones)


def _row(phone: Any) -> Any:
    """Return a phone without what no inventory has a column for."""
    if isinstance(phone, dict):
        phone.pop("values", None)
    return phone


def _take_lists(document: Any, library: Library) -> None:
    check_schema(document)
    files = document.get("files")
    for each in files if isinstance(files, list) else ():
        data = each.get("data") if isinstance(each, dict) else None
        if isinstance(data, str) and str(each.get("name", "")).endswith(".tlv"):
            try:
                found = base64.b64decode(data, validate=True)
            except (binascii.Error, ValueError) as error:
                raise MalformedError(f"the data of the file {each.get('name')} is no base64") from error
            if len(found) <= MAX_FILE:
                library.add(found)


def _array(parts: Iterator[str]) -> Iterator[str]:
    """Yield the text of the array alone: its bracket stands in the first line, and an object's end follows it."""
    yield "["
    held = ""
    for part in parts:
        if held.strip():
            yield held
            held = ""
        body = part.rstrip()
        if body.endswith("}"):
            # Only the last of all braces is not a phone's; nobody knows yet whether this is it.
            yield body[:-1]
            held = "}"
        elif body or not held:
            yield part
    if held != "}":
        yield held
