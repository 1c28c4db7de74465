"""What would help a phone: the cheapest change of plan that saves it, or what can be done afterwards, or by hand.

Rules:

1. A change of plan counts only if the same evaluation then says that the phone follows. The cheapest comes first:
   restart everybody, let TVS answer, upload the signers before the step in which they are refused, all three, then
   another order of the steps.
2. What helps afterwards is for :mod:`mixedmode.phone.mind.fate.afar` to say.
3. No remedy goes back to an earlier list or another kind of signer (forecast.md 5.3).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mixedmode.forecast.by_hand import erase_by_hand
from mixedmode.forecast.evaluation import Forecast, Forecaster, signer_text
from mixedmode.forecast.plan import NOBODY, Plan, Step, Tvs
from mixedmode.phone.mind.fate.afar import Help
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.lookup import anchors
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.pki.certificates.certificates import Certificate

SAFE: Final = {Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS}
LOST: Final = {Fate.FROZEN, Fate.LOCKED_OUT}
MOST_ORDERS: Final = 24
"""Orders of steps that are tried."""


@dataclass(frozen=True)
class Change:
    """A change of plan.

    Attributes:
        text: What is done, as commands.
        plan: The plan with it.
        cost: How much it asks for.
        restarts: Whether nobody is off any more.
        order: The steps' places before, if they have others now.
    """

    text: str
    plan: Plan
    cost: int
    restarts: bool = False
    order: tuple[int, ...] = ()

    def absences(self, before: tuple[bool, ...]) -> tuple[bool, ...]:
        """Return in which steps of the changed plan a phone is off, by those of the plan before."""
        if self.restarts or not before:
            return ()
        return tuple(before[place] for place in self.order) if self.order else before


def changes(plan: Plan, absences: tuple[bool, ...] = ()) -> Iterator[Change]:
    """Yield changes of a plan, the cheapest first.

    Args:
        plan: The plan.
        absences: In which steps the phone is off that is to be saved.
    """
    every = [_restarting(plan, absences), _answering(plan), _uploading(plan)]
    known = [each for each in every if each is not None]
    for several in range(1, len(known) + 1):
        for chosen in itertools.combinations(known, several):
            yield _together(plan, chosen)
    yield from _orders(plan)


def _together(plan: Plan, chosen: tuple[Change, ...]) -> Change:
    steps = list(plan.steps)
    tvs = plan.tvs
    for change in chosen:
        for number, step in enumerate(change.plan.steps):
            old, new = plan.steps[number], step
            if new.off != old.off or new.reset != old.reset:
                steps[number] = replace(steps[number], off=new.off, reset=new.reset)
            if new.tvs != old.tvs:
                steps[number] = replace(steps[number], tvs=new.tvs)
            if new.trusted != old.trusted:
                steps[number] = replace(steps[number], trusted=new.trusted)
        tvs = change.plan.tvs if change.plan.tvs != plan.tvs else tvs
    text = "; ".join(change.text for change in chosen)
    cost = sum(change.cost for change in chosen)
    return Change(text, replace(plan, steps=tuple(steps), tvs=tvs), cost, any(change.restarts for change in chosen))


def _restarting(plan: Plan, absences: tuple[bool, ...]) -> Change | None:
    missed = [
        number
        for number, step in enumerate(plan.steps, 1)
        if not step.reset or (number <= len(absences) and absences[number - 1])
    ]
    if not missed:
        return None
    steps = tuple(replace(step, off=NOBODY, reset=True) for step in plan.steps)
    between = f"between step {missed[0]} and step {missed[0] + 1}" if missed[0] < len(steps) else "after the last step"
    return Change(f"let the phone restart {between}", replace(plan, steps=steps), 1, restarts=True)


def _answering(plan: Plan) -> Change | None:
    silent = [number for number, step in enumerate(plan.steps, 1) if (step.tvs or plan.tvs) is Tvs.DOWN]
    if not silent:
        return None
    steps = tuple(replace(step, tvs=None if step.tvs is Tvs.DOWN else step.tvs) for step in plan.steps)
    tvs = Tvs.UP if plan.tvs is Tvs.DOWN else plan.tvs
    where = ", ".join(map(str, silent))
    return Change(f"have TVS answer in step {where}", replace(plan, steps=steps, tvs=tvs), 1)


def _uploading(plan: Plan) -> Change | None:
    """Return the plan with every signer of its lists in the trust stores before the step that needs it."""
    steps, texts = [], []
    for number, step in enumerate(plan.steps, 1):
        signers = [signer for each in step.lists if (signer := signer_of(each.file)) is not None]
        new = [each for each in dict.fromkeys(signers) if each not in step.trusted]
        texts += [f"upload {name(each)} as Phone-SAST-trust before step {number}" for each in new]
        steps.append(replace(step, trusted=(*step.trusted, *new)))
    if not texts:
        return None
    return Change("; ".join(dict.fromkeys(texts)), replace(plan, steps=tuple(steps)), 2 * len(texts))


def _orders(plan: Plan) -> Iterator[Change]:
    """Yield the orders of steps that end with the same lists, as they are and with uploads."""
    count = len(plan.steps)
    for order in itertools.islice(itertools.permutations(range(count)), 1, MOST_ORDERS):
        steps = tuple(plan.steps[number] for number in order)
        if _newest(steps) == _newest(plan.steps):
            text = f"take the steps in the order {', '.join(str(number + 1) for number in order)}"
            moved = Change(text, replace(plan, steps=steps), 3, order=order)
            yield moved
            uploading = _uploading(moved.plan)
            if uploading is not None:
                yield replace(uploading, text=f"{text}; {uploading.text}", cost=3 + uploading.cost, order=order)


def _newest(steps: tuple[Step, ...]) -> dict[ListKind, TrustList | bytes]:
    return {each.kind: each.file for step in steps for each in step.lists}


def signer_of(offered: TrustList | bytes) -> Certificate | None:
    """Return the certificate of a list's signer, if the list has it."""
    if not isinstance(offered, TrustList) or not offered.header.signer_serial:
        return None
    found = offered.find_signer(offered.header.signer_issuer, offered.header.signer_serial)
    return next((each.certificate for each in found if each.certificate is not None), None)


