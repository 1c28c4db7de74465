"""How each kind of phone ends a procedure, and what a person must do about those that cannot follow.

The words for an end are those of docs/specification/forecast.md 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mixedmode.procedures.facts import Facts, ListFacts, PhoneFacts, PhoneKind, ShownList


class Ending(StrEnum):
    """How a phone ends."""

    FOLLOWS = "follows"
    FOLLOWS_BY_TVS = "follows-by-tvs"
    FROZEN = "frozen"

    @property
    def promised(self) -> str:
        """The promise, for people."""
        if self is Ending.FROZEN:
            return "is frozen: it refuses the new CTL, keeps the old one and still registers"
        return "holds the published CTL and shows its checksum"


class PhoneAct(StrEnum):
    """What is done at or to one phone."""

    DELETE_CTL = "delete the CTL on the phone by hand"
    RESET = "reset it"


HOW: Final[Mapping[PhoneAct, str]] = {
    PhoneAct.DELETE_CTL: "its security menu",
    PhoneAct.RESET: "mixedmode phones reset NAME",
}
"""Where or by what."""


@dataclass(frozen=True, slots=True)
class PhoneRemedy:
    """What brings a phone back.

    Attributes:
        acts: In order.
        then: What the phone does after them.
    """

    acts: tuple[PhoneAct, ...]
    then: str

    def text(self, how: Mapping[PhoneAct, str] = HOW) -> str:
        """Return it for people.

        Args:
            how: Where or by what each act is done.
        """
        return f"{', then '.join(f'{act} ({how[act]})' for act in self.acts)}: {self.then}"


DELETE_CTL: Final = PhoneRemedy((PhoneAct.DELETE_CTL, PhoneAct.RESET), "it takes the next CTL as its first")
"""The seed's remedy for phones that cannot ask TVS."""


@dataclass(frozen=True, slots=True)
class PhoneRule:
    """How phones of a kind end.

    Attributes:
        ending: In one word.
        why: What decides it.
        does: What is done to them.
        remedy: What a person must do about each of them; None if nothing.
    """

    ending: Ending
    why: str
    does: str = "restart it"
    remedy: PhoneRemedy | None = None


Rules = Mapping[PhoneKind, PhoneRule]
"""Every kind has its rule."""

FIRST_LIST: Final[Rules] = dict.fromkeys(
    PhoneKind, PhoneRule(Ending.FOLLOWS, "it holds no CTL, and takes the first one that it is offered")
)
SIGNER_STAYS: Final[Rules] = dict.fromkeys(
    PhoneKind, PhoneRule(Ending.FOLLOWS, "the signer is a security token record of the CTL that it holds")
)
_CANNOT_ASK: Final = "it does not know the signer, and cannot ask TVS"
SIGNER_IS_NEW: Final[Rules] = {
    PhoneKind.WITH_ITL: PhoneRule(
        Ending.FOLLOWS_BY_TVS, "it asks the TVS that its ITL names about the signer that it does not know"
    ),
    PhoneKind.WITHOUT_ITL: PhoneRule(
        Ending.FROZEN,
        f"{_CANNOT_ASK}, whose certificate is in the ITL",
        "restart it before the change, so that it takes its ITL; else the remedy",
        DELETE_CTL,
    ),
    PhoneKind.LEGACY: PhoneRule(Ending.FROZEN, _CANNOT_ASK, "nothing from afar helps: the remedy", DELETE_CTL),
}


def ended_so(ending: Ending, phone: PhoneFacts, old: ListFacts | None, now: Facts, shown: ShownList) -> bool:
    """Return whether a phone ended so.

    Args:
        ending: As promised.
        phone: After its last start.
        old: The CTL that was published when the procedure began.
        now: The facts at the end.
        shown: What ``show ctl`` prints at the end.
    """
    if ending is Ending.FROZEN:
        same_as_before = old is not None and phone.ctl_md5 == old.md5
        return same_as_before and phone.keeps_old and phone.alarm == "TL_FAILED_OLD_CTL"
    same = shown.md5 is not None and (phone.ctl_md5, phone.ctl_sha1) == (shown.md5, shown.sha1)
    itl = now.itl is None or phone.itl_md5 in {now.itl.md5, None}
    return same and itl and not phone.refused
