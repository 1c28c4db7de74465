"""Findings as pages show them: each with the page where its remedy is, looked up at most every two seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from mixedmode.audit.findings import Finding, Kind, Severity, findings
from mixedmode.audit.looking import facts_of
from mixedmode.cluster.facade import Cluster
from mixedmode.control.door import Control
from mixedmode.faces.web.kit.frame import FrameStore

_FRESH_SECONDS: Final = 2.0
_SERVICES: Final = ("Control Center", "/ccmservice/services?node={node}&service={subject}")
_LISTS: Final = ("CTL and ITL", "/trust/lists")
_PHONES: Final = ("Those phones", "/ccmadmin/phones?outcome={subject}")
_CERTIFICATES: Final = ("Certificate Management", "/cmplatform/certificates")
_WHERE: Final = {
    Kind.STOPPED: _SERVICES,
    Kind.RESTART: _SERVICES,
    Kind.CUT_OFF: ("Audit log", "/ccmservice/audit"),
    Kind.NO_LIST: _LISTS,
    Kind.LIST_DIFFERS: _LISTS,
    Kind.CTL_OLD: _LISTS,
    Kind.LOCKED_OUT: _PHONES,
    Kind.FROZEN: _PHONES,
    Kind.BEHIND: _PHONES,
    Kind.ENDED: _CERTIFICATES,
    Kind.ENDING: _CERTIFICATES,
}
_LOOKS: Final = {
    Severity.CRITICAL: ("fail", "Critical"),
    Severity.WARNING: ("warn", "Warning"),
    Severity.NOTICE: ("wait", "Notice"),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A finding on a page.

    Attributes:
        finding: What is wrong.
        link: Where its link leads, in words.
        path: Its address.
    """

    finding: Finding
    link: str
    path: str

    @classmethod
    def of(cls, finding: Finding) -> Card:
        """Return the card of a finding."""
        link, path = _WHERE[finding.kind]
        return cls(finding, link, path.format(node=quote(finding.node), subject=quote(finding.subject)))

    @property
    def look(self) -> str:
        """The state that stands for its severity."""
        return _LOOKS[self.finding.severity][0]

    @property
    def word(self) -> str:
        """Its severity in a word."""
        return _LOOKS[self.finding.severity][1]

    @property
    def where(self) -> str:
        """At whose prompt its command is typed."""
        return self.finding.node or "the publisher"


class CardStore:
    """Looks findings up.

    Args:
        cluster: To be read.
        control: Says which operation was cut off.
        frame: Has the counts of phones.
    """

    def __init__(self, cluster: Cluster, control: Control, frame: FrameStore) -> None:
        self._cluster, self._control, self._frame = cluster, control, frame
        self._lock = threading.Lock()
        self._kept: list[Card] = []
        self._until = 0.0
        self._clock: Callable[[], float] = time.monotonic

    def get(self, *, anew: bool = False) -> list[Card]:
        """Return the findings, worst first, two seconds old at most.

        Args:
            anew: Look now, as who checks one again wants.

        Raises:
            DatabaseError: The database does not answer.
        """
        with self._lock:
            if anew or self._clock() >= self._until:
                phones = {fate.value: number for fate, number in self._frame.get().counts.of.items()}
                facts = facts_of(self._cluster, phones, self._control.running())
                self._kept = [Card.of(each) for each in findings(facts)]
                self._until = self._clock() + _FRESH_SECONDS
            return self._kept
