"""What can be done from afar for a phone that did not take a list (rule 4 of :mod:`mixedmode.phone.mind.fate`)."""

from __future__ import annotations

import itertools
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.fate.offers import Ask, Offer, TvsServers, asked_kinds, could_ask, is_copy, readable_part
from mixedmode.phone.mind.fate.restart import configured, offer_config, offer_list
from mixedmode.phone.mind.trust.decisions import (
    TVS_UNREACHABLE,
    ListKind,
    Reason,
    TvsAnswer,
    TvsOutcome,
    TvsQuestion,
    Voucher,
)
from mixedmode.phone.mind.trust.lookup import FILE_SIGNERS, anchors, names_file_signer
from mixedmode.phone.mind.trust.remembering import RememberingPolicy
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mixedmode.phone.mind.trust.policy import TrustPolicy
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.pki.certificates.certificates import Certificate

_EVERY_ROLE: Final = frozenset(range(256))
_OFFERS: Final = 256
"""Of which it is remembered whom their lists name."""


class Help(StrEnum):
    """What brings a file in."""

    RESTART = "restart"
    WHOLE = "whole"
    """The same list, undamaged or small enough."""
    TVS = "tvs"
    SIGN_AGAIN = "sign-again"


_MAKE_WHOLE: Final = frozenset({Help.WHOLE, Help.SIGN_AGAIN})
"""A damaged list that is signed again, by whomever, is made of its records as they were."""

_NOT_FOR_ITS_SIGNER: Final = frozenset({Reason.DIGEST_UNSUPPORTED, Reason.EXPIRED})
"""Refusals of a configuration that no list prevents, whomever it names."""


def helped(
    policy: TrustPolicy, trust: TrustState, offer: Offer, tvs: TvsServers, now: datetime | None
) -> tuple[Help, ...] | None:
    """Return what brings in all that is offered, in order; None if nothing does.

    Args:
        policy: The phone's.
        trust: What it holds.
        offer: What the servers have.
        tvs: Who could be made to answer.
        now: UTC; only looked at if expiry is checked.
    """
    question = ("helped", *trust.key, offer, tvs, now if policy.settings.check_expiry else None)
    return policy.once(question, lambda: _helped(policy, configured(trust), offer, tvs, now))


def _helped(
    policy: TrustPolicy, trust: TrustState, offer: Offer, tvs: TvsServers, now: datetime | None
) -> tuple[Help, ...] | None:
    friendly, best = _friendly(policy), None
    for order in itertools.permutations(asked_kinds(policy.model)):
        found = _in_order(policy, friendly, trust, offer, tvs, now, order)
        if found is not None and (best is None or len(found) < len(best)):
            best = found
            if len(best) == 1:  # what is missing in one order is in the other
                break
    return best


def could_take(
    policy: TrustPolicy,
    trust: TrustState,
    kind: ListKind,
    offer: Offer,
    tvs: TvsServers,
    now: datetime | None,
) -> bool:
    """Return whether a phone takes a list, or would with any help of rule 4; arguments as for :func:`helped`."""
    offered = offer.of(kind)
    if offered is None or trust.held(kind) == offered:
        return True
    trust = configured(trust)
    ask = _vouching(offer) if could_ask(trust, tvs.within_reach) else _silent
    if not offer_list(policy, trust, kind, offered, tvs.asked_by(trust), now).refused:
        return True
    return _list_help(_friendly(policy), trust, kind, offer, tvs, ask, now) is not None


def _friendly(policy: TrustPolicy) -> TrustPolicy:
    """Return the policy to which every list is whole, well signed and small enough."""

    def friendly() -> TrustPolicy:
        lenient = replace(policy.settings, refuse_over_64_kib=False, tvs_certificate_must_match=False)
        return RememberingPolicy(policy.model, lenient, lambda _header, _certificate: True)

    return policy.once("friendly", friendly)


def _in_order(
    policy: TrustPolicy,
    friendly: TrustPolicy,
    trust: TrustState,
    offer: Offer,
    tvs: TvsServers,
    now: datetime | None,
    order: Sequence[ListKind],
) -> tuple[Help, ...] | None:
    vouching = _vouching(offer)
    found: list[Help] = []
    asked = asked_kinds(policy.model)
    is_lost = any(isinstance(offer.of(kind), bytes) and _copy(offer, kind, trust) is None for kind in asked)
    for kind in order:
        offered = offer.of(kind)
        ask = vouching if could_ask(trust, tvs.within_reach) else _silent
        if offered is None or trust.held(kind) == offered:
            help_ = None
        elif not offer_list(policy, trust, kind, offered, tvs.asked_by(trust), now).refused:
            help_ = Help.RESTART
        else:
            help_ = _list_help(friendly, trust, kind, offer, tvs, ask, now)
            if help_ is None:
                return None
        if help_ is not None:
            found.append(help_)
        trust = trust if offered is None else _with(trust, kind, offer, damaged=help_ in _MAKE_WHOLE)
    if not offer_config(policy, trust, offer, tvs.asked_by(trust), now).refused:
        return tuple(dict.fromkeys(found))
    ask = vouching if could_ask(trust, tvs.within_reach) else _silent
    config = offer_config(friendly, trust, offer, ask, now)
    if not config.refused:
        found.append(Help.TVS)
    elif config.reason in _NOT_FOR_ITS_SIGNER or not _may_vouch(found, offer, trust, is_lost=is_lost):
        return None
    return tuple(dict.fromkeys(found))


