"""Alarms of phones: ``DeviceTLInfo`` with the nine codes, out-of-service reasons, what a REGISTER gives as its reason.

Rules (live-cluster.md 5.1, phone-trust.md 4.2):

1. An alarm's XML may be cut anywhere by the trace: its pieces are joined, without what the trace puts before each line.
2. Tags are looked for, nothing is parsed as XML: what is cut off is read as far as it goes.
3. 5, 6, 7, 8 and 9 are refusals; 5, 8 and 9 keep the old list, 6 leaves the phone without one.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from typing import Final

from mixedmode.explain import remedies
from mixedmode.explain.rules import Entry, Rule, Table, device_in, pattern, quoted
from mixedmode.explain.values import Event, Grade
from mixedmode.numbers import whole_number
from mixedmode.phone.mind.alarms import Alarm
from mixedmode.printable import one_line

SOURCE: Final = "alarm"
_LONGEST: Final = 1 << 16
_MOST_LINES: Final = 256
_BEGINS: Final = ("<x-cisco-alarm", "<alarm", "<parameterlist", "<string name")
_ENDS: Final = ("</x-cisco-alarm>", "</alarm>")
_PREFIX: Final = re.compile(
    r"\s*(?:\d{6,9}\.\d{3} ?\|\d\d:\d\d:\d\d\.\d+ ?\|\w+ {0,12}\||\d{1,2}/\d{1,2}/\d{4} \d\d:\d\d:\d\d\.\d+ \w{0,12}\|"
    r"|\d\d:\d\d:\d\d\.\d+ ?\| {0,4}(?:\w+ {0,4}\|?)? ?)"
)
_NAME: Final = re.compile(r"""<Alarm\s+Name\s*=\s*["']([^"'<>]{1,64})["']""", re.IGNORECASE)
_VALUE: Final = re.compile(
    r"""<(?:String|Enum|Int|Integer)\s+name\s*=\s*["']([^"'<>]{1,64})["']\s*>([^<]{0,512})""", re.IGNORECASE
)
_PLAIN: Final = re.compile(
    r"(DeviceName|IPv4Address|[CI]TL_Signature|[CI]TL_TFTP_Server|[CI]TLFileHash|StatusCode)\s{0,8}[=:]\s{0,8}"
    r"\"?((?:[0-9A-F]{2} ){15,31}[0-9A-F]{0,2}|Not Installed|[^\s,;\"<>]{1,128})",
    re.IGNORECASE,
)
_DROPPED: Final = re.compile(r"[^0-9a-f]")
_NOT_VOUCHED: Final = "the signer is in no list that it holds, and TVS did not vouch for it"
_MEANINGS: Final[dict[Alarm, tuple[str, str, str]]] = {
    Alarm.TL_SUCCESS: ("took a newer list, or holds the lists that are served", "", ""),
    Alarm.CTL_INITIAL_SUCCESS: ("took its first CTL: it held none before", "", ""),
    Alarm.ITL_INITIAL_SUCCESS: ("took its first ITL: it held none before", "", ""),
    Alarm.TL_INITIAL_SUCCESS: ("took its first CTL and ITL: it held none before", "", ""),
    Alarm.TL_FAILED_OLD_CTL: (
        "refused the new CTL and keeps its old one", _NOT_VOUCHED,
        remedies.VOUCH,
    ),
    Alarm.TL_FAILED_NO_TL: (
        "refused a list and holds none", "the file cannot be read, is damaged, or is too large", remedies.LIST_AGAIN,
    ),
    Alarm.TL_FAILED: (
        "refused a list", "the signer is not known to it, or the file is damaged", remedies.VOUCH,
    ),
    Alarm.TL_FAILED_OLD_ITL: (
        "refused the new ITL and keeps its old one", _NOT_VOUCHED,
        remedies.VOUCH,
    ),
    Alarm.TL_FAILED_OLD_TL: (
        "refused the new CTL and ITL and keeps its old ones",
        "the signers are in no list that it holds, and TVS did not vouch for them", remedies.VOUCH,
    ),
}  # fmt: skip
_LAST: Final = {
    "initialized": "it started",
    "reset-reset": "it was reset",
    "reset-restart": "it was told to restart",
    "phone-keypad": "somebody restarted it by its keys",
    "tcp-timeout": "the call manager did not answer any more",
    "keepaliveto": "the call manager did not answer any more",
}

REFERRED: Final = Table(
    SOURCE,
    (
        Rule("register-reason", Grade.NOTE, "cisco-alarm:", "{1} registers again, alarm {0}: {2}",
             pattern(r"cisco-alarm:(\d{1,4})\s+Name=(\S+).*?\bLast=([\w -]{1,64})")),
        Rule("register-reason", Grade.NOTE, "cisco-alarm:", "a phone registers again, alarm {0}",
             pattern(r"cisco-alarm:(\d{1,4})")),
        Rule("load", Grade.NOTE, "user-agent: cisco-", "the phone is a {0} with load {1}",
             pattern(r"User-Agent: Cisco-([\w-]{1,24})/([\w.-]{1,40})")),
        Rule("refer", Grade.NOTE, "application/x-cisco-alarm", "a phone reports an alarm"),
        Rule("refer", Grade.NOTE, "devicename.ccm.cisco.com", "a SIP message of {0}",
             pattern(r'devicename\.ccm\.cisco\.com="([\w.-]{1,64})"')),
        Rule("refer", Grade.NOTE, "refer sip:", "a phone reports something by REFER", pattern(r"\bREFER sip:\S+ SIP/")),
        Rule("out-of-service", Grade.WARNING, "reasonforoutofservicetext", "the phone lost its call manager: {0}",
             pattern(r"ReasonForOutOfServiceText\s*[=:]\s*\"?([^\"<>,;]{1,120})")),
    ),
)  # fmt: skip


@dataclass(slots=True)
class _Open:
    """An alarm that is being read."""

    line: int
    time: str | None
    text: str
    lines: int = 1


class AlarmReader:
    """Finds XML alarms in lines."""

    def __init__(self) -> None:
        self._open: _Open | None = None

    def wants(self, text: str) -> bool:
        """Return whether a line belongs to an alarm."""
        if self._open is not None:
            return True
        if "<" not in text and "&lt;" not in text:
            return False
        lowered = text.lower().replace("&lt;", "<")
        return any(each in lowered for each in _BEGINS)

    def feed(self, number: int, text: str, time: str | None) -> list[Event]:
        """Take a line that :meth:`wants` took; return what the alarms say that are whole now."""
        plain = html.unescape(text) if "&lt;" in text else text
        events: list[Event] = []
        if self._open is None:
            lowered = plain.lower()
            starts = [at for each in _BEGINS if (at := lowered.find(each)) >= 0]
            self._open = _Open(number, time, plain[min(starts, default=0) :][:_LONGEST])
        else:
            self._open.text += _PREFIX.sub("", plain, count=1)
            self._open.lines += 1
        while self._open is not None:
            rest = self._whole()
            if rest is None:
                break
            events += self._finish()
            if any(each in rest.lower() for each in _BEGINS[:2]):
                self._open = _Open(number, time, rest)
        if self._open is not None and (len(self._open.text) > _LONGEST or self._open.lines > _MOST_LINES):
            events += self._finish()
        return events

    def end(self) -> list[Event]:
        """Return what an alarm that was cut off says."""
        return self._finish()

    def _whole(self) -> str | None:
        """Cut the open alarm at its end; return what is behind it, None if it has no end yet."""
        found = self._open
        if found is None:
            return None
        lowered = found.text.lower()
        for tag in _ENDS:
            at = lowered.find(tag)
            if at >= 0:
                cut = at + len(tag)
                rest, found.text = found.text[cut:], found.text[:cut]
                return rest.replace(_ENDS[0], "", 1)
        return None

    def _finish(self) -> list[Event]:
        found, self._open = self._open, None
        if found is None:
            return []
        values = {name.lower(): value.strip() for name, value in _VALUE.findall(found.text)}
        named = _NAME.search(found.text)
        name = named[1] if named is not None else "DeviceTLInfo" if "statuscode" in values else ""
        event = _explained(Entry(found.line, found.text, found.time), name, values)
        return [event] if event is not None else []


def plain_alarm(entry: Entry, lowered: str) -> Event | None:
    """Return what an alarm in words says, as a phone's Debug Display shows it; None if it is none."""
    if "devicetlinfo" in lowered or "_signature" in lowered:
        values = {name.lower(): value.strip() for name, value in _PLAIN.findall(entry.text)}
        if values or "devicetlinfo" in lowered:
            return _explained(entry, "DeviceTLInfo", values)
    if "tl_" in lowered and (found := _code_in(entry.text)) is not None:
        return _told(entry, found, {})
    event = REFERRED.explain(entry, lowered)
    return _registering(event) if event is not None and event.kind == "register-reason" else event


