"""What a phone's pages say that a rescue wants to know; pure (docs/specification/live-cluster.md 4, rescue.md 3).

Rules:

1. Labels are matched without regard to case, after unescaping and trimming; HTML and XML are taken.
2. The page's title says whose it is. A page of another phone says nothing of this one.
3. What a page does not show is not known; it is never "none".
4. A page may be hostile: no pattern looks at a character more often than a few times.
5. Status messages are compared with those of before by their text: the phone's clock may be wrong, ours is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from html import unescape
from typing import Final

from mixedmode.live.sources.alarms import alarm_on_page
from mixedmode.numbers import whole_number

NETWORK: Final = "/CGI/Java/Serviceability?adapter=device.statistics.configuration"
STATUS: Final = "/CGI/Java/Serviceability?adapter=device.settings.status.messages"
DEVICE: Final = "/CGI/Java/Serviceability?adapter=device.statistics.device"
ALARM: Final = "/CGI/Java/Serviceability?adapter=device.trace.display.alarm"
PLAIN_DEVICE: Final = "/DeviceInformation"
STREAM: Final = "/CGI/Java/Serviceability?adapter=device.statistics.streaming.0"
PLAIN_NETWORK: Final = "/NetworkConfiguration"
PLAIN_STATUS: Final = "/status.html"
CALLS: Final = "/CGI/CallInfo"
WINDOW: Final = "/CGI/ModeInfo"
NONE: Final = "none"
"""Of a list that the phone does not hold."""
_ROW: Final = re.compile(r"<tr\b[^<>]*>(.*?)(?=</?tr\b|</table\b|\Z)", re.IGNORECASE | re.DOTALL)
_CELL: Final = re.compile(r"<t[dh]\b[^<>]*>(.*?)(?=</?t[dh]\b|</tr\b|\Z)", re.IGNORECASE | re.DOTALL)
_ELEMENT: Final = re.compile(r"<([A-Za-z][A-Za-z0-9_]*)>([^<]*)</\1>")
_TAG: Final = re.compile(r"<[^<>]*>")
_NAME: Final = re.compile(r"\(\s*(SEP[0-9A-F]{12})\s*\)", re.IGNORECASE)
_DEVICE: Final = re.compile(r"SEP[0-9A-F]{12}", re.IGNORECASE)
_HASH: Final = re.compile(r"(?:[0-9A-F]{2}[ :]?){16}(?:(?:[0-9A-F]{2}[ :]?){4})?", re.IGNORECASE)
_KEY: Final = re.compile(r"[^a-z0-9]")
_CLOCK: Final = re.compile(r"[0-9]:[0-9][0-9]:[0-9][0-9]")
_ROWS: Final = 400
_MESSAGES: Final = 40
_MODEL: Final = re.compile(r"Cisco (?:Unified )?IP Phone ([A-Z0-9][A-Z0-9-]{1,20})", re.IGNORECASE)
_LOADS: Final = ("apploadid", "activeload", "loadid", "softwareversion", "appload")
_DANGERS: Final = (
    ("8021xauthentication", {"enabled", "on", "yes"}, "802.1X"),
    ("vpn", {"enabled", "on", "yes", "connected"}, "VPN"),
    ("wifi", {"enabled", "on", "yes", "connected"}, "Wi-Fi"),
    ("dhcp", {"no", "disabled", "off"}, "a static address"),
    ("dhcpenabled", {"no", "disabled", "off"}, "a static address"),
    ("alternatetftp", {"yes", "enabled", "on"}, "an alternate TFTP server"),
)


@dataclass(frozen=True, slots=True)
class PageSeen:
    """What the Network Setup page says.

    Attributes:
        name: The phone's name, upper case; empty if the page does not say.
        model: As its title has it, such as ``CP-8841``.
        ctl: The hash of the CTL, lower hex; ``none``; empty if the page does not say.
        itl: The same of the ITL.
        authentication_url: None if the page does not say.
        tftp: The TFTP servers that it names.
        dangers: What an erase might break.
    """

    name: str = ""
    model: str = ""
    ctl: str = ""
    itl: str = ""
    authentication_url: str | None = None
    tftp: tuple[str, ...] = ()
    dangers: tuple[str, ...] = ()
    rows: Sequence[tuple[str, str]] = field(default=(), repr=False)

    @property
    def shows_lists(self) -> bool:
        """Whether it says what the phone holds."""
        return bool(self.ctl or self.itl)


def rows_of(text: str) -> list[tuple[str, str]]:
    """Return the rows of a page, labels as keys without signs and capitals."""
    found: list[tuple[str, str]] = []
    for row in _ROW.findall(text)[:_ROWS]:
        cells = [plain for cell in _CELL.findall(row) if (plain := _plain(cell))]
        if cells:
            found.append((_KEY.sub("", cells[0].lower()), cells[1] if len(cells) > 1 else ""))
    if not found:
        found = [
            (_KEY.sub("", name.lower()), unescape(value).strip()) for name, value in _ELEMENT.findall(text)[:_ROWS]
        ]
    return found


def _plain(cell: str) -> str:
    return unescape(_TAG.sub(" ", cell)).strip()


@lru_cache(maxsize=256)
def read_network(text: str) -> PageSeen:
    """Read the Network Setup page."""
    rows = rows_of(text)
    said = dict(reversed(rows))
    whole = unescape(text)
    title, model = _NAME.search(whole), _MODEL.search(whole)
    name = title[1] if title else next(iter(_DEVICE.findall(said.get("hostname", ""))), "")
    return PageSeen(
        name.upper(),
        model[1].upper() if model else "",
        _held(said, "ctl"),
        _held(said, "itl"),
        said.get("authenticationurl"),
        tuple(
            value
            for label, value in rows
            if label.startswith("tftpserver") and whole_number(label[10:]) is not None and value
        ),
        tuple(dict.fromkeys(word for label, bad, word in _DANGERS if said.get(label, "").strip().lower() in bad)),
        tuple(rows),
    )


def _held(said: dict[str, str], kind: str) -> str:
    """Return what a page says of a list: "Not installed" and no hash, or a hash."""
    state, shown = said.get(f"{kind}file"), said.get(f"{kind}signature", "")
    if _HASH.fullmatch(shown.strip()):
        return re.sub(r"[ :]", "", shown).lower()
    if state is not None and "not installed" in state.lower():
        return NONE
    return ""


@dataclass(frozen=True, slots=True)
class AlarmSeen:
    """The newest alarm ``DeviceTLInfo`` on a phone's Debug Display page (live-cluster.md 4.6, 5.1).

    Attributes:
        text: What it says, to be compared with that of before.
        ctl: The hash of the CTL, lower hex; ``none``; empty if it does not say.
        itl: The same of the ITL.
        code: Its StatusCode, 0 if it does not say.
    """

    text: str = ""
    ctl: str = ""
    itl: str = ""
    code: int = 0

    @property
    def is_first(self) -> bool:
        """Whether the phone held nothing before it took these lists: CTL_INITIAL, ITL_INITIAL, TL_INITIAL."""
        return self.code in _INITIAL


_INITIAL: Final = frozenset({2, 3, 4})


def read_alarm(text: str) -> AlarmSeen:
    """Read the Debug Display page."""
    said = alarm_on_page(text)
    whole = " ".join(f"{name}={value}" for name, value in sorted(said.items()))
    return AlarmSeen(whole, said.get("ctl", ""), said.get("itl", ""), whole_number(said.get("tl_status", "")) or 0)


def read_load(text: str) -> str:
    """Return the firmware load that the Device Information page names, empty if it names none."""
    rows = dict(reversed(rows_of(text)))
    return next((value for name in _LOADS if (value := rows.get(name, "")) and value != "-"), "")


def read_messages(text: str) -> list[str]:
    """Return the lines of the status messages, the newest last: what has a time of day in it."""
    rows = [" ".join(plain for cell in _CELL.findall(row) if (plain := _plain(cell))) for row in _ROW.findall(text)]
    if not rows:
        rows = [unescape(value).strip() for _, value in _ELEMENT.findall(text)]
    return [row for row in rows if _CLOCK.search(row)][-_MESSAGES:]


def new_messages(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the messages that came since (rule 5); one that stood there before is old, wherever it stands now."""
    old = frozenset(before)
    return [message for message in after if message not in old]


