"""The alarm ``DeviceTLInfo``: which lists a phone says that it holds (live-cluster.md 5.1). Pure.

A trace splits a long message over its lines anywhere; so lines are joined, without what each begins with, before
anything is looked for. Of two alarms of a phone the later one counts.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from mixedmode.live.sources.pages import hash_of
from mixedmode.numbers import whole_number

_PREFIX: Final = re.compile(r"^\d{6,10}(?:\.\d+)? ?\|[\d:./ ]+\|\w* *\|(?:[^|<>\n]*\|){0,8}")
_BEGIN: Final = re.compile(r"""<Alarm\s+Name\s*=\s*["']DeviceTLInfo["']\s*>""", re.IGNORECASE)
_LONGEST: Final = 4096
_STRING: Final = re.compile(r"""<(?:String|Enum|Int|Integer)\s+name\s*=\s*["'](\w+)["']\s*>([^<]*)<""", re.IGNORECASE)
_ON_PAGE: Final = re.compile(
    r'\b(CTL_Signature|ITL_Signature|CTL_TFTP_Server|ITL_TFTP_Server|StatusCode)\s*=\s*"?([^"=,;|]*?)"?\s*'
    r"(?=[,;|]|\b\w+\s*=|$)",
    re.IGNORECASE | re.MULTILINE,
)
_DEVICE: Final = re.compile(r"(?:SEP|ATA)[0-9A-F]{12}")


def alarms_in(text: str) -> dict[str, dict[str, str]]:
    """Return what the alarms of a trace say, by phone and name of value."""
    found: dict[str, dict[str, str]] = {}
    joined = "".join(_PREFIX.sub("", line) for line in text.splitlines())
    for alarm in _alarms(joined):
        said = {name.lower(): html.unescape(value).strip() for name, value in _STRING.findall(alarm)}
        device = said.get("devicename", "").upper()
        if _DEVICE.fullmatch(device) and (values := _values(said)):
            found[device] = values
    return found


def alarm_on_page(text: str) -> dict[str, str]:
    """Return what the newest alarm on a phone's Debug Display page says."""
    plain = html.unescape(text)
    at = plain.rfind("DeviceTLInfo")
    if at < 0:
        return {}
    part = plain[at : at + _LONGEST]
    strings = _STRING.findall(part)
    said = {
        name.lower(): value.strip() for name, value in (strings or _ON_PAGE.findall(re.sub(r"<[^<>]*>", " ", part)))
    }
    return _values(said)


def _alarms(text: str) -> Iterator[str]:
    for begin in _BEGIN.finditer(text):
        end = text.find("</Alarm>", begin.end(), begin.end() + _LONGEST)
        if end > 0:
            yield text[begin.end() : end]


def _values(said: dict[str, str]) -> dict[str, str]:
    found = {}
    for kind in ("ctl", "itl"):
        signature = said.get(f"{kind}_signature", "")
        held = "none" if signature.lower() == "not installed" else hash_of(signature)
        if held is not None:
            found[kind] = held
            server = said.get(f"{kind}_tftp_server", "")
            if server and server.upper() != "N/A":
                found[f"{kind}_server"] = server[:255]
    status = said.get("statuscode", "")
    if found and len(status) <= 2 and whole_number(status) is not None:
        found["tl_status"] = status
    return found
