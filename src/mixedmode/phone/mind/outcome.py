"""What came of a boot: the one value that a phone, a fleet, a lab and every report speak of.

A boot's verdict, the first that holds:

========= ==========================================================================================
refused   it refused a file that it was offered; what it held stays in force
gave-up   a file did not come, however often the phone asked
ok        it took everything, or held it already, or the server has nothing newer
========= ==========================================================================================

A phone that refused a list for its signer keeps the older one that it holds: it follows no new list until TVS vouches
for the signer, one whom it trusts signs again, or a person erases the list on the phone. A damaged list is refused
too, and the next whole one is taken. What the refusal means for the phone in the end, in one of six words,
:mod:`mixedmode.phone.mind.fate.observed` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from mixedmode.phone.mind.alarms import Alarm, ListEvent
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.screen import screen_document, shown_checksum, trust_list_screen
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Reason

if TYPE_CHECKING:
    from mixedmode.phone.mind.config import PhoneConfig
    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.state import PhoneState, TrustState
    from mixedmode.trustlist.model import TrustList

SIGNER_REFUSED: Final = frozenset(
    {
        Reason.UNKNOWN_SIGNER,
        Reason.EXPIRED,
        Reason.TVS_NOT_USABLE,
        Reason.TVS_UNREACHABLE,
        Reason.TVS_ROLE,
        Reason.TVS_MISMATCH,
    }
)
"""Reasons to refuse a file that lie in who signed it."""


class Verdict(StrEnum):
    """What a boot amounts to."""

    OK = "ok"
    REFUSED = "refused"
    GAVE_UP = "gave-up"


@dataclass(frozen=True, slots=True)
class BootOutcome:
    """How one phone's boot ended.

    Attributes:
        name: The phone's name.
        model: What it can do.
        state: What it holds now.
        events: What happened to each list.
        alarm: The trust list alarm that it raises, None if there is nothing to tell.
        messages: Status messages, in order.
        decisions: What the policy said about each file that was asked for, in order; None for one that did not come.
        config: What the configuration in force says.
        reachable: Whether the server answered at all.
        log: Console log lines, where somebody wrote them down.
        offered: The lists that came, as bytes if they cannot be read.
    """

    name: str
    model: PhoneModel
    state: PhoneState
    events: Mapping[ListKind, ListEvent]
    alarm: Alarm | None
    messages: tuple[str, ...]
    decisions: Mapping[BootFile, Decision | None]
    config: PhoneConfig | None
    reachable: bool
    log: tuple[str, ...] = ()
    offered: Mapping[ListKind, TrustList | bytes] = field(default_factory=dict)

    @property
    def trust(self) -> TrustState:
        """What it trusts now."""
        return self.state.trust

    @property
    def refused(self) -> bool:
        """Whether it refused a file that it was offered."""
        return any(decision is not None and decision.refused for decision in self.decisions.values())

    @property
    def verdict(self) -> Verdict:
        """What the boot amounts to."""
        if self.refused:
            return Verdict.REFUSED
        return Verdict.GAVE_UP if None in self.decisions.values() else Verdict.OK

    @property
    def kept_lists(self) -> tuple[ListKind, ...]:
        """The lists that it refused for their signer while it keeps an older one."""
        return tuple(
            kind
            for file, kind in LIST_FILES.items()
            if (decision := self.decisions.get(file)) is not None
            and decision.reason in SIGNER_REFUSED
            and self.events[kind] is ListEvent.REFUSED_OLD
        )

    @property
    def exit_code(self) -> int:
        """3 if the server did not answer, 1 if the phone refused a file or did not get one, else 0."""
        if not self.reachable:
            return 3
        return 0 if self.verdict is Verdict.OK else 1

    @property
    def summary(self) -> str:
        """One line on what the phone says."""
        return "; ".join(self.messages) or (self.alarm.name if self.alarm is not None else "nothing new")

    def trouble(self) -> tuple[str, str, str] | None:
        """Return file, reason and explanation of the first thing that went wrong, None if nothing did."""
        for file, decision in self.decisions.items():
            if decision is None:
                return file.value, "not-fetched", "the file did not come"
            if decision.refused:
                return file.value, decision.reason.value, decision.text
        return None

    def refusals(self) -> dict[str, str]:
        """Return the files that it refused, and why."""
        return {file.value: each.text for file, each in self.decisions.items() if each is not None and each.refused}

    @property
    def shown(self) -> str | None:
        """The checksum of the CTL that its own screen shows, MD5 or SHA-1 by model; None without a CTL."""
        return None if self.trust.ctl is None else shown_checksum(self.model, self.trust.ctl)

    def screen(self) -> list[str]:
        """Return the trust list screen."""
        return trust_list_screen(self.model, self.trust)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "device": self.name,
            "model": self.model.name,
            "reachable": self.reachable,
            "alarm": alarm_document(self.alarm),
            "messages": list(self.messages),
            "trust_list": screen_document(self.model, self.trust),
            "decisions": {file.value: decision and _decision(decision) for file, decision in self.decisions.items()},
            "log": list(self.log),
        }


def alarm_document(alarm: Alarm | None) -> dict[str, Any] | None:
    """Return an alarm as JSON."""
    return None if alarm is None else {"code": alarm.value, "name": alarm.name}


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "outcome": decision.outcome.value,
        "reason": decision.reason.value,
        "text": decision.text,
        "row": decision.row,
        "voucher": decision.voucher and decision.voucher.value,
        "record": decision.record,
        "setting": decision.setting,
        "older": decision.older,
    }
