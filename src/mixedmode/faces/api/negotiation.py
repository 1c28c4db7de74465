"""What ``Accept``, ``If-Match``, ``If-None-Match`` and ``Link`` say (RFC 9110, RFC 8288)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from mixedmode.numbers import decimal_number

_LONGEST = 1000


def chosen(accept: str, offered: Sequence[str]) -> str | None:
    """Return which of the offered media types an ``Accept`` header likes best, None if it takes none of them."""
    if not accept.strip():
        return offered[0]
    ranges = [_range(part) for part in accept[:_LONGEST].split(",") if part.strip()]
    best: tuple[float, int] | None = None
    found = None
    for place, media in enumerate(offered):
        quality = _quality(ranges, media)
        if quality > 0 and (best is None or (quality, -place) > best):
            best, found = (quality, -place), media
    return found


def _range(part: str) -> tuple[str, float]:
    media, _, rest = part.partition(";")
    quality = 1.0
    for each in rest.split(";"):
        name, _, value = each.partition("=")
        if name.strip().lower() == "q":
            quality = min(1.0, decimal_number(value.strip()) or 0.0)
    return media.strip().lower(), quality


def _quality(ranges: Sequence[tuple[str, float]], media: str) -> float:
    """Return how much a media type is liked: what names it more exactly counts."""
    kind = media.partition("/")[0]
    for wanted in (media, f"{kind}/*", "*/*"):
        found = [quality for name, quality in ranges if name == wanted]
        if found:
            return found[0]
    return 0.0


def tag_of(data: bytes) -> str:
    """Return the strong entity tag of bytes."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'


def fits(header: str, tag: str, *, weak: bool) -> bool:
    """Return whether a list of entity tags has one.

    Args:
        header: ``*`` or tags with commas between them.
        tag: The present one.
        weak: Whether weak tags count, as for If-None-Match.
    """
    if header.strip() == "*":
        return True
    tags = [each.strip() for each in header.split(",")]
    return any((each.removeprefix("W/") if weak else each) == tag for each in tags)


def links(path: str, query: Mapping[str, str], page: int, pages: int) -> str:
    """Return the ``Link`` header of a page of a list."""
    wanted = {"first": 1, "prev": page - 1, "next": page + 1, "last": pages}
    return ", ".join(
        f'<{path}?{urlencode({**query, "page": number})}>; rel="{name}"'
        for name, number in wanted.items()
        if 1 <= number <= pages
    )