def name(certificate: Certificate) -> str:
    """Return a certificate as people know it."""
    return f"{certificate.subject} (serial {certificate.serial.hex().upper()})"


def remedy(forecaster: Forecaster, forecast: Forecast, absences: tuple[bool, ...] = ()) -> str:
    """Return what would help a kind of phone; empty if it needs no help."""
    if forecast.outcome is Fate.UNKNOWN:
        return _to_learn(forecast)
    if forecast.outcome in SAFE:
        return ""
    if forecast.outcome is Fate.BEHIND:
        return _afterwards(forecast)
    for change in forecaster.once(absences, lambda: tuple(changes(forecaster.plan, absences))):
        if forecaster.changed(change.plan).outcome(forecast.kind, change.absences(absences)) in SAFE:
            return change.text
    if forecast.prospect.helps:
        return _afterwards(forecast)
    return erase_by_hand(forecast.kind.model)


def _to_learn(forecast: Forecast) -> str:
    kind = forecast.kind
    if kind.model is None:
        return f"find out which model {kind.model_name!r} is: mixedmode models lists those that are known"
    if forecast.depends_on:
        return f"find out, and say --policy: {', '.join(forecast.depends_on)}"
    return "find out which lists the phone holds (its security menu shows their hashes) and give their files to --lists"


def _afterwards(forecast: Forecast) -> str:
    """Return what brings a phone along after the last step."""
    texts = []
    offer = forecast.stages[-1].offer
    refused = [
        (kind, offered)
        for kind in ListKind
        if (offered := offer.of(kind)) is not None
        and forecast.prospect.restart is not None
        and forecast.prospect.restart.trust.held(kind) != offered
        and (kind is ListKind.CTL or (forecast.kind.model is not None and forecast.kind.model.asks_itl))
    ]
    kinds = " and ".join(kind.value for kind, _ in refused) or "configuration"
    for help_ in forecast.prospect.helps:
        if help_ is Help.RESTART:
            texts.append("restart the phone once more")
        elif help_ is Help.WHOLE:
            texts.append(f"publish the same {kinds} again, whole, well signed and under 64 KB, and restart the phone")
        elif help_ is Help.TVS:
            signers = dict.fromkeys(signer_text(offered) for _, offered in refused)
            who = " and ".join(signers) or "the signer of configurations"
            texts.append(f"upload {who} as Phone-SAST-trust, see that TVS answers, and restart the phone")
        else:
            known = _anchors(forecast, [offered for _, offered in refused])
            texts.append(
                f"have the {kinds} signed by {known} and restart the phone: "
                + " and ".join(f"utils {kind.value.lower()} reset localkey" for kind, _ in refused)
            )
    return "; then ".join(texts)


def _anchors(forecast: Forecast, refused: list[TrustList | bytes]) -> str:
    came = forecast.prospect.restart
    known = anchors(came.trust.lists) if came is not None else frozenset()
    every = [record for each in refused if isinstance(each, TrustList) for record in each.records_with_role(Role.SAST)]
    names = dict.fromkeys(record.subject or "?" for record in every if record.certificate_der in known)
    return " or ".join(names) or "an anchor that the phone holds"
