"""What canaries show, and whether to go on: a value; signs and time in, the next value out.

Rules:

1. A canary passes when it shows the new list, or, where it shows no hash, says that it took one. It fails when it
   shows another one after it restarted, or says itself that it refused, or shows nothing until its time is over.
2. The first that fails ends the trial: nobody else is touched. All must pass for it to go on.
3. What a canary shows of the time before it restarted says nothing.
4. Who is looked at every :data:`LOOK_SECONDS`, each time for at most :data:`LOOK_LIMIT`, is stopped within a minute of
   the first refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

LOOK_SECONDS: Final = 10.0
LOOK_LIMIT: Final = 20.0
"""Seconds; together well below 60 (rule 4)."""
WITHIN: Final = 300.0
"""Seconds that a canary has to restart and to show the new list."""


class Verdict(StrEnum):
    """What is concluded of a canary."""

    WAITING = "waiting"
    HOLDS = "holds the new list"
    TOOK = "took a list that its own accept"
    """It shows no hash: its status messages say so."""
    REFUSED = "refused it"
    LATE = "showed nothing in its time"


class State(StrEnum):
    """What is concluded of all."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sign:
    """What a phone shows.

    Attributes:
        name: Its device name.
        ctl: A hash of the CTL that it holds, ``none``, or empty if it does not say.
        restarted: Whether that is of after its restart.
        refusal: What it says of a refusal itself; empty if nothing.
        took: What it says of a list that it took, where it does not say which; empty if nothing.
    """

    name: str
    ctl: str
    restarted: bool
    refusal: str = ""
    took: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is concluded of a canary, when, and from what."""

    verdict: Verdict = Verdict.WAITING
    at: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial.

    Attributes:
        wanted: Hashes of the new list: MD5, SHA-1 and SHA-256, lower hex.
        began: When the canaries were reset.
        within: Seconds that each has.
        judged: By canary.
    """

    wanted: frozenset[str]
    began: float
    within: float = WITHIN
    judged: Mapping[str, Judged] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str], wanted: Iterable[str], now: float, within: float = WITHIN) -> Trial:
        """Begin one."""
        return cls(frozenset(wanted), now, within, {name: Judged() for name in names})

    @property
    def failed(self) -> tuple[tuple[str, Judged], ...]:
        """The canaries that failed, the first one first."""
        bad = [(name, each) for name, each in self.judged.items() if each.verdict in {Verdict.REFUSED, Verdict.LATE}]
        return tuple(sorted(bad, key=lambda found: (found[1].at, found[0])))

    @property
    def state(self) -> State:
        """Whether to go on (rule 2); nobody to be tried is no reason to go on."""
        if self.failed:
            return State.FAILED
        passed = bool(self.judged) and all(
            each.verdict in {Verdict.HOLDS, Verdict.TOOK} for each in self.judged.values()
        )
        return State.PASSED if passed else State.RUNNING if self.judged else State.FAILED

    def saw(self, signs: Iterable[Sign], now: float) -> Trial:
        """Return it after signs, and what the time says."""
        judged = dict(self.judged)
        for sign in signs:
            known = judged.get(sign.name)
            if known is not None and known.verdict is Verdict.WAITING:
                judged[sign.name] = self._judge(sign, now)
        for name, known in judged.items():
            if known.verdict is Verdict.WAITING and now >= self.began + self.within:
                judged[name] = Judged(Verdict.LATE, now, f"nothing in {self.within:.0f} s")
        return replace(self, judged=judged)

    def _judge(self, sign: Sign, now: float) -> Judged:
        if not sign.restarted:
            return Judged()
        if sign.ctl.lower() in self.wanted:
            return Judged(Verdict.HOLDS, now)
        if sign.refusal:
            return Judged(Verdict.REFUSED, now, sign.refusal)
        if sign.took and not sign.ctl:
            return Judged(Verdict.TOOK, now, f"it says: {sign.took}")
        if sign.ctl:
            return Judged(Verdict.REFUSED, now, f"it restarted, and shows CTL {sign.ctl[:8]}")
        return Judged()

    def pause(self, now: float) -> float:
        """Return the seconds until the next look."""
        return max(min(LOOK_SECONDS, self.began + self.within - now), 0.0)

    def lines(self) -> list[str]:
        """Return it for people: every canary, and why."""
        found = []
        for name, each in self.judged.items():
            after = f" after {each.at - self.began:.0f} s" if each.verdict is not Verdict.WAITING else ""
            found.append(f"  {name} {each.verdict}{after}{f': {each.why}' if each.why else ''}")
        return found