def _code_in(text: str) -> Alarm | None:
    for each in sorted(Alarm, key=lambda alarm: -len(alarm.name)):
        if re.search(rf"\b{each.name}\b", text):
            return each
    return None


def _explained(entry: Entry, name: str, values: dict[str, str]) -> Event | None:
    if name.lower() == "devicetlinfo" or "ctl_signature" in values or "itl_signature" in values:
        code = values.get("statuscode", "")
        number = whole_number(code) or 0
        alarm = Alarm(number) if 1 <= number <= len(Alarm) else None
        return _told(entry, alarm or _code_in(code), values, unknown=code if alarm is None else "")
    if not name and not values:
        return None
    reason = values.get("reasonforoutofservicetext") or values.get("reasonforoutofservice") or ""
    device = values.get("devicename", "") or device_in(entry.text)
    shown = one_line(name or "an alarm")
    why = f": {one_line(reason)}" if reason else ""
    grade = Grade.WARNING if reason else Grade.NOTE
    kind = "out-of-service" if reason else "alarm"
    return Event(entry.line, entry.time, SOURCE, kind, grade, f"{one_line(device) or 'a phone'} reports {shown}{why}",
                 device=one_line(device), quote=quoted(entry.text))  # fmt: skip


def _told(entry: Entry, alarm: Alarm | None, values: dict[str, str], *, unknown: str = "") -> Event:
    device = one_line(values.get("devicename", "") or device_in(entry.text))
    held = "; ".join(each for each in (_held("CTL", values), _held("ITL", values)) if each)
    who = device or "a phone"
    if alarm is None:
        code = f" with code {one_line(unknown)}" if unknown else ""
        text = f"{who} reports its lists{code}"
        grade, kind, why, remedy = Grade.NOTE, "alarm", "", ""
    else:
        did, why, remedy = _MEANINGS[alarm]
        text = f"{who} {did} (code {alarm.value} {alarm.name})"
        grade = Grade.REFUSED if alarm.failed else Grade.OK
        kind = "list-refused" if alarm.failed else "list-accepted"
    if held:
        text += f"; it holds {held}"
    return Event(entry.line, entry.time, SOURCE, kind, grade, text, why, remedy, device, quoted(entry.text))


def _held(kind: str, values: dict[str, str]) -> str:
    """Return what an alarm says of one list."""
    shown = values.get(f"{kind.lower()}_signature", values.get(f"{kind.lower()}filehash"))
    if shown is None:
        return ""
    digest = _DROPPED.sub("", shown.lower())
    if "not installed" in shown.lower() or not shown:
        return f"no {kind}"
    server = values.get(f"{kind.lower()}_tftp_server", "")
    where = f" from {one_line(server)}" if server and server.upper() != "N/A" else ""
    name = {32: "MD5", 40: "SHA-1"}.get(len(digest))
    return f"{kind} {name} {digest}{where}" if name else f"{kind} {one_line(shown)}{where}"


def _registering(event: Event) -> Event:
    """Put what a REGISTER's ``Last=`` means behind the word, where that is known."""
    word = event.text.rpartition(": ")[2].strip().lower()
    return replace(event, text=f"{event.text} ({_LAST[word]})") if word in _LAST else event
