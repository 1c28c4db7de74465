"""A list that somebody describes in place of giving its bytes: a pasted listing, or the JSON of one.

The JSON is what ``explain --listing-out`` writes, or ``show --json``: both have the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mixedmode.errors import MalformedError
from mixedmode.json_reader import read_json
from mixedmode.trustlist.kinds import looks_json
from mixedmode.trustlist.pasted.reading import read_listings
from mixedmode.trustlist.pasted.text import Lines
from mixedmode.trustlist.pasted.values import ShownList
from mixedmode.trustlist.roles import MAX_RECORDS

_TEXTS: Final = ("kind", "md5", "sha1", "sha256", "version", "signer_version", "digest", "filename", "timestamp")
_NUMBERS: Final = ("header_length", "length", "signature_length")
_RECORD_TEXTS: Final = (
    "dns_name", "subject", "function", "role", "issuer", "serial", "certificate_sha1", "certificate_sha256",
    "certificate_hash", "not_before", "not_after", "key", "ip_address",
)  # fmt: skip
_RECORD_NUMBERS: Final = ("length", "public_key_length", "signature_length", "certificate_length")
_SIGNER: Final = ("name", "issuer", "serial")


def described(data: bytes, lines: list[str]) -> dict[str, Any] | None:
    """Return the description that a text holds, in the form of ``show --json``; None if it holds none.

    Args:
        data: The bytes, for JSON.
        lines: The same as clean lines, for a listing; of several listings the last counts.

    Raises:
        MalformedError: It is JSON of something else, or of a list with fields of the wrong kind.
    """
    if looks_json(data):
        return from_json(data)
    found = read_listings(lines)
    return found[-1].document() if found else None


def all_described(data: bytes) -> list[dict[str, Any]]:
    """Return every description that a text holds, as :func:`described` returns the last.

    Raises:
        MalformedError: See there.
    """
    if looks_json(data):
        return [from_json(data)]
    return [each.document() for each in read_listings([text for _, text in Lines()([data])])]


def last_listing(lines: list[str]) -> ShownList | None:
    """Return the last listing in these lines, None if there is none."""
    found = read_listings(lines)
    return found[-1] if found else None


def from_json(data: bytes) -> dict[str, Any]:
    """Return a description from its JSON.

    Raises:
        MalformedError: It is no JSON, or not of a list.
    """
    try:
        read = read_json(data)
    except (ValueError, RecursionError) as error:
        raise MalformedError("this is no JSON", why=str(error), code="json") from error
    if (
        not isinstance(read, dict)
        or read.get("kind") not in {"CTL", "ITL"}
        or not isinstance(read.get("records"), list)
    ):
        raise MalformedError(
            "this JSON describes no trust list",
            code="json",
            next_step="mixedmode explain --listing-out and mixedmode show --json write such a description",
        )
    if len(read["records"]) > MAX_RECORDS:
        raise MalformedError(f"a list has at most {MAX_RECORDS} records", code="json")
    signer = read.get("signer")
    return {
        **_checked(read, _TEXTS, str),
        **_checked(read, _NUMBERS, int),
        "signer": _checked(signer if isinstance(signer, dict) else {}, _SIGNER, str),
        "verified": read.get("verified") if isinstance(read.get("verified"), bool) else None,
        "records": [_record(number, each) for number, each in enumerate(read["records"], 1)],
        "not_shown": _names(read.get("not_shown")),
        "record_not_shown": _names(read.get("record_not_shown")),
        "complete": read.get("complete", True) is True,
        "source": "listing" if read.get("source") == "listing" else "description",
    }


def _record(number: int, read: object) -> dict[str, Any]:
    if not isinstance(read, dict):
        raise MalformedError(f"record {number} is no object", code="json")
    signed = read.get("signed_this_file")
    at = read.get("number")
    return {
        "number": at if isinstance(at, int) and not isinstance(at, bool) else number,
        **_checked(read, _RECORD_TEXTS, str),
        **_checked(read, _RECORD_NUMBERS, int),
        "signed_this_file": signed if isinstance(signed, bool) else None,
    }


def _checked(read: Mapping[str, Any], keys: tuple[str, ...], kind: type) -> dict[str, Any]:
    """Return the values of these keys.

    Raises:
        MalformedError: One is of another kind.
    """
    for key in keys:
        value = read.get(key)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            # A role without a name is its number.
            if key == "role" and isinstance(value, int):
                continue
            raise MalformedError(f"{key} is no {'text' if kind is str else 'number'}", code="json")
    return {key: read.get(key) for key in keys}


def _names(read: object) -> list[str]:
    return [each for each in read if isinstance(each, str)] if isinstance(read, list) else []