_ERASING: Final = "erasing ctl and itl files"
_INSTALLED: Final = {
    ("CTL",): ("ctl installed", "ctl and itl installed"),
    ("ITL",): ("itl installed", "ctl and itl installed"),
    ("CTL", "ITL"): ("ctl and itl installed", "itl installed"),
}
_BAD: Final = ("update failed", "error verifying", "auth fail", "verification fail")


def was_erased(messages: Sequence[str]) -> bool:
    """Return whether messages say that lists were erased."""
    return any(_ERASING in message.lower() for message in messages)


class Told(Enum):
    """What status messages that came after the keys tell."""

    NOTHING = "nothing"
    ERASED = "erased"
    INSTALLED = "erased, then installed"
    REFUSES = "erased, then installed, and then refused what the servers sign"


def told(messages: Sequence[str], lists: tuple[str, ...]) -> Told:
    """Return what messages tell, in their order.

    Args:
        messages: That came after the keys.
        lists: Those that were to be erased. A cluster that is not in mixed mode has no CTL to install.
    """
    said = [message.lower() for message in messages]
    erased = max((number for number, message in enumerate(said) if _ERASING in message), default=None)
    if erased is None:
        return Told.NOTHING
    rest = said[erased + 1 :]
    installed = next((n for n, message in enumerate(rest) if any(word in message for word in _INSTALLED[lists])), None)
    if installed is None:
        return Told.ERASED
    # Its configuration is signed by who a wrong list does not know.
    bad = any(word in message for message in rest for word in _BAD) or any(
        "tftp error" in message and ".cnf.xml" in message for message in rest
    )
    return Told.REFUSES if bad else Told.INSTALLED


_CALL_STATE: Final = re.compile(r"<(?:\w{0,20}:)?\w{0,40}state\w{0,40}>([^<]*)<", re.IGNORECASE)
_IDLE: Final = frozenset({"", "idle", "onhook", "none", "inactive", "notready", "disconnected", "0"})
_SILENT: Final = frozenset({"", "notready", "notactive", "inactive", "idle", "stopped", "none", "closed"})


def in_call(text: str) -> bool:
    """Return whether what ``/CGI/CallInfo`` says names a call; any state that is not an idle one is one."""
    return any(_KEY.sub("", state.lower()) not in _IDLE for state in _CALL_STATE.findall(text))


def has_stream(text: str) -> bool:
    """Return whether the page of a stream says that it runs."""
    states = [value for label, value in rows_of(text) if label in {"streamstatus", "senderstatus", "rcvrstatus"}]
    return any(_KEY.sub("", state.lower()) not in _SILENT for state in states)
