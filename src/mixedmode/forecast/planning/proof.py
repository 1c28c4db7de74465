"""Why no plan saves a phone, in one sentence.

The proof: from what the phone holds, let it take every list that it could take with every help there is (restarts, TVS
vouching for anything wherever it can be asked, lists signed again by any of their anchors), in any order and as often
as it likes. If the newest lists are not among what it may hold then, no plan brings them in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mixedmode.articles import with_article
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.holding import held_by
from mixedmode.phone.mind.fate.afar import could_take
from mixedmode.phone.mind.fate.offers import Offer, Stage, TvsServers, asked_kinds, holds_all
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.lookup import anchors, names_tvs
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.inventory.kinds import PhoneKind
    from mixedmode.phone.mind.models import PhoneModel

NOT_FOUND = "a plan might save it, but none of those that were tried does without losing another"


def why_lost(forecaster: Forecaster, kind: PhoneKind) -> str | None:
    """Return why no plan saves a phone, None if that is not proved; it is found once for what the phone holds."""
    key = ("why lost", kind.model, kind.ctl, kind.itl)
    return forecaster.once(key, lambda: _why_lost(forecaster.at(kind), kind))


def _why_lost(forecaster: Forecaster, kind: PhoneKind) -> str | None:
    held = held_by(kind)
    if held is None or kind.model is None:
        return None
    policies = forecaster.policies(kind)
    reachable: set[TrustState] = set()
    stages = forecaster.stages()
    for policy in policies:
        found = _reachable(policy, held.as_held_by(policy.model), stages, forecaster)
        if any(holds_all(policy.model, each, stages[-1].offer) for each in found):
            return None
        reachable |= found
    return _sentence(kind.model, held.as_held_by(kind.model), reachable, stages)


def _reachable(
    policy: TrustPolicy, held: TrustState, stages: tuple[Stage, ...], forecaster: Forecaster
) -> set[TrustState]:
    """Return everything that a phone can be brought to hold."""
    tvs = _anyone_in_reach(stages)
    offers = _offers(stages)
    found, waiting = {held}, [held]
    while waiting:
        trust = waiting.pop()
        for offer in offers:
            for kind in asked_kinds(policy.model):
                offered = offer.of(kind)
                taken = isinstance(offered, TrustList) and could_take(policy, trust, kind, offer, tvs, forecaster.now)
                if taken and isinstance(offered, TrustList):
                    after = trust.with_list(kind, offered)
                    if after not in found:
                        found.add(after)
                        waiting.append(after)
    return found


def _offers(stages: tuple[Stage, ...]) -> list[Offer]:
    """Return each list that is on the servers at some time."""
    ctls = dict.fromkeys(stage.offer.ctl for stage in stages)
    itls = dict.fromkeys(stage.offer.itl for stage in stages)
    last = stages[-1].offer
    return [replace(last, ctl=each, itl=None) for each in ctls] + [replace(last, ctl=None, itl=each) for each in itls]


def _anyone_in_reach(stages: tuple[Stage, ...]) -> TvsServers:
    servers: frozenset[bytes] = frozenset()
    for stage in stages:
        if stage.tvs.within_reach is None:
            return TvsServers(within_reach=None)
        servers |= stage.tvs.within_reach
    return TvsServers(within_reach=servers)


def _sentence(model: PhoneModel, held: TrustState, reachable: set[TrustState], stages: tuple[Stage, ...]) -> str:
    newest = stages[-1].offer
    missing = [
        kind
        for kind in asked_kinds(model)
        if newest.of(kind) is not None and all(each.held(kind) != newest.of(kind) for each in reachable)
    ]
    words = " and the ".join(missing) or "lists"
    damaged = [kind.value for kind in missing if not isinstance(newest.of(kind), TrustList)]
    if damaged:
        return f"the newest {' and '.join(damaged)} cannot be read, and its signer is none whom the phone can trust"
    tvs = _about_tvs(model, held)
    ways = {each for each in reachable if each != held}
    every = [each for stage in stages for each in (stage.offer.ctl, stage.offer.itl) if isinstance(each, TrustList)]
    if not ways and anchors(held.lists).isdisjoint(anchors(every)):
        return f"it holds no anchor in common with anything that a permitted step can publish, and {tvs}"
    if all(anchors(each.lists).isdisjoint(_anchors_of(newest, missing)) for each in reachable):
        return f"nothing that it can be brought to hold has an anchor in common with the newest {words}, and {tvs}"
    return f"phones refuse the newest {words} whoever signs it, and {tvs}"


def _anchors_of(offer: Offer, kinds: list[ListKind]) -> frozenset[bytes]:
    return anchors([each for kind in kinds if isinstance(each := offer.of(kind), TrustList)])


def _about_tvs(model: PhoneModel, held: TrustState) -> str:
    if not model.security_by_default:
        return f"{with_article(model.name)} cannot ask TVS"
    if held.itl is None or not names_tvs(held.itl):
        return "its ITL names no TVS server" if held.itl is not None else "without an ITL it can ask no TVS server"
    return "none of the TVS servers that its ITL names can be made to answer"
