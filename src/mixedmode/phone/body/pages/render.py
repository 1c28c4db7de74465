"""The pages of each family of phones, as HTML and as XML; pure (docs/specification/live-cluster.md 4.2, 4.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Final
from urllib.parse import parse_qs
from zlib import compress, crc32

from mixedmode.phone.body.pages.facts import PageFacts, Row, device_rows, message_rows, network_rows, stream_rows

_DEVICE, _NETWORK, _STATUS, _CONSOLE, _STREAM = range(5)
_ADAPTERS: Final = {
    "device.statistics.device": _DEVICE,
    "device.statistics.configuration": _NETWORK,
    "device.settings.status.messages": _STATUS,
    "device.statistics.consolelog": _CONSOLE,
    "device.trace.display.alarm": _CONSOLE,
    **{f"device.statistics.streaming.{number}": _STREAM for number in range(5)},
}
_PATHS: Final = {
    "/": _DEVICE,
    "/DeviceInformation": _DEVICE,
    "/NetworkConfiguration": _NETWORK,
    "/DeviceLog": _STATUS,
    "/status.html": _STATUS,
    "/console.html": _CONSOLE,
    "/StreamingStatistics": _STREAM,
    "/Device_Information.html": _DEVICE,
    "/Network_Setup.html": _NETWORK,
}
_TITLES: Final = ("Device information", "Network setup", "Status messages", "Console logs", "Streaming statistics")
_XML_ROOTS: Final = (
    "DeviceInformation",
    "NetworkConfiguration",
    "DeviceLog",
    "DeviceLog",
    "StreamingStatistics",
)
_ROWS: Final[dict[int, Callable[[PageFacts], list[Row]]]] = {
    _DEVICE: device_rows,
    _NETWORK: network_rows,
    _STREAM: stream_rows,
}
Answer = tuple[str, bytes]
"""The media type and the body."""


def page(facts: PageFacts, target: str) -> Answer | None:
    """Return the page at a request's target, None if the phone has none there.

    Args:
        facts: Of the phone.
        target: Path and query.
    """
    path, _, query = target.partition("?")
    if path == "/CGI/Java/Serviceability":
        return _by_adapter(facts, query)
    is_xml = len(path) > 2 and path.endswith("X") and path[:-1] in _PATHS
    which = _PATHS.get(path[:-1] if is_xml else path)
    return None if which is None else _made(facts, which, is_xml=is_xml)


def mode_info(screen: str) -> Answer:
    """Return what names the window on top; that phones do is from memory (docs/specification/rescue.md 1.5)."""
    text = f"<CiscoIPPhoneModeInfo><PlaneTitle>{_plain(screen)}</PlaneTitle></CiscoIPPhoneModeInfo>"
    return "text/xml; charset=utf-8", text.encode()


def screenshot(screen: str) -> Answer:
    """Return a picture of one point that holds the screen's words as text, so that nobody has to read pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + crc32(kind + data).to_bytes(4)

    head = chunk(b"IHDR", bytes((0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0)))
    words = chunk(b"tEXt", b"screen\0" + screen.encode("latin-1", "replace"))
    made = b"\x89PNG\r\n\x1a\n" + head + words + chunk(b"IDAT", compress(b"\0\xff")) + chunk(b"IEND", b"")
    return "image/png", made


def call_info(facts: PageFacts) -> Answer:
    """Return the call that the phone is in, if any."""
    held = f"<Call><CallState>{_plain(facts.call)}</CallState></Call>" if facts.call else ""
    return "text/xml; charset=utf-8", f"<CiscoIPPhoneCallInfo>{held}</CiscoIPPhoneCallInfo>".encode()


def _by_adapter(facts: PageFacts, query: str) -> Answer | None:
    try:
        asked = parse_qs(query, max_num_fields=8)
    except ValueError:
        return None
    for name, is_xml in (("adapter", False), ("adapterX", True)):
        which = _ADAPTERS.get(asked.get(name, [""])[0])
        if which is not None:
            return _made(facts, which, is_xml=is_xml)
    return None


def _made(facts: PageFacts, which: int, *, is_xml: bool) -> Answer:
    if which in _ROWS:
        rows = _ROWS[which](facts)
        body = _xml_rows(_XML_ROOTS[which], rows) if is_xml else _html(facts, _TITLES[which], rows)
    else:
        lines = message_rows(facts) if which == _STATUS else list(facts.console[-100:])
        body = _xml_lines(lines) if is_xml else _html(facts, _TITLES[which], [(line, "") for line in lines])
    return ("text/xml; charset=utf-8" if is_xml else "text/html; charset=utf-8"), body.encode("utf-8", "replace")


def _html(facts: PageFacts, title: str, rows: Sequence[Row]) -> str:
    modern = facts.model.name.startswith("88")
    write = _escaped if modern else escape
    label = (lambda text: text) if modern else _title_case
    head = f"Cisco IP Phone {facts.model.product} ( {facts.name} )"
    if facts.model.name.startswith("894"):
        cells = "\n".join(
            f"<tr>\n<td>\n<b> {write(label(a))}</b>\n</td>\n<td>\n<b>{write(b)}</b>\n</td>\n</tr>" for a, b in rows
        )
    else:
        cells = "\n".join(
            f"<TR><TD><B> {write(label(a))}</B></TD><td width=20></TD><TD><B>{write(b)}</B></TD></TR>" for a, b in rows
        )
    return (
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><title>'
        f"{escape(head)}</title></head><body><table><TR><TD>{escape(title)}</TD></TR>"
        f"<TR><TD>{escape(head)}</TD></TR>\n{cells}\n</table></body></html>"
    )


def _title_case(text: str) -> str:
    return " ".join(word if word.isupper() else word[:1].upper() + word[1:] for word in text.split(" "))


def _escaped(text: str) -> str:
    """Return a text as 88xx phones write it."""
    return escape(text).replace("-", "&#x2D;").replace("/", "&#x2F;")


def _xml_rows(root: str, rows: Sequence[Row]) -> str:
    held = "".join(f"<{_element(a)}>{_plain(b)}</{_element(a)}>\r\n" for a, b in rows)
    return f'<?xml version="1.0" encoding="UTF-8"?>\r\n<{root}>\r\n{held}</{root}>'


def _xml_lines(lines: Sequence[str]) -> str:
    held = "".join(f"<status>{_plain(line)}</status>\r\n" for line in lines)
    return f'<?xml version="1.0" encoding="UTF-8"?>\r\n<DeviceLog>\r\n{held}</DeviceLog>'


def _element(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", _title_case(label)) or "Row"


def _plain(text: str) -> str:
    return escape("".join(each if each.isprintable() else "?" for each in text))
