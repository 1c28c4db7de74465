"""The outcome of one kind of phone under a plan, with the decisions that led to it.

Rules (forecast.md 2 and 5):

1. A list that is not known makes the phone unknown, whatever the other one would decide; of a legacy model the ITL is
   not looked at.
2. What no source says of a model (Security by Default, signed configurations, SHA-512) is answered both ways, like the
   settings whose answer is not known.
3. Evaluating both ways marks what depends on a setting; it changes no outcome, other than for settings of rule 2.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, Final, TypeVar

from mixedmode.forecast.holding import held_by, servers_asked
from mixedmode.forecast.notes import notes_of
from mixedmode.forecast.plan import Plan
from mixedmode.forecast.signatures import Signatures
from mixedmode.inventory.kinds import PhoneKind, Unexplained, as_if_given
from mixedmode.phone.mind.fate.offers import Stage
from mixedmode.phone.mind.fate.prospect import OPEN_SETTINGS, Fate, Prospect, what_becomes
from mixedmode.phone.mind.models import PhoneModel
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Reason, Row, Voucher
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.remembering import RememberingPolicy
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.pki.certificates.names import serial_text
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.model import TrustList

T = TypeVar("T")
_LISTS: Final = 512
"""Lists, held or offered, of which it is remembered what is told of them: every group of phones is told of some."""
_STAGES: Final = 4096
"""Stages, and what they are made of, that plans with the same memory share."""
_ABILITIES: Final[tuple[str, ...]] = ("security_by_default", "signed_config")
_QUIET: Final = {Reason.NOT_FOUND, Reason.NOT_ASKED}


@dataclass(frozen=True, slots=True)
class Link:
    """One decision of a chain.

    Attributes:
        step: In which step, from 1.
        file: ``CTL``, ``ITL``, ``configuration`` or ``registration``.
        decision: What was decided, and why.
    """

    step: int
    file: str
    decision: Decision

    def __str__(self) -> str:
        decision = self.decision
        rule = "" if decision.row is None else f", rule {decision.row}"
        setting = "" if decision.setting is None else f", setting {decision.setting}"
        return f"step {self.step}, {self.file}: {decision.outcome} ({decision.reason}{rule}{setting}): {decision.text}"


@dataclass(frozen=True, slots=True)
class ByTvs:
    """What TVS has to say, so that a phone follows.

    Attributes:
        step: In which step, from 1.
        servers: The TVS servers that the phone can ask.
        certificate: Whom they have to vouch for.
        store: The trust store that must hold it.
    """

    step: int
    servers: tuple[str, ...]
    certificate: str
    store: str

    def __str__(self) -> str:
        servers = ", ".join(self.servers) or "the phone's TVS servers"
        return f"in step {self.step} {servers} must vouch for {self.certificate}, from {self.store}"


@dataclass(frozen=True)
class Forecast:
    """What becomes of one kind of phone.

    Attributes:
        kind: What is known of it.
        outcome: In a word.
        prospect: How that came.
        stages: What it met.
        steps: The outcome after each step.
        depends_on: Settings with which the outcome would be another.
        why_unknown: What is not known; empty unless the outcome is unknown.
        if_given: The outcomes if the phone held what it was given, where that is known and no more.
    """

    kind: PhoneKind
    outcome: Fate
    prospect: Prospect
    stages: tuple[Stage, ...]
    steps: tuple[Fate, ...]
    depends_on: tuple[str, ...] = ()
    why_unknown: str = ""
    if_given: tuple[Fate, ...] = ()

    @cached_property
    def chain(self) -> tuple[Link, ...]:
        """The decisions, in order; none where nothing was published or asked for."""
        return tuple(self._links())

    def _links(self) -> Iterator[Link]:
        for number, came in self.prospect.numbered:
            for file, decision in came.decisions.items():
                if decision.reason not in _QUIET:
                    yield Link(number, file.value, decision)
            if came.registration is not None:
                yield Link(number, "registration", came.registration)

    @property
    def deciding(self) -> Decision | None:
        """The decision that settled it: the last refusal, or else the last acceptance of a list."""
        last = self.prospect.restart
        if last is None:
            return None
        if last.registration is not None and last.registration.refused:
            return last.registration
        refused = [each for each in last.decisions.values() if each.refused]
        if refused:
            return refused[0]
        taken = [each.decision for each in self.chain if each.decision.accepted and each.file in set(ListKind)]
        return taken[-1] if taken else last.decisions[BootFile.CTL]

    @property
    def reason(self) -> str:
        """The reason code of the deciding decision, or what is not known."""
        if self.outcome is Fate.UNKNOWN:
            return self.why_unknown
        deciding = self.deciding
        return deciding.reason.value if deciding is not None else ""

    @property
    def rule(self) -> Row | None:
        """The row of phone-trust.md 2.2 of the deciding decision."""
        deciding = self.deciding
        return None if deciding is None or self.outcome is Fate.UNKNOWN else deciding.row

    @cached_property
    def by_tvs(self) -> ByTvs | None:
        """What TVS said that the phone needed, None if it needed nothing; of several things, the first."""
        if self.outcome is not Fate.FOLLOWS_BY_TVS:
            return None
        for number, came in enumerate(self.prospect.restarts, 1):
            for file, decision in came.decisions.items() if came is not None else ():
                if decision.voucher is Voucher.TVS:
                    return self.asking(number, file)
        return None

    def asking(self, step: int, file: BootFile) -> ByTvs:
        """Return whom a phone would ask in a step about a file, and about whom."""
        stage = self.stages[step - 1]
        before = self.trust_before(step)
        servers = servers_asked(before, stage.tvs.within_reach if not stage.tvs.up else stage.tvs.up)
        if file in LIST_FILES:
            return ByTvs(step, servers, signer_text(stage.offer.of(LIST_FILES[file])), "Phone-SAST-trust")
        signer = stage.offer.file_signer
        text = "" if signer is None else f"{signer.subject} (serial {serial_text(signer.serial)})"
        return ByTvs(step, servers, text, "CallManager-trust")

    def trust_before(self, step: int) -> TrustState:
        """Return what the phone held when a step began."""
        for came in reversed(self.prospect.restarts[: step - 1]):
            if came is not None:
                return came.trust
        return held_by(self.kind) or TrustState()

    @property
    def notes(self) -> tuple[str, ...]:
        """What else is worth knowing."""
        return notes_of(self.kind, self.prospect, held_by(self.kind), self.if_given)


@lru_cache(maxsize=_LISTS)
def signer_text(offered: TrustList | bytes | None) -> str:
    """Return who signed a list, as its header says."""
    if not isinstance(offered, TrustList):
        return "the signer of the list"
    header = offered.header
    return f"{header.signer_name} (serial {serial_text(header.signer_serial or b'')})"


@dataclass(frozen=True, slots=True)
class _Judged:
    """What becomes of phones that differ in nothing that decides, and the settings with which it would be otherwise."""

    prospect: Prospect
    depends_on: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """How phones decide, and what of that nobody has answered: the same for all models that can do the same."""

    policy: RememberingPolicy
    open_settings: tuple[str, ...]


class Forecaster:
    """Evaluates kinds of phones under one plan; what was verified once is not verified again.

    Args:
        plan: The change.
        settings: Answers to what the record leaves open.
        answered: The settings that somebody has answered.
        both_ways: Mark what depends on each other setting.
        now: UTC; only looked at if expiry is checked.
    """

    def __init__(
        self,
        plan: Plan,
        settings: PolicySettings | None = None,
        *,
        answered: frozenset[str] = frozenset(),
        both_ways: bool = False,
        now: datetime | None = None,
    ) -> None:
        self.plan = plan
        self.settings = settings or PolicySettings()
        self.answered = answered
        self.both_ways = both_ways
        self.now = now
        self.each_step = True
        self._verifier = Signatures(plan.unsigned)
        self._stages: dict[tuple[bool, ...], tuple[Stage, ...]] = {}
        self._open = tuple(each for each in OPEN_SETTINGS if each not in answered)
        every = (*plan.steps, plan.present) if plan.present is not None else plan.steps
        files = [each.file for step in every for each in step.lists if isinstance(each.file, TrustList)]
        codes = {*(each.header.digest_code for each in files), *(each.digest for each in every)}
        digests = codes - {None, DigestAlgorithm.SHA1}
        self._abilities = (*_ABILITIES, "sha512") if digests else _ABILITIES
        self._made: dict[Hashable, Any] = {}
        self._known: dict[tuple[object, ...], _Judged] = {}
        self._policies: dict[tuple[object, ...], RememberingPolicy] = {}
        self._rules: dict[PhoneModel, _Rules] = {}
        self._shared: dict[Hashable, Any] = {}
        self._at: dict[str, Forecaster] = {}

    def under(self, plan: Plan) -> Forecaster:
        """Return the forecaster of another plan, with what is decided already; of the end alone, not of each step."""
        other = Forecaster(plan, self.settings, answered=self.answered, now=self.now)
        self._verifier.also(plan.unsigned)
        other._verifier, other._policies, other._shared = self._verifier, self._policies, self._shared
        other.each_step = False
        return other

    def at(self, kind: PhoneKind) -> Forecaster:
        """Return the forecaster of the plan as a kind of phone meets it, at the node from which it gets its files."""
        node = self.plan.node_of(kind.itl)
        if not node:
            return self
        if node not in self._at:
            other = self._at[node] = self.under(self.plan.at(node))
            other.each_step, other.both_ways = self.each_step, self.both_ways
        return self._at[node]

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made for a key; it is made once."""
        if key not in self._made:
            self._made[key] = make()
        found: T = self._made[key]
        return found

    def of(self, kind: PhoneKind, absences: tuple[bool, ...] = ()) -> Forecast:
        """Return what becomes of a kind of phone that is off in these steps."""
        here = self.at(kind)
        if here is not self:
            return here.of(kind, absences)
        stages = self.stages(absences)
        why = self._not_known(kind)
        if why:
            nothing = Prospect(Fate.UNKNOWN, after=(Fate.UNKNOWN,) * len(stages))
            given = dict.fromkeys(self.outcome(each, absences) for each in as_if_given(kind))
            given.pop(Fate.UNKNOWN, None)
            return Forecast(kind, Fate.UNKNOWN, nothing, stages, nothing.after, why_unknown=why, if_given=tuple(given))
        known = self._judged(kind, absences)
        prospect = known.prospect
        why = f"depends on {', '.join(prospect.settings)}" if prospect.fate is Fate.UNKNOWN else ""
        return Forecast(kind, prospect.fate, prospect, stages, prospect.after, known.depends_on, why)

    def outcome(self, kind: PhoneKind, absences: tuple[bool, ...] = ()) -> Fate:
        """Return the outcome alone."""
        here = self.at(kind)
        if here is not self:
            return here.outcome(kind, absences)
        return Fate.UNKNOWN if self._not_known(kind) else self._judged(kind, absences).prospect.fate

    def _judged(self, kind: PhoneKind, absences: tuple[bool, ...]) -> _Judged:
        """Return what becomes of all phones that differ in nothing that decides."""
        assert kind.model is not None  # noqa: S101 - its absence is unknown already
        rules = self._rules_of(kind.model)
        held = held_by(kind) or TrustState()
        secure = kind.mode > 1
        stages = self.stages(absences)
        stages_id = id(stages)  # each is kept, and is one object for all who meet the same
        key = (rules.policy, held.key, secure, kind.lsc_issuer if secure else None, stages_id)
        found = self._known.get(key)
        if found is None:
            prospect = self._becomes(rules, kind, stages, held)
            depending = tuple(self._depending(rules, kind, stages, prospect)) if self.both_ways else ()
            found = self._known[key] = _Judged(prospect, (*prospect.settings, *depending))
        return found

    def _rules_of(self, model: PhoneModel) -> _Rules:
        found = self._rules.get(model)
        if found is None:
            able = tuple(getattr(model, each) for each in self._abilities)
            unsure = tuple(each for each in self._abilities if each in model.unknown)
            policy = self._policies.get((able, unsure))
            if policy is None:
                policy = self._policies[able, unsure] = RememberingPolicy(model, self.settings, self._verifier)
            found = self._rules[model] = _Rules(policy, (*self._open, *unsure))
        return found

    def policies(self, kind: PhoneKind) -> tuple[TrustPolicy, ...]:
        """Return the rules that phones of a kind may follow: several, where a question decides that nobody answered."""
        assert kind.model is not None  # noqa: S101 - its absence is unknown already
        found = [TrustPolicy(kind.model, self.settings, self._verifier)]
        for name in (*self._open, *(each for each in self._abilities if each in kind.model.unknown)):
            found += [each.turned(name) for each in found]
        return tuple(found)

    def stages(self, absences: tuple[bool, ...] = ()) -> tuple[Stage, ...]:
        """Return what a phone meets that is off in these steps."""
        stages = self._stages.get(absences)
        if stages is None and absences and True not in absences:
            stages = self._stages[absences] = self.stages()
        elif stages is None:
            stages = self._stages[absences] = tuple([self._same(each) for each in self.plan.stages(absences)])
        return stages

    def _same(self, stage: Stage) -> Stage:
        """Return the stage that all plans share that have its like: then nobody compares offers to find it."""
        shared = self._shared
        found = shared.get(stage)
        if found is None:
            if len(shared) >= _STAGES:
                shared.clear()
            offer, tvs = shared.setdefault(stage.offer, stage.offer), shared.setdefault(stage.tvs, stage.tvs)
            found = shared[stage] = Stage(offer, tvs, stage.presence)
        return found

    def _not_known(self, kind: PhoneKind) -> str:
        if kind.model is None:
            return f"model-unknown {kind.model_name}".rstrip()
        if isinstance(kind.ctl, Unexplained):
            return f"ctl-unknown {kind.ctl.digest}".rstrip()
        if isinstance(kind.itl, Unexplained) and held_by(kind) is None:
            return f"itl-unknown {kind.itl.digest}".rstrip()
        return ""

    def _becomes(self, rules: _Rules, kind: PhoneKind, stages: tuple[Stage, ...], held: TrustState) -> Prospect:
        return what_becomes(
            rules.policy,
            held,
            stages,
            mode=kind.mode,
            lsc_issuer=kind.lsc_issuer,
            now=self.now,
            open_settings=rules.open_settings,
            each_stage=self.each_step,
        )

    def _depending(
        self, rules: _Rules, kind: PhoneKind, stages: tuple[Stage, ...], prospect: Prospect
    ) -> Iterator[str]:
        held = held_by(kind) or TrustState()
        for name in (each.name for each in fields(PolicySettings)):
            if name not in self.answered and name not in OPEN_SETTINGS:
                turned = replace(rules, policy=rules.policy.turned(name))
                if self._becomes(turned, kind, stages, held).fate is not prospect.fate:
                    yield name
