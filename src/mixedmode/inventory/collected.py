"""The phones of a collected inventory (``mixedmode inventory collect``), and the lists that came with it.

Rules:

1. Its first line has what is known of the cluster; each phone has a line, and is read as a row of a JSON inventory.
2. The lists that its nodes served explain the hashes that its phones hold.
3. From 14 on a cluster may reset phones by itself when a certificate changes; then an upload alone starts it all. A
   forecast has to say so (docs/specification/live-cluster.md 5.3).
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from mixedmode.errors import MalformedError
from mixedmode.inventory.json_array import JsonArray
from mixedmode.inventory.library import Library
from mixedmode.inventory.sources import texts
from mixedmode.json_reader import read_json
from mixedmode.live.document import MARK, PHONES, check_schema
from mixedmode.trustlist.roles import MAX_FILE

_BEGINS: Final = re.compile(rb'[\s\xef\xbb\xbf]*\{\s*"' + MARK.encode() + rb'"')
_LONGEST_HEAD: Final = 256 << 20
_RELEASE: Final = re.compile(r"([0-9]{1,2})\.")
_FIRST: Final = 14
_INTERACTION: Final = "Phone Interaction on Certificate Update"
_RESETS: Final = (
    "resets phones by itself when a TVS, CAPF or TFTP (CallManager) certificate changes: the upload alone starts it"
)


def is_collected(head: bytes) -> bool:
    """Return whether a file that begins so is a collected inventory."""
    return _BEGINS.match(head) is not None


def collected_phones(
    source: io.BufferedReader, name: str, library: Library, remark: Callable[[str], None] = lambda _text: None
) -> Iterator[Any]:
    """Take in the lists, and yield the phones as objects.

    Args:
        source: The file.
        name: Of the file, for messages.
        library: Where hashes are looked up; what nodes served is added.
        remark: Is told what a forecast has to say of the cluster.

    Raises:
        MalformedError: It is not what it says.
    """
    first = source.readline(_LONGEST_HEAD)
    try:
        text = first.decode().rstrip("\r\n")
        if not text.endswith(PHONES):
            yield from _whole(first + source.read(_LONGEST_HEAD), library, remark)
            return
        head = read_json(f"{text}]}}")
        _take_lists(head, library)
        _remark(head, remark)
    except (ValueError, RecursionError) as error:
        raise MalformedError("the collected inventory's first line is no JSON", where=name, why=str(error)) from error
    except MalformedError as error:
        raise error.located(name) from error
    yield from map(_row, JsonArray(_array(texts(source, name)), name).elements())


def _whole(data: bytes, library: Library, remark: Callable[[str], None]) -> Iterator[Any]:
    """Read a file that somebody wrote anew: valid, but not by lines."""
    document = read_json(data)
    _take_lists(document, library)
    _remark(document, remark)
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


def _remark(head: Any, remark: Callable[[str], None]) -> None:
    """Tell what the cluster does by itself when a certificate changes (rule 3)."""
    parameters = {str(each.get("name", "")): str(each.get("value", "")) for each in _items(head, "parameters")}
    value = next((value for name, value in parameters.items() if _is_interaction(name)), None)
    if value is None:
        releases = [_RELEASE.match(str(each.get("version", ""))) for each in _items(head, "nodes")]
        if any(found and int(found[1]) >= _FIRST for found in releases):
            remark(f"{_INTERACTION} was not read: by default the cluster {_RESETS}")
    elif "auto" in value.lower():
        remark(f"{_INTERACTION} is automatic: the cluster {_RESETS}")
    elif "manual" in value.lower():
        remark(f"{_INTERACTION} is manual: the cluster resets no phone when a certificate changes; somebody has to")
    else:
        remark(f"{_INTERACTION} is {value[:64]!r}; if that means automatic, the cluster {_RESETS}")


def _is_interaction(name: str) -> bool:
    bare = "".join(name.lower().split())
    return "interaction" in bare and "certificate" in bare


def _items(head: Any, name: str) -> list[dict[str, Any]]:
    listed = head.get(name) if isinstance(head, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


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
