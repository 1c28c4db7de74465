"""``POST /CGI/Execute``: what is asked for, and how the phone answers (docs/specification/rescue.md 1.1, 1.2); pure."""

from __future__ import annotations

import base64
import binascii
import re
from html import escape, unescape
from typing import Final
from urllib.parse import parse_qs, urlencode

MOST_XML: Final = 512
MOST_ITEMS: Final = 3
PARSE, FRAMING, AUTHENTICATION = 1, 2, 4
_DOCUMENT: Final = re.compile(r"\s*(?:<\?xml[^>]*\?>)?\s*<CiscoIPPhoneExecute>(.*)</CiscoIPPhoneExecute>\s*", re.DOTALL)
_ITEM: Final = re.compile(r"\s*<ExecuteItem\s+([^<>]*?)\s*(?:/>|>\s*</ExecuteItem>)\s*", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"(Priority|URL)\s*=\s*\"([^\"<]*)\"\s*")
MEDIA_TYPE: Final = "text/xml; charset=utf-8"


def items_of(body: bytes, media_type: str) -> list[str] | int:
    """Return the URLs of a request's items, or the number of the error.

    The parser of a phone is no full one (rescue.md 1.1): a document type is nothing that it reads.
    """
    try:
        text = body.decode()
        if media_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
            text = parse_qs(text, max_num_fields=4).get("XML", [""])[0]
    except ValueError:
        return PARSE
    if len(text) > MOST_XML:
        return FRAMING
    found = _DOCUMENT.fullmatch(text)
    return PARSE if found is None else _urls(found[1]) or PARSE


def _urls(rest: str) -> list[str]:
    """Return the URLs of items, none if one of them is none, or there are too many."""
    urls = []
    while rest.strip():
        item = _ITEM.match(rest)
        url = None if item is None else dict(_ATTRIBUTE.findall(item[1])).get("URL")
        if item is None or url is None:
            return []
        urls.append(unescape(url))
        rest = rest[item.end() :]
    return urls if len(urls) <= MOST_ITEMS else []


def login_of(header: str) -> tuple[str, str] | None:
    """Return name and password of a Basic header, None if there are none."""
    scheme, _, rest = header.partition(" ")
    try:
        name, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (name, password) if scheme.lower() == "basic" and colon else None


def question(url: str, login: tuple[str, str], device: str) -> str:
    """Return the address at which the phone asks whether somebody may press its keys."""
    asked = urlencode({"UserID": login[0], "Password": login[1], "devicename": device})
    return f"{url}{'&' if '?' in url else '?'}{asked}"


def done(urls: list[str]) -> bytes:
    """Return the answer to items that were taken."""
    items = "".join(f'<ResponseItem Status="0" Data="Success" URL="{escape(url)}"/>' for url in urls)
    return f'<?xml version="1.0" encoding="utf-8"?><CiscoIPPhoneResponse>{items}</CiscoIPPhoneResponse>'.encode()


def failed(number: int) -> bytes:
    """Return the answer to what was not."""
    return f'<?xml version="1.0" encoding="utf-8"?><CiscoIPPhoneError Number="{number}"/>'.encode()
