"""What a TVS was asked and what it answered: one event out of the many lines of its trace (seed; phone-trust.md 3.4).

Rules:

1. A question begins with ``tvsHandleQueryCertReq`` (or ``...Verify...``) alone, or with a second subject.
2. The caches are looked in one after another: a miss in the database's and a hit in the CTL file's is a hit.
3. Role 0 makes phones take a list; 2 and 3 only configurations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from mixedmode.explain import remedies
from mixedmode.explain.rules import Entry, quoted
from mixedmode.explain.servers import TVS_TRACE
from mixedmode.explain.values import Event, Grade
from mixedmode.printable import one_line
from mixedmode.trustlist.roles import ROLES_BY_CODE, Role

_BEGINS: Final = re.compile(r"tvsHandle(?:Query|Verify)CertReq\s*$", re.IGNORECASE)
_SUBJECT: Final = re.compile(r"Subject Name\s+is\s*:\s*(.{0,1024})", re.IGNORECASE)
_ISSUER: Final = re.compile(r"(?<!SAST )Issuer Name\s+is\s*:\s*(.{0,1024})", re.IGNORECASE)
_SERIAL: Final = re.compile(r"Serial Number\s+is\s*:\s*([0-9A-Fa-f:]{2,160})", re.IGNORECASE)
_COUNT: Final = re.compile(r"rolecount\s*:\s*([0-9]{1,4})", re.IGNORECASE)
_ROLE: Final = re.compile(r"\{\s*role\s*:\s*([0-9]{1,4})\s*\}", re.IGNORECASE)
_CACHE: Final = re.compile(r"Certificate(DB|CTL)Cache", re.IGNORECASE)
_KEYS: Final = (
    "tvshandlequerycertreq", "tvshandleverifycertreq", "::getcertificateinformation", "convertx509toder", "{rolecount",
    "{role ",
)  # fmt: skip
_CACHES: Final = {"DB": "the database", "CTL": "the CTL file"}


@dataclass(slots=True)
class _Question:
    """A question that is being read."""

    line: int
    time: str | None
    quote: str
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    token: bool = False
    found: str = ""
    missed: list[str] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)


class TvsReader:
    """Finds questions and answers in entries."""

    def __init__(self) -> None:
        self._open: _Question | None = None

    def feed(self, entry: Entry, lowered: str) -> tuple[bool, list[Event]]:
        """Take an entry.

        Returns:
            Whether it belongs to a question, and the questions that are answered now.
        """
        if not any(key in lowered for key in _KEYS):
            return False, []
        events: list[Event] = []
        text = entry.text
        subject = _SUBJECT.search(text)
        again = subject is not None and self._open is not None and bool(self._open.subject)
        if _BEGINS.search(text) or again:
            events = self.end()
        current = self._open
        if current is None:
            if "timer started" in lowered or "convertx509toder" in lowered:
                return True, events
            current = self._open = _Question(entry.line, entry.time, quoted(text))
        if subject is not None:
            current.subject = _name(subject[1])
        elif (found := _ISSUER.search(text)) is not None:
            current.issuer = _name(found[1])
        elif (found := _SERIAL.search(text)) is not None:
            current.serial = found[1].replace(":", "").upper()
        elif "etoken" in lowered:
            current.token = True
        self._looked(current, text, lowered)
        if "timer started" in lowered:
            events += self.end()
        return True, events

    @staticmethod
    def _looked(current: _Question, text: str, lowered: str) -> None:
        """Note what a cache said (rule 2)."""
        cache = _CACHE.search(text)
        name = _CACHES.get(cache[1].upper(), "") if cache is not None else ""
        if "cannot find" in lowered:
            current.missed.append(name)
        elif "rolecount" in lowered and _COUNT.search(text):
            current.found, current.roles = name or "a cache", []
        roles = _ROLE.findall(text)
        if len(current.roles) < 64:
            current.roles += [int(each) for each in roles]

    def end(self) -> list[Event]:
        """Return what the last question says."""
        found, self._open = self._open, None
        return [_event(found)] if found is not None and (found.serial or found.found or found.missed) else []


def _event(found: _Question) -> Event:
    who = f"{found.subject or found.issuer or 'a certificate'}"
    serial = f" (serial {found.serial})" if found.serial else ""
    asked = f"a phone asked TVS about {who}{serial}{', a security token' if found.token else ''}"
    if found.found:
        roles = [ROLES_BY_CODE[each].label if each in ROLES_BY_CODE else str(each) for each in found.roles]
        text = f"{asked}: vouched for from {found.found}, roles {', '.join(roles) or 'not shown'}"
        if Role.SAST in found.roles:
            return _made(found, "tvs-vouched", Grade.OK, f"{text}: phones take a list that it signed")
        if not found.roles:
            return _made(found, "tvs-vouched", Grade.OK, text)
        return _made(
            found, "tvs-role", Grade.NOTE, text, "without role 0 (SAST) phones refuse lists that it signed; "
            "configurations "
            "they take with role 2 or 3", remedies.ROLE,
        )  # fmt: skip
    if found.missed:
        places = " and ".join(dict.fromkeys(each or "a cache" for each in found.missed))
        return _made(
            found, "tvs-unknown", Grade.REFUSED, f"{asked}: not known ({places})", "the certificate is in no trust "
            "store "
            "that TVS looks into, so phones refuse what it signed", remedies.UPLOAD_SAST,
        )  # fmt: skip
    return _made(found, "tvs-asked", Grade.NOTE, f"{asked}; the answer is not in this log")


def _made(found: _Question, kind: str, grade: Grade, text: str, why: str = "", remedy: str = "") -> Event:
    return Event(found.line, found.time, TVS_TRACE, kind, grade, text, why, remedy, "", found.quote)


def _name(text: str) -> str:
    return one_line(re.sub(r";\s+", ";", text.strip()))[:240]
