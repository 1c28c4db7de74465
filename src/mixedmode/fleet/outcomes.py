"""What came of a fleet's boots: each phone's outcome, and the report of the whole run.

A phone's verdict, the first that holds:

========= ==========================================================================================
refused   it refused a file that it was offered; what it held stays in force
gave-up   a file did not come, however often the phone asked
ok        it took everything, or held it already, or the server has nothing newer
========= ==========================================================================================

``locked_out`` counts those who refused a trust list for its signer while they hold an older one: they follow no new
list until TVS vouches for the signer, one whom they trust signs again, or a person erases the list on the phone. A
damaged list is refused too, but locks nobody out: the next whole one is taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import ceil
from typing import Any, Final

from mixedmode.fleet.downloads import Traffic
from mixedmode.phone.mind.alarms import Alarm, ListEvent
from mixedmode.phone.mind.requests import LIST_FILES, BootFile, Finished
from mixedmode.phone.mind.trust.decisions import Decision, Reason
from mixedmode.phone.mind.trust.state import PhoneState

SLOWEST: Final = 10
NAMED: Final = 100
"""How many unhappy phones a document names, and how many of the slowest."""


_SIGNER_REFUSED: Final = {
    Reason.UNKNOWN_SIGNER,
    Reason.EXPIRED,
    Reason.TVS_NOT_USABLE,
    Reason.TVS_UNREACHABLE,
    Reason.TVS_ROLE,
    Reason.TVS_MISMATCH,
}


class Verdict(StrEnum):
    """What a boot amounts to."""

    OK = "ok"
    REFUSED = "refused"
    GAVE_UP = "gave-up"


@dataclass(frozen=True, slots=True)
class PhoneOutcome:
    """How one phone's boot ended.

    Attributes:
        name: Its device name.
        model: Its model's name.
        verdict: What the boot amounts to.
        alarm: The trust list alarm that it raises.
        decisions: About each file, in order; None for one that could not be fetched.
        events: What happened to CTL and ITL.
        messages: Status messages.
        reachable: Whether the server answered at all.
        seconds: From the phone's first request to its last decision.
        since_power_on: The same from when it was switched on, waiting for its turn included.
        state: What it holds now.
    """

    name: str
    model: str
    verdict: Verdict
    alarm: Alarm | None
    decisions: tuple[tuple[BootFile, Decision | None], ...]
    events: tuple[ListEvent, ListEvent]
    messages: tuple[str, ...]
    reachable: bool
    seconds: float
    since_power_on: float
    state: PhoneState

    @property
    def locked_out(self) -> bool:
        """Whether it refused a list for its signer and keeps an older one."""
        return any(
            decision is not None and decision.reason in _SIGNER_REFUSED and event is ListEvent.REFUSED_OLD
            for decision, event in zip(self._about_lists(), self.events, strict=True)
        )

    def trouble(self) -> tuple[str, str, str] | None:
        """Return file, reason and explanation of the first thing that went wrong, None if nothing did."""
        for file, decision in self.decisions:
            if decision is None:
                return file.value, "not-fetched", "the file did not come"
            if decision.refused:
                return file.value, decision.reason.value, decision.text
        return None

    def _about_lists(self) -> list[Decision | None]:
        known = dict(self.decisions)
        return [known.get(file) for file in LIST_FILES]


def outcome_of(
    device: str,
    model: str,
    result: Finished,
    state: PhoneState,
    *,
    reachable: bool,
    seconds: float,
    since_power_on: float,
) -> PhoneOutcome:
    """Return the outcome of a finished boot."""
    if result.refused:
        verdict = Verdict.REFUSED
    else:
        verdict = Verdict.GAVE_UP if None in result.decisions.values() else Verdict.OK
    decisions = tuple((file, result.decisions[file]) for file in BootFile if file in result.decisions)
    return PhoneOutcome(
        device,
        model,
        verdict,
        result.alarm,
        decisions,
        (result.ctl, result.itl),
        result.messages,
        reachable,
        seconds,
        since_power_on,
        state,
    )


@dataclass(frozen=True, slots=True)
class FleetReport:
    """What a run showed.

    Attributes:
        outcomes: Of each phone, in the fleet's order.
        seconds: The whole run.
        traffic: TFTP datagrams.
        tvs_questions: How often a TVS server was asked.
    """

    outcomes: Sequence[PhoneOutcome]
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

    @property
    def locked_out(self) -> int:
        """How many phones are locked out."""
        return sum(each.locked_out for each in self.outcomes)

    @property
    def rate(self) -> float:
        """Boots a second."""
        return len(self.outcomes) / self.seconds if self.seconds else 0.0

    def reasons(self) -> dict[str, dict[str, int]]:
        """Return, by file, how often each outcome and reason was decided."""
        counted: dict[BootFile, Counter[str]] = {file: Counter() for file in BootFile}
        for each in self.outcomes:
            for file, decision in each.decisions:
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
        """Return the verdicts by model."""
        found: dict[str, Counter[str]] = {}
        for each in self.outcomes:
            found.setdefault(each.model, Counter())[each.verdict.value] += 1
        return {model: dict(counts) for model, counts in sorted(found.items())}

    def slowest(self, count: int = SLOWEST) -> list[PhoneOutcome]:
        """Return the phones whose boots took longest, the slowest first."""
        return sorted(self.outcomes, key=lambda each: -each.seconds)[:count]

    def unhappy(self) -> list[PhoneOutcome]:
        """Return the phones that refused something or did not get it, in the fleet's order."""
        return [each for each in self.outcomes if each.verdict is not Verdict.OK]

    def document(self) -> dict[str, Any]:
        """Return the report as JSON; times are seconds."""
        return {
            "phones": len(self.outcomes),
            "seconds": round(self.seconds, 3),
            "phones_per_second": round(self.rate, 1),
            "outcomes": {verdict.value: count for verdict, count in self.verdicts.items()},
            "locked_out": self.locked_out,
            "failures": self.failures(),
            "decisions": self.reasons(),
            "alarms": self.alarms(),
            "models": self.models(),
            "boot_seconds": spread([each.seconds for each in self.outcomes]),
            "since_power_on_seconds": spread([each.since_power_on for each in self.outcomes]),
            "slowest": [
                {"name": each.name, "model": each.model, "seconds": round(each.seconds, 4)} for each in self.slowest()
            ],
            "unhappy": [_named(each) for each in self.unhappy()[:NAMED]],
            "tvs_questions": self.tvs_questions,
            "datagrams": asdict(self.traffic),
        }


def _named(outcome: PhoneOutcome) -> dict[str, Any]:
    file, reason, text = outcome.trouble() or ("", "", "")
    return {
        "name": outcome.name,
        "model": outcome.model,
        "outcome": outcome.verdict.value,
        "locked_out": outcome.locked_out,
        "file": file,
        "reason": reason,
        "text": text,
    }


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 90th and 99th percentile (nearest rank) and the maximum; zeros for no values."""
    ordered = sorted(seconds)
    return {
        name: round(ordered[max(0, ceil(share * len(ordered)) - 1)], 4) if ordered else 0.0
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
    }
