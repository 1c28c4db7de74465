"""AXL of the publisher: one request at a time, with all that it does when it is asked for too much (1.1 to 1.5, 1.9).

Rules:

1. The version is the cluster's own; status 599 says which there are, and then one of those is tried, once.
2. A reply that would be too large names how many rows would do: seven tenths of that are asked for from then on.
3. Where memory is used up, or requests are throttled, wait 5 s, then twice as long, five times.
4. Pages go by key: each begins behind the last row, and the last page is the one without rows. A server that shows a
   row again does not page, and is not believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mixedmode.errors import RemoteError, RemoteProtocolError
from mixedmode.live.allowed.requests import AXL
from mixedmode.live.sources.catalogue import Query
from mixedmode.live.wire.clock import Clock
from mixedmode.live.wire.https import Web
from mixedmode.live.wire.soap import Fault, envelope, opened, text_element
from mixedmode.xml_reader import Element

Row = dict[str, str]
SPACE: Final = "http://www.cisco.com/AXL/API/"
VERSIONS: Final = ((10, 0), (10, 5), (11, 0), (11, 5), (12, 0), (12, 5), (14, 0), (15, 0))
PAGE: Final = 2000
"""Rows of a page, until a server says that it is too many."""
_SUGGESTED: Final = re.compile(r"suggest\w{0,20} row fetch:\D{0,80}([0-9]{1,9})", re.IGNORECASE)
_ABSENT_NAME: Final = re.compile(
    r"\b(?:table|column)\s*\(?['\"]?([a-z][\w.]*)['\"]?\)?\s+(?:is\s+)?not\b", re.IGNORECASE
)
_MEMORY: Final = re.compile(r"maximum axl memory", re.IGNORECASE)
_LISTED: Final = re.compile(r"\b([0-9]{1,2})\.([0-9]{1,2}|x)\b", re.IGNORECASE)
_TRIES, _FIRST_WAIT = 5, 5.0
_OK, _FORBIDDEN, _ABSENT, _BUSY, _WRONG_VERSION = 200, 403, 404, 503, 599
_ROLES: Final = (
    "give it the roles Standard AXL Read Only API Access and Standard AXL API Users, and check that the Cisco AXL Web "
    "Service is started"
)
_WORDS: Final = {
    _FORBIDDEN: ("AXL refuses this account", _ROLES),
    _ABSENT: ("there is no AXL here", "activate the Cisco AXL Web Service on the publisher"),
}


class AxlFaultError(RemoteError):
    """AXL answered with a fault.

    Args:
        fault: What it said.
        where: The server.
    """

    default_code = "axl-fault"

    def __init__(self, fault: Fault, where: str) -> None:
        super().__init__(
            f"AXL answers: {fault.text or 'a fault'}", where=where, why=fault.code and f"code {fault.code}"
        )
        self.fault = fault

    @property
    def suggested(self) -> int | None:
        """How many rows would not be too many, if that is what is wrong."""
        found = _SUGGESTED.search(self.fault.text)
        return int(found[1]) if found else None

    @property
    def absent(self) -> str:
        """The table or column that is not there, if that is what is wrong; else empty."""
        found = _ABSENT_NAME.search(self.fault.text)
        return "" if found is None else found[1].lower()


class Axl:
    """AXL of one node.

    Args:
        web: The node.
        release: Of the cluster, such as ``14.0.1``; empty if it is not known.
        clock: Waits.
    """

    def __init__(self, web: Web, release: str, clock: Clock) -> None:
        self._web, self._clock = web, clock
        self.version = version_for(release)
        self._page = PAGE

    def call(self, operation: str, inner: str = "") -> Element:
        """Ask for an operation and return the ``return`` of its answer.

        Raises:
            AxlFaultError: It answers with a fault.
            RemoteError: It does not answer.
        """
        wait, tries, tried = _FIRST_WAIT, 0, False
        while True:
            target = f"CUCM:DB ver={self.version} {operation}"
            response = self._web.post(AXL, target, envelope(f"{SPACE}{self.version}", operation, inner))
            if response.status == _WRONG_VERSION and not tried:
                tried = True
                self.version = version_of_page(response.body.decode("utf-8", "replace"), self.version)
                continue
            answer = opened(response, self._web.where)
            busy = response.status == _BUSY or (isinstance(answer, Fault) and _MEMORY.search(answer.text) is not None)
            if busy and tries < _TRIES:
                self._clock.sleep(wait)
                wait, tries = wait * 2, tries + 1
                continue
            if isinstance(answer, Fault):
                raise AxlFaultError(answer, self._web.where)
            if response.status != _OK or answer is None:
                what, step = _WORDS.get(response.status, (f"AXL answers with HTTP status {response.status}", None))
                raise RemoteError(what, where=self._web.where, next_step=step, code="axl-status")
            return answer.child("return") or Element("", "return")

    def select(self, statement: str) -> list[Row]:
        """Return the rows of a statement: none, one, or many.

        Raises:
            NotAllowedError: It does not only read.
            RemoteError: It is not answered.
        """
        found = self.call("executeSQLQuery", text_element("sql", statement))
        return [{each.name.lower(): _cell(each) for each in row.children} for row in found.all("row")]

    def pages(self, query: Query, after: str = "") -> Iterator[list[Row]]:
        """Yield the rows of a query, a page at a time (rule 4).

        Args:
            query: With a key.
            after: The key of the last row that is there already.

        Raises:
            RemoteError: It is not answered, or the server does not page.
        """
        seen: set[str] = set()
        size = min(self._page, query.page)
        while True:
            try:
                rows = self.select(query.statement(size, after))
            except AxlFaultError as error:
                suggested = error.suggested
                smaller = 0 if suggested is None else min(size - 1, max(1, suggested * 7 // 10))
                if smaller < 1:
                    raise
                size = smaller
                continue
            if not rows:
                return
            keys = {row.get(query.key_name, "") for row in rows}
            if keys & seen or "" in keys:
                raise RemoteProtocolError(
                    "the server shows rows again in place of the next ones", where=self._web.where
                )
            seen |= keys
            after = rows[-1][query.key_name]
            yield rows


def version_for(release: str) -> str:
    """Return the schema to speak with a release: its own, or the next older one."""
    found = re.match(r"([0-9]{1,2})\.([0-9]{1,2})", release)
    wanted = (int(found[1]), int(found[2])) if found else VERSIONS[-2]
    return _text(max((each for each in VERSIONS if each <= wanted), default=VERSIONS[0]))


def version_of_page(page: str, tried: str) -> str:
    """Return the newest schema that a page of status 599 names, no newer than what was tried if there is such a one.

    Raises:
        RemoteError: It names none that is known.
    """
    bare = re.sub(r"<[^<>]*>", " ", page)
    start = bare.lower().find("supported axl versions are")
    named: set[tuple[int, int]] = set()
    for major, minor in _LISTED.findall(bare[max(start, 0) :][:500]):
        named |= {each for each in VERSIONS if each[0] == int(major) and (minor in "xX" or each[1] == int(minor))}
    if not named:
        raise RemoteError("AXL does not speak this version, and does not say which", code="axl-version")
    limit = next((each for each in VERSIONS if _text(each) == tried), VERSIONS[-1])
    return _text(max((each for each in named if each < limit), default=max(named)))


def _cell(element: Element) -> str:
    """Return what a column holds: its text, or the elements in it where XML stands there as it is."""
    return element.text or "".join(f"<{each.name}>{each.text}</{each.name}>" for each in element.children)


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
