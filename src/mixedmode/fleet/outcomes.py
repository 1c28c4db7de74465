"""What came of a fleet's boots: the report of a whole run. A single boot's is :mod:`mixedmode.phone.mind.outcome`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil
from typing import Any, Final

from mixedmode.fleet.downloads import Traffic
from mixedmode.phone.mind.fate.observed import fate_of, observed
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.outcome import BootOutcome, Verdict
from mixedmode.phone.mind.requests import BootFile
from mixedmode.phone.mind.trust.decisions import ListKind

SLOWEST: Final = 10
NAMED: Final = 100
"""How many unhappy phones a document names, and how many of the slowest."""


@dataclass(frozen=True, slots=True)
class Span:
    """How long a boot took, in seconds.

    Attributes:
        seconds: From the phone's first request to its last decision.
        since_power_on: The same from when it was switched on, waiting for its turn included.
    """

    seconds: float
    since_power_on: float


@dataclass(frozen=True)
class FleetReport:
    """What a run showed.

    Attributes:
        outcomes: Of each phone, in the fleet's order.
        spans: How long each of them took.
        seconds: The whole run.
        traffic: TFTP datagrams.
        tvs_questions: How often a TVS server was asked.
    """

    outcomes: Sequence[BootOutcome]
    spans: Sequence[Span]
    seconds: float
    traffic: Traffic
    tvs_questions: int

    @property
    def exit_code(self) -> int:
        """3 if the server answered no phone at all, 1 if any phone refused or did not get a file, else 0."""
        if self.outcomes and not any(each.reachable for each in self.outcomes):
            return 3
        return 0 if all(each.verdict is Verdict.OK for each in self.outcomes) else 1

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many phones have each verdict."""
        counted = Counter(each.verdict for each in self.outcomes)
        return {verdict: counted[verdict] for verdict in Verdict}

    @cached_property
    def fates(self) -> Sequence[Fate]:
        """What became of each phone, in the fleet's order; phones of which all is the same are judged once."""
        known: dict[tuple[object, ...], Fate] = {}
        found = []
        for each in self.outcomes:
            mode = None if each.config is None else each.config.device_security_mode
            decisions = tuple((file, made and (made.reason, made.voucher)) for file, made in each.decisions.items())
            offered = tuple(each.offered.get(kind) for kind in ListKind)
            key = (each.model.name, each.reachable, each.trust.ctl, each.trust.itl, mode, decisions, offered)
            fate = known.get(key)
            if fate is None:
                fate = known[key] = fate_of(each)
            found.append(fate)
        return found

    @property
    def numbers(self) -> dict[Fate, int]:
        """How many phones have each outcome, all six of them."""
        counted = Counter(self.fates)
        return {fate: counted[fate] for fate in Fate}

    @property
    def rate(self) -> float:
        """Boots a second."""
        return len(self.outcomes) / self.seconds if self.seconds else 0.0

    def reasons(self) -> dict[str, dict[str, int]]:
        """Return, by file, how often each outcome and reason was decided."""
        counted: dict[BootFile, Counter[str]] = {file: Counter() for file in BootFile}
        for each in self.outcomes:
            for file, decision in each.decisions.items():
                said = "not fetched" if decision is None else f"{decision.outcome.value}: {decision.reason.value}"
                counted[file][said] += 1
        return {file.value: dict(counts.most_common()) for file, counts in counted.items() if counts}

    def failures(self) -> dict[str, int]:
        """Return how many phones failed, by file and cause, the most frequent first."""
        troubles = (each.trouble() for each in self.outcomes)
        return dict(Counter(f"{found[0]}: {found[1]}" for found in troubles if found is not None).most_common())

    def alarms(self) -> dict[str, int]:
        """Return how many phones raised each alarm."""
        counted = Counter(each.alarm for each in self.outcomes if each.alarm is not None)
        return {f"{alarm.value} {alarm.name}": count for alarm, count in sorted(counted.items())}

    def models(self) -> dict[str, dict[str, int]]:
        """Return how many phones have which outcome, by model."""
        found: dict[str, Counter[str]] = {}
        for each, fate in zip(self.outcomes, self.fates, strict=True):
            found.setdefault(each.model.name, Counter())[fate.value] += 1
        return {model: dict(counts) for model, counts in sorted(found.items())}

    def slowest(self, count: int = SLOWEST) -> list[tuple[BootOutcome, Span]]:
        """Return the phones whose boots took longest, the slowest first."""
        timed = zip(self.outcomes, self.spans, strict=True)
        return sorted(timed, key=lambda each: -each[1].seconds)[:count]

    def unhappy(self) -> list[tuple[BootOutcome, Fate]]:
        """Return the phones that refused something or did not get it, in the fleet's order, and what became of them."""
        every = zip(self.outcomes, self.fates, strict=True)
        return [(each, fate) for each, fate in every if each.verdict is not Verdict.OK]

    def document(self) -> dict[str, Any]:
        """Return the report as JSON; times are seconds."""
        return {
            "phones": len(self.outcomes),
            "seconds": round(self.seconds, 3),
            "phones_per_second": round(self.rate, 1),
            "outcomes": {fate.value: count for fate, count in self.numbers.items()},
            "verdicts": {verdict.value: count for verdict, count in self.verdicts.items()},
            "failures": self.failures(),
            "decisions": self.reasons(),
            "alarms": self.alarms(),
            "models": self.models(),
            "boot_seconds": spread([each.seconds for each in self.spans]),
            "since_power_on_seconds": spread([each.since_power_on for each in self.spans]),
            "slowest": [
                {"name": each.name, "model": each.model.name, "seconds": round(span.seconds, 4)}
                for each, span in self.slowest()
            ],
            "unhappy": [_named(each, fate) for each, fate in self.unhappy()[:NAMED]],
            "tvs_questions": self.tvs_questions,
            "datagrams": asdict(self.traffic),
        }


def _named(outcome: BootOutcome, fate: Fate) -> dict[str, Any]:
    file, reason, text = outcome.trouble() or ("", "", "")
    return {
        "name": outcome.name,
        "model": outcome.model.name,
        "outcome": fate.value,
        "verdict": outcome.verdict.value,
        "file": file,
        "reason": reason,
        "text": text,
        "note": observed(outcome).note or None,
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 90th and 99th percentile (nearest rank) and the maximum; zeros for no values."""
    ordered = sorted(seconds)
    return {
        name: round(ordered[max(0, ceil(share * len(ordered)) - 1)], 4) if ordered else 0.0
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
    }