def _may_vouch(found: Sequence[Help], offer: Offer, trust: TrustState, *, is_lost: bool) -> bool:
    """Return whether a list that is made whole may name who signs configurations, as far as that can be known.

    Args:
        found: What helps.
        offer: What the servers have.
        trust: What the phone holds then.
        is_lost: Whether a list cannot be read to its end and nobody has a copy: by forecast.md 5.7 the list counts.
    """
    return not _MAKE_WHOLE.isdisjoint(found) and (is_lost or _may_name_signer(offer, trust))


def _copy(offer: Offer, kind: ListKind, trust: TrustState) -> TrustList | None:
    """Return a damaged list as it would be whole: the cluster had it so before, or the phone holds it; else None."""
    offered, held = offer.of(kind), trust.held(kind)
    is_held = held is not None and offered is not None and is_copy(offered, held)
    return offer.known(kind) or (held if is_held else None)


def _with(trust: TrustState, kind: ListKind, offer: Offer, *, damaged: bool) -> TrustState:
    """Return what a phone holds once it has an offered list as it would be whole.

    Of a damaged one of which no copy is known, what can be read may name who signs files.
    """
    offered = offer.of(kind)
    whole = (_copy(offer, kind, trust) if damaged else None) or offered
    if isinstance(whole, bytes):
        part = readable_part(whole)
        whole = part if damaged and names_file_signer(part) else None
    return trust if whole is None else trust.with_list(kind, whole)


def _may_name_signer(offer: Offer, trust: TrustState) -> bool:
    """Return whether a damaged list that a phone is taken to hold names who signs configurations, but for a flaw."""
    signer = offer.file_signer
    damaged = [found for kind in ListKind if (found := trust.held(kind)) is not None and found == offer.of(kind)]
    records = (record for each in damaged for record in each.records_with_role(*FILE_SIGNERS))
    return signer is not None and any(
        record.serial == signer.serial and signer.has_issuer(record.issuer or "") for record in records
    )


def _list_help(
    friendly: TrustPolicy,
    trust: TrustState,
    kind: ListKind,
    offer: Offer,
    tvs: TvsServers,
    ask: Ask,
    now: datetime | None,
) -> Help | None:
    """Return what brings in a list that is offered and that the phone refuses."""
    offered, held = offer.of(kind), trust.held(kind)
    if offered is None:
        return None
    if held is not None and is_copy(offered, held):
        return Help.WHOLE
    if isinstance(offered, bytes):
        return Help.WHOLE if _would_take(friendly, trust, kind, offered, tvs, now) else None
    decision = offer_list(friendly, trust, kind, offered, ask, now)
    if not decision.refused:
        return Help.TVS if decision.voucher is Voucher.TVS else Help.WHOLE
    signs_again = decision.reason is not Reason.WRONG_KIND and _shares_anchor(trust, offer, offered)
    return Help.SIGN_AGAIN if signs_again else None


def _silent(_question: TvsQuestion) -> TvsAnswer:
    return TVS_UNREACHABLE


def _vouching(offer: Offer) -> Ask:
    """Return TVS as it could be: it knows every certificate that is in play, with every role."""

    def answer(question: TvsQuestion) -> TvsAnswer:
        known = _in_play(offer)
        meant = (each for each in known if each.serial == question.serial and each.has_issuer(question.issuer))
        certificate = next(meant, known[0] if known else None)
        return TvsAnswer(TvsOutcome.KNOWN, certificate, _EVERY_ROLE)

    return answer


@lru_cache(maxsize=_OFFERS)
def _in_play(offer: Offer) -> tuple[Certificate, ...]:
    lists = [each for each in (offer.ctl, offer.itl) if isinstance(each, TrustList)]
    found = [record.certificate for each in lists for record in each.records]
    return tuple(each for each in (offer.file_signer, *found) if each is not None)


def _shares_anchor(trust: TrustState, offer: Offer, offered: TrustList) -> bool:
    """Return whether one who could sign a list again stands as SAST in what the phone holds (forecast.md 5.3)."""
    signers = anchors([offered]) if offer.keys is None else offer.keys.signers(offered)
    return not anchors(trust.lists).isdisjoint(signers)


def _would_take(
    friendly: TrustPolicy, trust: TrustState, kind: ListKind, offered: bytes, tvs: TvsServers, now: datetime | None
) -> bool:
    """Return whether a list that cannot be read to its end would be taken if it were whole, by what can be read."""
    part = readable_part(offered)
    if part is None:
        return False
    decision = offer_list(friendly, trust, kind, part, _silent, now)
    return not decision.refused or (decision.reason is Reason.TVS_UNREACHABLE and could_ask(trust, tvs.within_reach))
