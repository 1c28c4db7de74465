"""Phones' own web pages, saved to a file: HTML of every family, and the XML of the same pages (live-cluster.md 4).

Rules:

1. A page is its cells in their order: what stands between tags. A label is followed by its value, on the same line or
   not; where the next cell is a label again the value is empty.
2. Rows of the CTL come first, then those of the ITL. The label of a server's row tells for which mode it was made.
3. In XML the element's name is the label.
4. A signature of 20 bytes is a SHA-1, one of 16 an MD5.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mixedmode.articles import with_article
from mixedmode.explain import remedies
from mixedmode.explain.rules import device_in
from mixedmode.explain.values import Event, Grade
from mixedmode.printable import one_line

SOURCE: Final = "phone page"
_SNIFF: Final = re.compile(
    r"<\s*(?:html|!doctype html|head|body|table|tr|td|devicelog|networkconfiguration|deviceinformation|portinformation"
    r"|ciscoipphone\w*)\b",
    re.IGNORECASE,
)
_TAG: Final = re.compile(r"<[^<>]{0,4096}>")
_ELEMENT: Final = re.compile(r"<([A-Za-z][\w.-]{1,63})>([^<>]{0,4096})</\1>")
_TITLE: Final = re.compile(r"Cisco[^<>]{0,80}?(?:CP-?)?[\w-]{0,12}\s*\(\s*(SEP[0-9A-Fa-f]{12})\s*\)", re.IGNORECASE)
_HOST: Final = re.compile(r"SEP[0-9A-Fa-f]{12}")
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){16,20}\s*(?:\((?:MD5|SHA-?1)\))?\s*")
_SUFFIX: Final = re.compile(r"\(.*")
_COLUMNS: Final = re.compile(
    r"\s{0,16}(?:\|\s{0,16})?([^\s|](?: ?[^\s|]){1,40}?)(?:[ \t]{2,}|\t|\s{0,16}\|\s{0,16}|: +)([^\s|].{0,200}?)[\s|]*$"
)
_ABSENT: Final = re.compile(r"\s*(?:not\b|no\b|none\b|n/?a\b)", re.IGNORECASE)
_NAME: Final = re.compile(r"\s*[A-Za-z0-9][\w.:-]{0,119}\s*")
_STATE: Final = re.compile(
    r"\s*(?:non[ -]?secure|authenticated|encrypted|yes|no|enabled|disabled|read ?only|full)\s*", re.IGNORECASE
)
_IS_VALUE: Final = re.compile(r"\s*(?:(?:not )?installed\b|(?:[0-9A-F]{2}[ :]?){16})", re.IGNORECASE)
_SERVERS: Final = {
    "cucm server / tftp server": "CCM+TFTP", "unified cm / tftp server": "CCM+TFTP", "cm / tftp server": "CCM+TFTP",
    "tftp server": "TFTP", "tvs": "TVS", "tvs server": "TVS", "capf server": "CAPF", "application server": "APP-SERVER",
}  # fmt: skip
_LISTS: Final = {
    "ctl file": ("CTL", "file"), "itl file": ("ITL", "file"), "ctl signature": ("CTL", "signature"),
    "itl signature": ("ITL", "signature"),
}  # fmt: skip
_OTHERS: Final = {"security mode": "security mode", "web access enabled": "web access", "web access": "web access"}

_LABELS: Final = frozenset({*_SERVERS, *_LISTS, *_OTHERS})
_BEGINNINGS: Final = frozenset(label[:3] for label in _LABELS)


@dataclass
class _Held:
    """What a page says of one list."""

    line: int
    installed: bool | None = None
    digest: str = ""
    servers: list[tuple[str, str]] = field(default_factory=list)


def _digest(cell: str) -> str:
    return re.sub(r"[^0-9a-f]", "", _SUFFIX.sub("", cell.lower()))


def _is_value(label: str, text: str) -> bool:
    """Return whether a line may be the value of a label that stands on the line before."""
    if label in _LISTS:
        return _IS_VALUE.match(text) is not None
    return (_STATE if label in _OTHERS else _NAME).fullmatch(text) is not None


def _as_cells(element: re.Match[str]) -> str:
    """Return an XML element as its label and its value, if the label is one that counts (rule 3)."""
    label = " ".join(_WORDS.sub(" ", element[1]).split()).lower()
    return f"<x>{label}<x>{element[2]}<x>" if label in _LABELS else element[0]


class PageReader:
    """Finds what pages say of trust; other cells it gives back."""

    def __init__(self) -> None:
        self.is_page = False
        self._in_tag = False
        self._device = ""
        self._lists: dict[str, _Held] = {}
        self._now: str | None = None
        self._label: tuple[str, int] | None = None
        self._shown: list[Event] = []

    def sniff(self, text: str) -> bool:
        """Return whether lines are those of a page, from this one on."""
        if not self.is_page and "<" in text and _SNIFF.search(text):
            self.is_page = True
        return self.is_page

    def cells(self, text: str) -> Iterator[str]:
        """Yield the cells of a line (rules 1 and 3)."""
        if self._in_tag:
            at = text.find(">")
            if at < 0:
                return
            text, self._in_tag = text[at + 1 :], False
        if "</" in text:
            text = _ELEMENT.sub(_as_cells, text)
        for piece in _TAG.split(text):
            cell = piece
            last = cell.rfind("<")
            if last >= 0:
                cell, self._in_tag = cell[:last], len(cell) - last < 4096
            cell = html.unescape(cell).strip()
            if cell:
                yield cell

    def plain(self, text: str) -> list[str]:
        """Return the cells of a line that was copied from a page or a screen as text; none if it is no such line.

        Columns stand two blanks or a tab apart, or between upright lines. A label by itself has its value on the next
        line, if that is one; that of a server counts only below a list's first row.
        """
        if self._label is None and text.lstrip(" \t|")[:3].lower() not in _BEGINNINGS:
            return []
        found = _COLUMNS.match(text)
        label, value = (found[1], found[2]) if found is not None else (text.strip(" \t|"), "")
        name = " ".join(label.split()).rstrip(":").lower()
        if name in _LISTS or name in _OTHERS:
            return [label, value] if value else [label]
        if name in _SERVERS and self._lists and ":" not in text[: text.find(label) + len(label) + 1]:
            return [label, value] if value else [label]
        return [text] if self._label is not None and _is_value(self._label[0], text) else []

    def feed(self, number: int, cell: str) -> tuple[bool, list[Event]]:
        """Take a cell; return whether it is understood, and what a page said that is over now."""
        events: list[Event] = []
        if (found := _TITLE.search(cell)) is not None:
            events = self.end() if found[1].upper() != self._device and self._device else []
            self._device = found[1].upper()
            return True, events
        if _HOST.fullmatch(cell) is not None:
            events = self.end() if self._device not in {"", cell.upper()} else []
            self._device = cell.upper()
            return True, events
        label = " ".join(cell.split()).rstrip(":").lower()
        if label in _LABELS:
            self._value("")
            self._label = (label, number)
            if label in _LISTS and _LISTS[label][1] == "file":
                kind = _LISTS[label][0]
                events = self._flush() if kind in self._lists else []
                self._lists[kind] = _Held(number)
                self._now = kind
            return True, events
        if self._label is not None:
            return self._value(cell), events
        return False, events

    def _value(self, cell: str) -> bool:
        """Take the value of the open label."""
        if self._label is None:
            return False
        (label, number), self._label = self._label, None
        if label in _LISTS:
            kind, what = _LISTS[label]
            held = self._lists.setdefault(kind, _Held(number))
            if what == "signature":
                held.digest = _digest(cell) if _HEX.fullmatch(cell) else one_line(cell)[:80]
            else:
                held.installed = None if not cell else _ABSENT.match(cell) is None
                if _HEX.fullmatch(cell):
                    held.digest = _digest(cell)
        elif label in _SERVERS:
            if self._now is None:
                return False
            self._lists[self._now].servers.append((_SERVERS[label], one_line(cell)[:120]))
        elif cell:
            text = f"the page says: {_OTHERS[label]} {one_line(' '.join(cell.split()))[:80]}"
            self._shown.append(Event(number, None, SOURCE, "page", Grade.NOTE, text, device=self._device, quote=""))
        return True

    def end(self) -> list[Event]:
        """Return what the last page says."""
        self._value("")
        return self._flush()

    def _flush(self) -> list[Event]:
        events = [*self._shown, *(self._told(kind, held) for kind, held in self._lists.items())]
        self._shown, self._lists, self._now = [], {}, None
        return sorted(events, key=lambda event: event.line)

    def _told(self, kind: str, held: _Held) -> Event:
        who = self._device or "the phone"
        kept = bool(held.digest) if held.installed is None else held.installed
        if not kept:
            return self._event(held.line, "page-no-list", Grade.NOTE, f"{who} holds no {kind}",
                               "the next one is taken unchecked" if kind == "ITL" else "not in mixed mode, or "
                               "erased")  # fmt: skip
        name = {32: "MD5", 40: "SHA-1"}.get(len(held.digest), "")
        digest = f", {name} {held.digest}" if name else ""
        roles = [role for role, _ in held.servers]
        named = [(role, value) for role, value in held.servers if value]
        if kind == "ITL" and {"TVS", "TFTP", "CCM+TFTP"} & set(roles) and not any(role != "CAPF" for role, _ in named):
            return self._event(held.line, "page-blank-itl", Grade.WARNING, f"{who} holds a blank ITL{digest}",
                               "its TVS and TFTP rows are empty: it takes any ITL and any unsigned configuration",
                               remedies.ROLLBACK)  # fmt: skip
        mode = ""
        if kind == "ITL" and roles:
            mode = (
                ", made in mixed mode" if "CCM+TFTP" in roles else ", made in a non-secure cluster" * ("TFTP" in roles)
            )
        servers = "; ".join(f"{role} {value}" for role, value in named[:12])
        return self._event(held.line, "page-list", Grade.OK, f"{who} holds {with_article(kind)}{digest}{mode}"
                           f"{': ' + servers if servers else ''}")  # fmt: skip

    def _event(self, line: int, kind: str, grade: Grade, text: str, why: str = "", remedy: str = "") -> Event:
        return Event(line, None, SOURCE, kind, grade, text, why, remedy, self._device or device_in(text), "")
