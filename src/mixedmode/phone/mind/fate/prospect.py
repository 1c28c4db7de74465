"""The six words for what becomes of a phone (rules 3, 5 and 6 of :mod:`mixedmode.phone.mind.fate`)."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.fate.afar import Help, helped
from mixedmode.phone.mind.fate.offers import Offer, Presence, Stage
from mixedmode.phone.mind.fate.restart import Restart, configured, register, restart
from mixedmode.phone.mind.trust.decisions import ListKind

if TYPE_CHECKING:
    from datetime import datetime

    from mixedmode.phone.mind.trust.policy import TrustPolicy
    from mixedmode.phone.mind.trust.state import TrustState

OPEN_SETTINGS: Final = ("first_ctl_from_unknown_signer",)
"""Settings of the policy whose answer the public record does not give."""


class Fate(StrEnum):
    """What becomes of a phone."""

    FOLLOWS = "follows"
    FOLLOWS_BY_TVS = "follows-by-tvs"
    BEHIND = "behind"
    FROZEN = "frozen"
    LOCKED_OUT = "locked-out"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What becomes of a phone, and why.

    Attributes:
        fate: In a word.
        restarts: What each stage's restart came to; None where there was none.
        returns: The restart that is still to come, of a phone without one in the last stage.
        settings: Questions that decide and that nobody has answered.
        helps: What brings a phone that is behind along.
        registers_now: Whether a phone that was not restarted can register with what it holds.
    """

    fate: Fate
    restarts: tuple[Restart | None, ...] = ()
    returns: Restart | None = None
    settings: tuple[str, ...] = ()
    helps: tuple[Help, ...] = ()
    registers_now: bool = True

    @property
    def restart(self) -> Restart | None:
        """The last restart, also one that is still to come; None if it is not known what the phone holds."""
        return self.returns or next((each for each in reversed(self.restarts) if each is not None), None)


def what_becomes(
    policy: TrustPolicy,
    held: TrustState | None,
    stages: Sequence[Stage],
    *,
    mode: int = 1,
    lsc_issuer: str | None = None,
    now: datetime | None = None,
    open_settings: Collection[str] = OPEN_SETTINGS,
) -> Prospect:
    """Return what becomes of a phone.

    Args:
        policy: Its trust rules.
        held: What it holds; None if that is not known.
        stages: What it meets, in order; at least one.
        mode: Its ``deviceSecurityMode``.
        lsc_issuer: The name of the CAPF that issued its LSC; None if that is not known.
        now: UTC; only looked at if expiry is checked.
        open_settings: Questions to answer in every way: fields of the policy's settings or of the model (rule 5).
    """
    if held is None:
        return Prospect(Fate.UNKNOWN)
    prospect = _settled(policy, held, stages, mode, lsc_issuer, now)
    undecided: dict[str, None] = {}
    for several in range(1, len(open_settings) + 1):
        for names in itertools.combinations(open_settings, several):
            if undecided.keys() & set(names):
                continue
            turned = policy
            for name in names:
                turned = turned.turned(name)
            if _settled(turned, held, stages, mode, lsc_issuer, now).fate is not prospect.fate:
                undecided |= dict.fromkeys(names)
    return replace(prospect, fate=Fate.UNKNOWN, settings=tuple(undecided)) if undecided else prospect


def _settled(
    policy: TrustPolicy,
    held: TrustState,
    stages: Sequence[Stage],
    mode: int,
    lsc_issuer: str | None,
    now: datetime | None,
) -> Prospect:
    held = held if policy.model.asks_itl or held.itl is None else held.with_list(ListKind.ITL, None)
    last = stages[-1]

    def start(trust: TrustState, stage: Stage, *, silent: bool = False) -> Restart:
        tvs = stage.tvs.silent if silent else stage.tvs
        return restart(policy, trust, stage.offer, tvs, mode=mode, lsc_issuer=lsc_issuer, now=now)

    def run(*, silent: bool = False) -> tuple[tuple[Restart | None, ...], TrustState]:
        trust = held
        course: list[Restart | None] = []
        for stage in stages:
            came = start(trust, stage, silent=silent) if stage.presence is Presence.RESTARTS else None
            course.append(came)
            trust = trust if came is None else came.trust
        return tuple(course), trust

    restarts, trust = run()
    present = restarts[-1]
    came = present or start(trust, last)
    registers_now = True
    if present is None and last.presence is Presence.STAYS:
        now_held = configured(trust)
        server = register(policy, now_held, last.offer, mode, lsc_issuer, last.tvs.asked_by(now_held))
        registers_now = server is None or not server.refused
    prospect = Prospect(Fate.FOLLOWS, restarts, came if present is None else None, registers_now=registers_now)
    if not (came.registers and registers_now):
        helps = helped(policy, came.trust, last.offer, last.tvs, now)
        return replace(prospect, fate=Fate.LOCKED_OUT, helps=helps or ())
    if not came.took_all:
        helps = helped(policy, came.trust, last.offer, last.tvs, now)
        return replace(prospect, fate=Fate.FROZEN if helps is None else Fate.BEHIND, helps=helps or ())
    if present is None and not _holds(policy, trust, last.offer):
        return replace(prospect, fate=Fate.BEHIND, helps=(Help.RESTART,))
    alone, trust = run(silent=True)
    quiet = alone[-1] or start(trust, last, silent=True)
    return prospect if quiet.took_all else replace(prospect, fate=Fate.FOLLOWS_BY_TVS)


def _holds(policy: TrustPolicy, trust: TrustState, offer: Offer) -> bool:
    """Return whether a phone holds every list that is offered and that it asks for."""
    kinds = [kind for kind in ListKind if kind is ListKind.CTL or policy.model.asks_itl]
    return all(offer.of(kind) is None or trust.held(kind) == offer.of(kind) for kind in kinds)
