"""What a phone's own pages say of its lists: families, skins, and what is no evidence (live-cluster.md 4). Pure.

Rules:

1. Labels are matched without case, blanks and marks, after what is escaped is read: 78xx, 88xx, 8945 and the XML of
   the same pages say the same then.
2. A page counts only if it names the phone that was asked for: addresses are given to others in time.
3. A hash is 20 bytes (SHA-1) or 16 (MD5) in hex. "Not installed" is no list; everything else is no evidence.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Final

NETWORK: Final = "device.statistics.configuration"
MESSAGES: Final = "device.settings.status.messages"
ALARMS: Final = "device.trace.display.alarm"
_JAVA: Final = "/CGI/Java/Serviceability?adapter="
_DX: Final = "/?adapter="
_OLD: Final[Mapping[str, str]] = {NETWORK: "/NetworkConfiguration", MESSAGES: "/status.html"}
_PAGES: Final[tuple[tuple[re.Pattern[str], Mapping[str, tuple[str, ...]]], ...]] = (
    (
        re.compile(r"(CP-)?79[46]0"),
        {NETWORK: ("/NetworkConfiguration",), MESSAGES: ("/DeviceLog?2",)},
    ),
    (re.compile(r"(CP-)?69[2-6]1|(CP-)?89[44][15]"), {name: (target,) for name, target in _OLD.items()}),
    (re.compile(r"(CP-)?69[01]1"), {NETWORK: ("/Network_Setup.html",)}),
    (re.compile(r"DX|(CP-)?DX"), {name: (f"{_DX}{name}",) for name in (NETWORK, MESSAGES, ALARMS)}),
    (
        re.compile(r""),
        {
            NETWORK: (f"{_JAVA}{NETWORK}", "/NetworkConfiguration"),
            MESSAGES: (f"{_JAVA}{MESSAGES}",),
            ALARMS: (f"{_JAVA}{ALARMS}",),
        },
    ),
)
_ROW: Final = re.compile(r"<tr\b[^<>]*>(.*?)(?=</?tr\b|</table\b|\Z)", re.IGNORECASE | re.DOTALL)
_CELL: Final = re.compile(r"<td\b[^<>]*>(.*?)(?=</?td\b|</tr\b|\Z)", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<[^<>]*>")
_XML_ROW: Final = re.compile(r"<([A-Za-z][\w.]*)>([^<]*)</\1>")
_NAME: Final = re.compile(r"\b(?:SEP|ATA|VGC)[0-9A-F]{12}\b")
_HEX: Final = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40})")
_STATUS_XML: Final = re.compile(r"<status>([^<]*)</status>", re.IGNORECASE)
_TRUST_WORDS: Final = re.compile(
    r"trust ?list|\b[ci]tl\b|[ci]tl(file|sep)|verifying config|auth failed|fips compliant|updat.* failed", re.IGNORECASE
)
_MODES: Final = {"nonsecure": "non-secure", "authenticated": "authenticated", "encrypted": "encrypted"}
_MOST_MESSAGES: Final = 20


def targets(model: str, page: str) -> tuple[str, ...]:
    """Return where a model has a page; one after another is tried. Empty if it has none.

    Args:
        model: As the cluster calls it, such as ``Cisco 8841``; empty if that is not known.
        page: :data:`NETWORK`, :data:`MESSAGES` or :data:`ALARMS`.
    """
    bare = model.removeprefix("Cisco ").removeprefix("IP Phone ").strip()
    return next(pages.get(page, ()) for pattern, pages in _PAGES if pattern.match(bare))


def names_phone(text: str, name: str) -> bool:
    """Return whether a page is that of a phone: it names it, and no other one before it (rule 2)."""
    found = _NAME.search(html.unescape(text).upper())
    return found is not None and found.group() == name.upper()


def rows_of(text: str) -> list[tuple[str, str]]:
    """Return a page's rows, label and value, in their order; labels as :func:`key_of` has them."""
    rows = []
    for row in _ROW.findall(text):
        cells = [each for each in map(_plain, _CELL.findall(row)) if each]
        if cells:
            rows.append((key_of(cells[0]), cells[-1] if len(cells) > 1 else ""))
    if rows:
        return rows
    return [(key_of(name), _plain(value)) for name, value in _XML_ROW.findall(text)]


def key_of(label: str) -> str:
    """Return a label without case, blanks and marks."""
    return "".join(each for each in label.lower() if each.isalnum())


def network_values(text: str) -> dict[str, str]:
    """Return what a Network Setup page says, by the names of :class:`~mixedmode.live.observed.PhoneSeen`."""
    found: dict[str, str] = {}
    rows = dict(reversed(rows_of(text)))  # of two rows of one label the first counts
    for kind in ("ctl", "itl"):
        held = hash_of(rows.get(f"{kind}signature", "")) or hash_of(rows.get(f"{kind}file", ""))
        if held is None and key_of(rows.get(f"{kind}file", "")) in {"notinstalled", "none"}:
            held = "none"
        if held is not None:
            found[kind] = held
    mode = _MODES.get(key_of(rows.get("securitymode", "")))
    if mode is not None:
        found["phone_security_mode"] = mode
    access = key_of(rows.get("webaccessenabled", rows.get("webaccess", "")))
    if access:
        found["web_access"] = "yes" if access.startswith(("yes", "enabled", "readonly", "full")) else "no"
    return found


def messages_of(text: str) -> str:
    """Return the status messages of a page that have to do with trust, newest last, a line each."""
    lines = [_plain(each) for each in _STATUS_XML.findall(text)]
    lines = lines or [_plain(cell) for row in _ROW.findall(text) for cell in _CELL.findall(row)]
    lines = lines or [_plain(each) for each in re.split(r"<br\s*/?>|\n", text, flags=re.IGNORECASE)]
    kept = [each[:200] for each in lines if each and _TRUST_WORDS.search(each)]
    return "\n".join(kept[-_MOST_MESSAGES:])


def hash_of(text: str) -> str | None:
    """Return a hash in lower hex without blanks, None if the text is none (rule 3)."""
    bare = re.sub(r"[\s:]", "", text).lower()
    return bare if _HEX.fullmatch(bare) else None


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", text)).split())
