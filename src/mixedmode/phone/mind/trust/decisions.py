"""The words in which the phone's policy speaks: decisions, their reasons, and questions for TVS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate

Row = int | str
"""A row of the table: its number, or the number with a letter as text."""


class ListKind(StrEnum):
    """The two trust lists."""

    CTL = "CTL"
    ITL = "ITL"

    @property
    def filename(self) -> str:
        """The generic name of the file."""
        return f"{self}File.tlv"


class Outcome(StrEnum):
    """What the phone does with what it was offered."""

    ACCEPT = "accept"
    """Store it (a list: keep the old one as ``.bak``)."""
    REJECT = "reject"
    """Do not write it; what was stored stays authoritative (phone-trust.md 0, rule 5)."""
    KEEP = "keep"
    """Nothing new came; what was stored stays."""
    REMOVE = "remove"
    """Forget the stored list; only with ``ctl_kept_on_404`` switched off."""


class Reason(StrEnum):
    """Why."""

    TRUSTED_SIGNER = "trusted-signer"
    TRUSTED_BY_TVS = "trusted-by-tvs"
    FIRST_USE = "first-use"
    ROLLBACK = "rollback"
    NON_SECURE = "non-secure"
    SIGNATURE_IGNORED = "signature-ignored"
    UNCHANGED = "unchanged"
    NOT_FOUND = "not-found"
    NOT_ASKED = "not-asked"
    CORRUPT = "corrupt"
    TOO_LARGE = "too-large"
    TOO_MANY_SAST = "too-many-sast"
    DIGEST_UNSUPPORTED = "digest-unsupported"
    BAD_SIGNATURE = "bad-signature"
    EXPIRED = "expired"
    UNKNOWN_SIGNER = "unknown-signer"
    TVS_UNREACHABLE = "tvs-unreachable"
    TVS_NOT_USABLE = "tvs-not-usable"
    TVS_ROLE = "tvs-role"
    TVS_MISMATCH = "tvs-mismatch"
    UNSIGNED = "unsigned"
    WRONG_FILENAME = "wrong-filename"
    WRONG_KIND = "wrong-kind"
    OLDER_LIST = "older-list"
    LSC_ISSUER = "lsc-issuer"


class Voucher(StrEnum):
    """Who vouched for the signer."""

    CTL = "stored CTL record"
    ITL = "stored ITL record"
    TVS = "TVS"
    FIRST_USE = "trust on first use"
    ROLLBACK_ITL = "rollback ITL"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of the policy.

    Attributes:
        outcome: What the phone does.
        reason: Why, for programs.
        text: Why, for people.
        row: The row of phone-trust.md 2.2, such as 10 or ``10b``; None for the events of 2.3.
        voucher: Who vouched, None if nobody did or had to.
        record: Number of the record that vouched, in the stored list.
        setting: The :class:`PolicySettings` field that settled it, None if the source is clear.
        older: Whether an accepted list was signed before the one that it replaces.
    """

    outcome: Outcome
    reason: Reason
    text: str
    row: Row | None = None
    voucher: Voucher | None = None
    record: int | None = None
    setting: str | None = None
    older: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the offered file is stored."""
        return self.outcome is Outcome.ACCEPT

    @property
    def refused(self) -> bool:
        """Whether the offered file is refused."""
        return self.outcome is Outcome.REJECT


@dataclass(frozen=True, slots=True)
class TvsQuestion:
    """Whom a phone asks TVS about: the signer as the file's header names it (QUERY, phone-trust.md 3.4).

    Attributes:
        subject: Subject text.
        issuer: Issuer text.
        serial: Serial bytes, verbatim.
    """

    subject: str
    issuer: str
    serial: bytes


class TvsOutcome(Enum):
    """How TVS answered."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    """No server answered, or none whose certificate the ITL holds."""


@dataclass(frozen=True, slots=True)
class TvsAnswer:
    """What came back.

    Attributes:
        outcome: How TVS answered.
        certificate: The signer's certificate, if it is known.
        roles: Its roles by wire code.
        ttl: Seconds that the answer may be kept.
    """

    outcome: TvsOutcome
    certificate: Certificate | None = None
    roles: frozenset[int] = frozenset()
    ttl: int = 0


TVS_UNKNOWN = TvsAnswer(TvsOutcome.UNKNOWN)
TVS_UNREACHABLE = TvsAnswer(TvsOutcome.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class NeedTvs:
    """The policy cannot decide without TVS: ask, and offer the file again with the answer."""

    question: TvsQuestion


Verdict = Decision | NeedTvs


def settle(decide: Callable[[TvsAnswer | None], Verdict], ask: Callable[[TvsQuestion], TvsAnswer]) -> Decision:
    """Return the decision of a two-phase question, with TVS at hand as a plain function.

    Args:
        decide: Offers the file, without an answer of TVS or with one.
        ask: TVS.
    """
    verdict = decide(None)
    while isinstance(verdict, NeedTvs):
        verdict = decide(ask(verdict.question))
    return verdict
