"""The six words of boots that really were: the same rules as for those that are foreseen (forecast.md 2 and 5).

Rules:

1. A phone whom no server answered is ``unknown``: nobody knows what it would have been offered.
2. A phone that took all that it was offered follows; ``follows-by-tvs`` if it would not have, had TVS been silent.
3. Of the others it is asked what a forecast asks: whether they register in their security mode by what they hold, and
   whether something from afar brings along what they did not take. A file that did not come is brought by the next
   restart.
4. A phone that is seen to be registered is not locked out, whatever its lists say of the server that the CTL names
   first: a forecast does not count the other servers of its group (forecast.md 5.8), one of which has taken it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mixedmode.phone.mind.fate.afar import helped
from mixedmode.phone.mind.fate.offers import Offer, TvsServers
from mixedmode.phone.mind.fate.prospect import SAFE, Fate
from mixedmode.phone.mind.fate.restart import register, restart
from mixedmode.phone.mind.trust.decisions import TVS_UNREACHABLE, ListKind, Voucher
from mixedmode.phone.mind.trust.lookup import tvs_certificates
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.phone.mind.trust.state import TrustState


def fate_of(boot: BootOutcome, *, registered: bool = False) -> Fate:
    """Return what a phone is after one boot.

    Args:
        boot: How it ended.
        registered: Whether it is seen to be registered (rule 4); False also if nobody looked.
    """
    if not boot.reachable:
        return Fate.UNKNOWN
    if not boot.refused and None not in boot.decisions.values():
        return Fate.FOLLOWS_BY_TVS if _asked_tvs(boot) else Fate.FOLLOWS
    policy, offer = TrustPolicy(boot.model), _offer(boot)
    mode = (boot.config.device_security_mode if boot.config is not None else None) or 1
    if not registered:
        registration = register(policy, boot.trust, offer, mode, None, lambda _question: TVS_UNREACHABLE)
        if registration is not None and registration.refused:
            return Fate.LOCKED_OUT
    if None in boot.decisions.values() and not boot.refused:
        return Fate.BEHIND
    named = frozenset(tvs_certificates(offer.itl)) if isinstance(offer.itl, TrustList) else None
    helps = helped(policy, boot.trust, offer, TvsServers(within_reach=named), None)
    return Fate.FROZEN if helps is None else Fate.BEHIND


def fate_after(boots: Sequence[BootOutcome], held: TrustState) -> Fate:
    """Return what a phone is after several boots.

    Args:
        boots: In order, at least one.
        held: What it held before the first.
    """
    fate = fate_of(boots[-1])
    if fate not in SAFE:
        return fate
    if not any(_asked_tvs(each) for each in boots):
        return Fate.FOLLOWS
    policy, trust = TrustPolicy(boots[-1].model), held
    for boot in boots:
        came = restart(policy, trust, _offer(boot), TvsServers())
        trust = came.trust
    return Fate.FOLLOWS if came.took_all else Fate.FOLLOWS_BY_TVS


def _asked_tvs(boot: BootOutcome) -> bool:
    """Return whether a phone took something because TVS vouched for it."""
    return any(each is not None and each.accepted and each.voucher is Voucher.TVS for each in boot.decisions.values())


def _offer(boot: BootOutcome) -> Offer:
    return Offer(boot.offered.get(ListKind.CTL), boot.offered.get(ListKind.ITL))
