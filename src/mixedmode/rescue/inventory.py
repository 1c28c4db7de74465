"""Phones of an inventory, with what a rescue wants to know of each beside its lists.

Rules:

1. The columns are those of a forecast's inventory, and more; those that are not known here are left alone. CSV, a JSON
   array, an object with ``phones``, a JSON object a line, or what ``inventory collect`` wrote.
2. A value may stand with its source: ``{"value": ..., "source": ...}``.
3. What a cell does not say is not known. A list is a hash or ``none``; a path names no phone's list here.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from mixedmode.errors import MalformedError, UsageError
from mixedmode.inventory.cells import model_of
from mixedmode.json_reader import read_json
from mixedmode.live.document import MARK, read_document
from mixedmode.live.observed import Observation
from mixedmode.pki.files import read_limited
from mixedmode.rescue.phone.reading import NONE
from mixedmode.rescue.readiness import PhoneFacts

LONGEST: Final = 256 << 20
_NAME: Final = re.compile(r"SEP[0-9A-F]{12}")
_HASH: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}")
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "name": ("name", "device"),
    "model": ("model",),
    "load": ("load", "active_load", "app_load", "activeloadid"),
    "menu": ("menu", "common_phone_profile"),
    "address": ("web", "url", "address", "ip", "ipv4"),
    "ctl": ("ctl",),
    "itl": ("itl",),
    "source": ("itl_source", "source", "ctl_source"),
    "time": ("itl_time", "time", "ctl_time"),
    "authentication_url": ("authentication_url", "secure_authentication_url"),
    "web_access": ("web_access", "httpd"),
    "settings_access": ("settings_access",),
    "menu_password": ("menu_password", "phone_unlock_password"),
    "cti": ("cti", "cti_controllable", "is_cti_controllable"),
    "by_hand": ("by_hand",),
}
_COLLECTED: Final = ("model", "load", "address", "ctl", "itl", "httpd")
_YES: Final = frozenset({"yes", "true", "t", "1", "on", "enabled"})
_NO: Final = frozenset({"no", "false", "f", "0", "off", "disabled"})


def read_phones(path: Path) -> list[PhoneFacts]:
    """Read an inventory.

    Raises:
        UsageError: It cannot be read, or names no phones.
        MalformedError: A row is wrong; the error names it.
    """
    data = read_limited(path, LONGEST)[0]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError("the inventory is not UTF-8", where=str(path), offset=error.start) from error
    found: dict[str, PhoneFacts] = {}
    for number, row in enumerate(_rows(text, str(path)), 1):
        facts = phone_of({str(name).strip().lower(): value for name, value in row.items()}, f"{path}, row {number}")
        if facts.name in found:
            raise MalformedError(f"{facts.name} stands there twice", where=f"{path}, row {number}")
        found[facts.name] = facts
    if not found:
        raise UsageError("the inventory names no phone", where=str(path))
    return list(found.values())


def _rows(text: str, where: str) -> Iterable[Mapping[str, Any]]:
    begin = text.lstrip()[:1]
    try:
        if begin == "[":
            rows = read_json(text)
        elif begin == "{":
            rows = _objects(text)
        else:
            head = text.partition("\n")[0]
            separator = max(",;\t", key=head.count)
            rows = list(csv.DictReader(text.splitlines(), delimiter=separator, strict=True))
    except (ValueError, RecursionError, csv.Error) as error:
        raise MalformedError(f"the inventory cannot be read: {error}", where=where) from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MalformedError("the inventory is no list of phones", where=where)
    return [{name: value for name, value in row.items() if name is not None} for row in rows]


def _objects(text: str) -> Any:
    """Read one object, with the phones or one of them, or an object a line."""
    try:
        found = read_json(text)
    except ValueError:
        return [read_json(line) for line in text.splitlines() if line.strip()]
    return _observed(read_document(text)) if MARK in found else found.get("phones", [found])


def observed_phones(seen: Observation, port: int = 0) -> list[PhoneFacts]:
    """Return the phones of a cluster that was looked at.

    Args:
        seen: What was seen.
        port: Where phones have their pages; 0 is their own.
    """
    return [phone_of(row, row["name"]) for row in _observed(seen, port)]


def _observed(seen: Observation, port: int = 0) -> list[dict[str, str]]:
    """Return the rows of an observation, the newest value of each."""
    rows = []
    for phone in seen.phones:
        if not _NAME.fullmatch(phone.name.upper()):
            continue
        row = {"name": phone.name} | {each: phone.newest(each) or "" for each in _COLLECTED}
        if port and row["address"]:
            host = row["address"]
            row["address"] = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        lists = phone.values.get("itl") or phone.values.get("ctl")
        if lists:
            row |= {"source": lists[0].seen.source.value, "time": lists[0].seen.at.isoformat(timespec="seconds")}
        rows.append(row)
    return rows


def phone_of(row: Mapping[str, Any], where: str) -> PhoneFacts:
    """Return what a row says of a phone.

    Raises:
        MalformedError: It names no phone, or a list that is none.
    """
    cells = {name: _cell(row, aliases) for name, aliases in _ALIASES.items()}
    name = cells["name"].upper()
    if not _NAME.fullmatch(name):
        raise MalformedError(f"{cells['name'][:40]!r} is no phone's name", where=where)
    model = model_of(cells["model"]) if cells["model"] else None
    url = cells["authentication_url"]
    said_url = any(alias in row for alias in _ALIASES["authentication_url"])
    return PhoneFacts(
        name,
        model,
        cells["model"],
        cells["load"],
        cells["menu"],
        _url(cells["address"], where),
        _list(cells["ctl"], where),
        _list(cells["itl"], where),
        cells["source"] or "inventory",
        cells["time"],
        answers=False if _flag(cells["web_access"]) is False else None,
        authentication_url=url if url or said_url else None,
        settings_access=cells["settings_access"],
        menu_password=_flag(cells["menu_password"]),
        cti=_flag(cells["cti"]),
        by_hand=cells["by_hand"],
    )


def _cell(row: Mapping[str, Any], aliases: tuple[str, ...]) -> str:
    for alias in aliases:
        value = row.get(alias)
        if isinstance(value, Mapping):
            value = value.get("value")
        if isinstance(value, bool):
            return "yes" if value else "no"
        if value is not None and str(value).strip():
            text = str(value).strip()
            return text if text.isprintable() else ""
    return ""


def _flag(text: str) -> bool | None:
    word = text.lower()
    return True if word in _YES else False if word in _NO else None


def _list(text: str, where: str) -> str:
    plain = re.sub(r"[ :]", "", text).lower()
    if plain in {"", NONE, "notinstalled", "unknown"}:
        return NONE if plain in {NONE, "notinstalled"} else ""
    if not _HASH.fullmatch(plain):
        raise MalformedError(
            f"{text[:60]!r} is no hash of a list", where=where, next_step="write MD5, SHA-1 or SHA-256 in hex, or none"
        )
    return plain


def _url(text: str, where: str) -> str:
    if not text:
        return ""
    found = text if "://" in text else f"http://{f'[{text}]' if text.count(':') > 1 else text}/"
    if not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]_-]{1,255}/?", found):
        raise MalformedError(f"{text[:60]!r} is no address of a phone", where=where)
    return found
