"""The six words for what becomes of a phone (rules 3, 5 and 6 of :mod:`mixedmode.phone.mind.fate`)."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.fate.afar import Help, helped
from mixedmode.phone.mind.fate.offers import Presence, Stage, holds_all
from mixedmode.phone.mind.fate.restart import NON_SECURE, Restart, configured, register, restart
from mixedmode.phone.mind.trust.decisions import Voucher

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


LOST: Final = (Fate.LOCKED_OUT, Fate.FROZEN)
"""Somebody must go to the phone, or to its server; the worst first."""
SAFE: Final = (Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS)
"""It holds what is published."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What becomes of a phone, and why.

    Attributes:
        fate: In a word.
        restarts: What each stage's restart came to; None where there was none.
        returns: The restart that is still to come, of a phone without one in the last stage.
        settings: Questions that decide and that nobody has answered.
        helps: What brings a phone that is behind along.
        after: The same word after each stage.
    """

    fate: Fate
    restarts: tuple[Restart | None, ...] = ()
    returns: Restart | None = None
    settings: tuple[str, ...] = ()
    helps: tuple[Help, ...] = ()
    after: tuple[Fate, ...] = ()

    @property
    def numbered(self) -> list[tuple[int, Restart]]:
        """The restarts by the number of their stage, from 1; the one that is still to come is of the last."""
        last = len(self.restarts), self.returns
        every = (*enumerate(self.restarts, 1), last)
        return [(number, came) for number, came in every if came is not None]

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
    each_stage: bool = True,
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
        each_stage: Whether to say what it is after each stage, not after the last one alone: the half of the work.
    """
    if held is None:
        return Prospect(Fate.UNKNOWN, after=(Fate.UNKNOWN,) * len(stages))
    names = [name for name in open_settings if _matters(name, policy, held)]
    prospect = _settled(policy, held, stages, mode, lsc_issuer, now, each_stage=each_stage)
    undecided: dict[str, None] = {}
    after = list(prospect.after)
    for several in range(1, len(names) + 1):
        for chosen in itertools.combinations(names, several):
            is_settled = not undecided.keys().isdisjoint(chosen)
            if is_settled and set(after[:-1]) <= {Fate.UNKNOWN}:
                continue
            turned = policy
            for name in chosen:
                turned = turned.turned(name)
            other = _settled(turned, held, stages, mode, lsc_issuer, now, each_stage=each_stage)
            after = [one if one is two else Fate.UNKNOWN for one, two in zip(after, other.after, strict=True)]
            if other.fate is not prospect.fate and not is_settled:
                undecided |= dict.fromkeys(chosen)
    if not names:
        return prospect
    fate = Fate.UNKNOWN if undecided else prospect.fate
    return Prospect(fate, prospect.restarts, prospect.returns, tuple(undecided), prospect.helps, tuple(after))


def _matters(setting: str, policy: TrustPolicy, held: TrustState) -> bool:
    """Return whether a setting can make a difference to a phone: a first CTL comes only where there is none."""
    return setting != "first_ctl_from_unknown_signer" or held.ctl is None or not policy.settings.ctl_kept_on_404


