"""What a cluster has seen of its phones: which lists it gave them, what they asked, reported, and how they registered.

A delivery is no proof that a phone took the list: what may be concluded is said by :mod:`mixedmode.inventory.evidence`.

Rules:

1. Of each kind of fact the newest is kept, except of deliveries: those after the last report are kept all, since each
   may have changed what the phone holds. Beyond :data:`MOST` of them nobody knows any more, which :data:`LOST` says.
2. Of the deliveries before a report only the last is kept, for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeVar

MOST: Final = 6
"""Deliveries of one kind that are kept after a report."""
LOST: Final = ""
"""Stands for the SHA-256 of a list of which nothing more is known."""
NONE: Final = "none"
"""What a report says of a list that the phone does not hold."""
KINDS: Final = ("CTL", "ITL")


class Delivery(NamedTuple):
    """A list went to who asked for it by a phone's own name for it.

    Attributes:
        moment: Seconds since 1970; so are those of the other facts.
        address: Who took it.
        sha256: Of the list, lower hex, or :data:`LOST`.
        whole: Whether its end was acknowledged; if not, it may have arrived all the same.
    """

    moment: float
    address: str
    sha256: str
    whole: bool = True


class Fetched(NamedTuple):
    """A phone's configuration was delivered.

    Attributes:
        name: Of the file; it shows whether a signed one was wanted.
    """

    moment: float
    address: str
    name: str


class Asked(NamedTuple):
    """A phone asked TVS.

    Attributes:
        serial: Of the certificate that it asked about, upper hex; empty where it showed the certificate itself.
        known: Whether TVS knew it.
    """

    moment: float
    address: str
    serial: str
    known: bool


class Registered(NamedTuple):
    """A phone registered.

    Attributes:
        security: ``non-secure``, ``authenticated`` or ``encrypted``.
    """

    moment: float
    address: str
    security: str


class Reported(NamedTuple):
    """A registered phone said what it holds: the SHA-1 of each list, :data:`NONE`, or nothing about it (None)."""

    moment: float
    ctl: str | None
    itl: str | None

    def of(self, kind: str) -> str | None:
        """Return what it said of a kind of list."""
        return self.ctl if kind == "CTL" else self.itl


@dataclass(slots=True)
class Seen:
    """What was seen of one phone."""

    deliveries: dict[str, list[Delivery]] = field(default_factory=dict)
    fetched: Fetched | None = None
    asked: Asked | None = None
    registered: Registered | None = None
    reported: dict[str, tuple[float, str]] = field(default_factory=dict)
    """By kind: when the phone last said what it holds of it, and what."""

    @property
    def last(self) -> float:
        """When anything was heard of the phone last; 0 if nothing ever was."""
        facts = (self.registered, self.fetched, self.asked, *(each[-1] for each in self.deliveries.values() if each))
        moments = [fact.moment for fact in facts if fact is not None]
        return max([*moments, *(moment for moment, _ in self.reported.values())], default=0.0)

    @property
    def address(self) -> str:
        """Where it registered from last, or else took its configuration."""
        fact = self.registered or self.fetched
        return "" if fact is None else fact.address

    def said(self, kind: str) -> tuple[float, str]:
        """Return when it last said what it holds of a kind, and what; 0 and nothing if it never did."""
        return self.reported.get(kind, (0.0, ""))

    def deliver(self, kind: str, delivery: Delivery) -> None:
        """Add a delivery (rule 1)."""
        known = self.deliveries.setdefault(kind, [])
        if known and known[-1].sha256 == delivery.sha256:
            known[-1] = max(known[-1], delivery)
            return
        known.append(delivery)
        if len(known) > MOST:
            known[:2] = [known[1]._replace(sha256=LOST, whole=False)]

    def report(self, report: Reported) -> None:
        """Add a report (rule 2)."""
        for kind in KINDS:
            held = report.of(kind)
            if held is not None and report.moment >= self.said(kind)[0]:
                self.reported[kind] = report.moment, held
        self._prune()

    def merge(self, later: Seen) -> None:
        """Add what was seen later, or at the same time elsewhere."""
        for kind, found in later.deliveries.items():
            for delivery in found:
                self.deliver(kind, delivery)
            self.deliveries[kind].sort()
        for kind, (moment, held) in later.reported.items():
            if moment >= self.said(kind)[0]:
                self.reported[kind] = moment, held
        self.fetched = _newer(self.fetched, later.fetched)
        self.asked = _newer(self.asked, later.asked)
        self.registered = _newer(self.registered, later.registered)
        self._prune()

    def _prune(self) -> None:
        for kind, (moment, _) in self.reported.items():
            found = self.deliveries.get(kind)
            if found:
                self.deliveries[kind] = [each for each in found[:-1] if each.moment > moment] + found[-1:]

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        facts = {"fetched": self.fetched, "asked": self.asked, "registered": self.registered}
        found: dict[str, Any] = {name: list(fact) for name, fact in facts.items() if fact is not None}
        for kind, each in self.deliveries.items():
            found[kind] = [list(delivery) for delivery in each]
        if self.reported:
            found["reported"] = {kind: list(said) for kind, said in self.reported.items()}
        return found

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Seen:
        """Return what a document says."""
        return cls(
            {kind: [Delivery(*each) for each in document[kind]] for kind in KINDS if kind in document},
            Fetched(*document["fetched"]) if "fetched" in document else None,
            Asked(*document["asked"]) if "asked" in document else None,
            Registered(*document["registered"]) if "registered" in document else None,
            {kind: (said[0], said[1]) for kind, said in document.get("reported", {}).items()},
        )


_Fact = TypeVar("_Fact", Fetched, Asked, Registered)


def _newer(one: _Fact | None, other: _Fact | None) -> _Fact | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
