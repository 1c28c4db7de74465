"""What might help a phone that a plan loses: changes that answer its refusals one by one.

A fix is a guess; whether it helps, the same evaluation of the changed plan says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mixedmode.forecast.evaluation import Forecast
from mixedmode.forecast.plan import Plan, Step
from mixedmode.forecast.planning.drafts import RESETS, UPDATE_CTL, Draft, Drafted, can_be_apart
from mixedmode.forecast.planning.signing import possible_signers, signer_of
from mixedmode.forecast.vouching import Store, Upload
from mixedmode.phone.mind.fate.offers import Stage, could_ask
from mixedmode.phone.mind.fate.restart import Restart
from mixedmode.phone.mind.requests import LIST_FILES, BootFile
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.lookup import anchors
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.trustlist.model import TrustList

MOST_MOVED: Final = 6
"""Steps whose order is changed at most: with more of them, one tries too long."""
_EXTRA: Final = (UPDATE_CTL, *RESETS.values())


def fixes(draft: Draft, drafted: Drafted, forecast: Forecast) -> Iterator[Draft]:
    """Yield drafts with one change more, for a phone that the draft does not save.

    Args:
        draft: How a plan is changed already.
        drafted: What that makes.
        forecast: What becomes of the phone then.
    """
    restarts = forecast.prospect.restarts
    if not draft.restarts and (len(restarts) < len(forecast.stages) or any(each is None for each in restarts)):
        yield replace(draft, restarts=True)
    for number, came in enumerate(restarts):
        if came is not None:
            yield from _of_refusals(draft, drafted, forecast, number, came)
    if not draft.again and _one_more_would_help(forecast):
        yield replace(draft, again=True)


def fixes_for_all(plan: Plan, draft: Draft) -> Iterator[Draft]:
    """Yield drafts with one change more, whichever phones the draft does not save.

    Args:
        plan: The plan that is changed.
        draft: How it is changed already.
    """
    yield from (
        replace(draft, apart=draft.apart | {place})
        for place, step in enumerate(plan.steps)
        if place not in draft.apart and can_be_apart(step)
    )
    yield from _orders(plan, draft)
    if plan.foresee is not None and any(step.operation for step in plan.steps):
        yield from (
            replace(draft, operations=draft.operations | {(place, text)})
            for place in range(len(plan.steps), -1, -1)
            for text in _EXTRA
            if (place, text) not in draft.operations
        )


def _of_refusals(draft: Draft, drafted: Drafted, forecast: Forecast, number: int, came: Restart) -> Iterator[Draft]:
    stage, before = forecast.stages[number], forecast.trust_before(number + 1)
    for file, decision in came.decisions.items():
        if not decision.refused:
            continue
        can_ask = _can_ask(forecast, before, stage) or _can_ask(forecast, came.trust, stage)
        if can_ask and stage.tvs.up == frozenset() and not draft.answering:
            yield replace(draft, answering=True)
        if file is BootFile.CONFIG:
            signer = stage.offer.file_signer
            if can_ask and signer is not None:
                place = _publisher(drafted, number, None)
                yield from _uploading(draft, place, Upload(signer, Store.CALLMANAGER))
            continue
        kind = LIST_FILES[file]
        offered = stage.offer.of(kind)
        place = _publisher(drafted, number, kind)
        step = _step_at(drafted, place)
        # An operation has its own resets.
        if not isinstance(offered, TrustList) or step is None or step.operation:
            continue
        known = signer_of(offered)
        if can_ask and known is not None:
            yield from _uploading(draft, place, Upload(known, Store.PHONE_SAST))
        held = anchors((*before.lists, *came.trust.lists))
        for each in possible_signers(offered):
            if each.der in held and (place, kind, each) not in draft.signings:
                yield replace(draft, signings=draft.signings | {(place, kind, each)})


def _uploading(draft: Draft, place: int, upload: Upload) -> Iterator[Draft]:
    if (place, upload) not in draft.uploads:
        yield replace(draft, uploads=draft.uploads | {(place, upload)})


def _can_ask(forecast: Forecast, trust: TrustState, stage: Stage) -> bool:
    model = forecast.kind.model
    able = model is not None and (model.security_by_default or "security_by_default" in model.unknown)
    return able and could_ask(trust, stage.tvs.within_reach)


def _publisher(drafted: Drafted, number: int, kind: ListKind | None) -> int:
    """Return the place of the step that published what a phone meets in a step."""
    for at in range(number, -1, -1):
        step = drafted.plan.steps[at]
        if step.signed_by is None and any(kind in {None, each.kind} for each in step.lists):
            return drafted.places[at]
    return drafted.places[number]


def _step_at(drafted: Drafted, place: int) -> Step | None:
    steps = zip(drafted.places, drafted.plan.steps, strict=True)
    return next((step for at, step in steps if at == place and step.signed_by is None and step.lists), None)


def _one_more_would_help(forecast: Forecast) -> bool:
    last = forecast.prospect.restart
    return last is not None and len(last.trust.lists) > 0 and not (last.took_all and last.registers)


def _orders(plan: Plan, draft: Draft) -> Iterator[Draft]:
    """Yield the orders with two neighbours exchanged, or a step left out, that end with the same lists."""
    order = draft.order
    if not 1 < len(order) <= MOST_MOVED:
        return
    for place in range(len(order) - 1):
        moved = [*order[:place], order[place + 1], order[place], *order[place + 2 :]]
        if ends_alike(plan, moved):
            yield replace(draft, order=tuple(moved))
    for place in order:
        left = [each for each in order if each != place]
        if not plan.steps[place].operation and plan.steps[place].lists and ends_alike(plan, left):
            yield replace(draft, order=tuple(left))


def ends_alike(plan: Plan, order: list[int]) -> bool:
    """Return whether an order of the steps ends with the same lists, but for those that operations make."""
    return _newest(plan, order) == _newest(plan, list(range(len(plan.steps))))


def _newest(plan: Plan, order: list[int]) -> dict[ListKind, TrustList | bytes | None]:
    found: dict[ListKind, TrustList | bytes | None] = {}
    for place in order:
        step = plan.steps[place]
        if not step.operation:
            found |= dict.fromkeys(step.withdrawn)
        found |= {each.kind: each.file for each in step.lists if each.source or not step.operation}
    return found