def _settled(
    policy: TrustPolicy,
    held: TrustState,
    stages: Sequence[Stage],
    mode: int,
    lsc_issuer: str | None,
    now: datetime | None,
    *,
    each_stage: bool,
) -> Prospect:
    course = _Course(policy, mode, lsc_issuer, now)
    begin = course.standing(held.as_held_by(policy.model))
    loud = course.run(begin, stages)
    quiet: list[_Moment] | None = None
    asked_tvs = False
    found: list[tuple[Fate, tuple[Help, ...]]] = []
    first = 0 if each_stage else len(stages) - 1
    for number, moment in enumerate(loud):
        asked_tvs = asked_tvs or moment.by_tvs
        if number < first:
            continue
        fate, helps = moment.judged or course.judge(stages[number], moment)
        if fate is Fate.FOLLOWS and asked_tvs:
            quiet = quiet or course.run(begin, stages, silent=True)
            if not quiet[number].came.took_all:
                fate = Fate.FOLLOWS_BY_TVS
        found.append((fate, helps))
    last, (fate, helps) = loud[-1], found[-1]
    return Prospect(
        fate,
        tuple([each.came if each.was_there else None for each in loud]),
        None if last.was_there else last.came,
        helps=helps,
        after=tuple([each for each, _ in found]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """What phones hold: the same one for all that hold the same, so that nobody compares lists to find it."""

    trust: TrustState


@dataclass(slots=True, eq=False)
class _Moment:
    """Phones that hold the same, at a stage.

    Attributes:
        came: Their restart, or the next one that they will make.
        was_there: Whether they restarted.
        by_tvs: Whether they took something because TVS vouched for it.
        before: What they held when the stage began.
        after: What they hold after it.
        judged: What they are after it, and what helps them, once somebody has asked.
    """

    came: Restart
    was_there: bool
    by_tvs: bool
    before: _Standing
    after: _Standing
    judged: tuple[Fate, tuple[Help, ...]] | None = None


@dataclass(frozen=True, slots=True)
class _Course:
    """Lets a phone go through stages; where others were before it goes by what the policy remembers of them."""

    policy: TrustPolicy
    mode: int
    lsc_issuer: str | None
    now: datetime | None

    def standing(self, trust: TrustState) -> _Standing:
        """Return what a phone holds, as the one that stands for all that hold the same."""
        return self.policy.once(("stands", *trust.key), lambda: _Standing(trust))

    def run(self, standing: _Standing, stages: Sequence[Stage], *, silent: bool = False) -> list[_Moment]:
        """Return the phone at each stage."""
        policy, secure = self.policy, self.mode > NON_SECURE
        # What does not decide is left out, so that more phones share what is found.
        way = silent, secure, self.lsc_issuer if secure else None, self.now if policy.settings.check_expiry else None
        found = []
        for stage in stages:
            here = standing, stage, way
            moment = policy.known(here) or policy.once(here, partial(self._moment, standing, stage, silent=silent))
            found.append(moment)
            standing = moment.after
        return found

    def _moment(self, standing: _Standing, stage: Stage, *, silent: bool) -> _Moment:
        tvs, trust = stage.tvs.silent if silent else stage.tvs, standing.trust
        came = restart(self.policy, trust, stage.offer, tvs, mode=self.mode, lsc_issuer=self.lsc_issuer, now=self.now)
        was_there = stage.presence is Presence.RESTARTS
        by_tvs = any(decision.voucher is Voucher.TVS for decision in came.decisions.values())
        return _Moment(came, was_there, by_tvs, standing, self.standing(came.trust) if was_there else standing)

    def judge(self, stage: Stage, moment: _Moment) -> tuple[Fate, tuple[Help, ...]]:
        """Return what a phone is after a stage, as if TVS could do no harm by being silent, and what helps it."""
        found = moment.judged = self._judged(stage, moment)
        return found

    def _judged(self, stage: Stage, moment: _Moment) -> tuple[Fate, tuple[Help, ...]]:
        came, offer, before = moment.came, stage.offer, moment.before.trust
        registers = came.registers and (stage.presence is not Presence.STAYS or self._registers(before, stage))
        if not (registers and came.took_all):
            helps = helped(self.policy, came.trust, offer, stage.tvs, self.now)
            fate = Fate.LOCKED_OUT if not registers else Fate.FROZEN if helps is None else Fate.BEHIND
            return fate, helps or ()
        if not moment.was_there and not holds_all(self.policy.model, before, offer):
            return Fate.BEHIND, (Help.RESTART,)
        return Fate.FOLLOWS, ()

    def _registers(self, trust: TrustState, stage: Stage) -> bool:
        now_held = configured(trust)
        ask = stage.tvs.asked_by(now_held)
        decision = register(self.policy, now_held, stage.offer, self.mode, self.lsc_issuer, ask)
        return decision is None or not decision.refused
