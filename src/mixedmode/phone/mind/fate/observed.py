"""The six words of boots that really were: the same rules as for those that are foreseen (forecast.md 2 and 5).

Rules:

1. A phone whom no server answered is ``unknown``: nobody knows what it would have been offered.
2. A phone that took all that it was offered follows; ``follows-by-tvs`` if it would not have, had TVS been silent.
3. Of the others it is asked what a forecast asks: whether they register in their security mode by what they hold, and
   whether something from afar brings along what they did not take. A file that did not come is brought by the next
   restart.
4. What is seen counts more than what lists say. A phone that is registered is not locked out, whatever its lists say of
   the server that the CTL names first: a forecast does not count the other servers of its group (forecast.md 5.8), one
   of which has taken it. One that trusts no server of its group is locked out, whatever it took.
5. Where nobody looked, the word is that of forecasts; a note names the server of the group that would take the phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.phone.mind.fate.afar import helped
from mixedmode.phone.mind.fate.hosts import names_host
from mixedmode.phone.mind.fate.offers import Offer, TvsServers
from mixedmode.phone.mind.fate.prospect import SAFE, Fate
from mixedmode.phone.mind.fate.restart import register, restart
from mixedmode.phone.mind.trust.decisions import TVS_UNREACHABLE, ListKind, Voucher, settle
from mixedmode.phone.mind.trust.lookup import tvs_certificates
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.registration_trust import judge_server
from mixedmode.phone.mind.trust.uses import SERVER
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.phone.mind.outcome import BootOutcome
    from mixedmode.phone.mind.trust.decisions import TvsAnswer, TvsQuestion
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.trustlist.model import Record

_HELD: Final = "{}, another server of its group, has registered it: forecasts count the first server of the CTL alone"
_WOULD: Final = "{}, another server of its group, would register it: forecasts count the first server of the CTL alone"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a phone is seen to stand with the CallManagers of its group.

    Attributes:
        server: The host that has registered it; empty: none, or nobody looked.
        distrusts: Whether it was seen to trust none of them.
    """

    server: str = ""
    distrusts: bool = False

    @property
    def registered(self) -> bool | None:
        """Whether it is registered; False: it cannot, None: nobody knows."""
        return True if self.server else False if self.distrusts else None


NOBODY_LOOKED: Final = Standing()


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of a phone.

    Attributes:
        fate: In a word.
        note: Which server of its group takes it, where it does not trust the first one; else empty.
        elsewhere: The host that has registered it, if that is not the first server of the CTL.
    """

    fate: Fate
    note: str = ""
    elsewhere: str = ""

    def is_as_foreseen(self, foreseen: Fate) -> bool:
        """Return whether a forecast said so: of who is held by a server that it does not count, that it is lost."""
        return foreseen is self.fate or (foreseen is Fate.LOCKED_OUT and bool(self.elsewhere))


def observed(boot: BootOutcome, standing: Standing = NOBODY_LOOKED) -> Observed:
    """Return what a phone is after one boot, with what belongs to it."""
    return _noted(fate_of(boot, registered=standing.registered), boot, standing)


def _noted(fate: Fate, boot: BootOutcome, standing: Standing) -> Observed:
    config = boot.config
    newest = boot.offered.get(ListKind.CTL, boot.trust.ctl)
    if config is None or (config.device_security_mode or 1) <= 1 or not isinstance(newest, TrustList):
        return Observed(fate)
    servers = [each for each in newest.records_with_role(*SERVER.roles) if each.certificate is not None]
    if standing.distrusts or not servers:
        return Observed(fate)
    group = [each.address for each in config.call_managers]
    host = standing.server
    elsewhere = host if host and not _is_first(servers[0], host, group) else ""
    policy = TrustPolicy(boot.model)
    if _takes(policy, boot.trust, servers[0]) or (host and not elsewhere):
        return Observed(fate, elsewhere=elsewhere)
    if host:
        return Observed(fate, _HELD.format(host), elsewhere)
    trusted = [each for each in servers[1:] if _takes(policy, boot.trust, each)]
    named = next((each for each in group if any(_names(server, each) for server in trusted)), "")
    return Observed(fate, _WOULD.format(named) if named else "")


def _takes(policy: TrustPolicy, trust: TrustState, server: Record) -> bool:
    certificate = server.certificate
    if certificate is None:
        return False
    return not settle(lambda answer: judge_server(policy, trust, certificate, answer), _silent).refused


def _silent(_question: TvsQuestion) -> TvsAnswer:
    return TVS_UNREACHABLE


def _names(server: Record, host: str) -> bool:
    """Return whether a CTL's record is that of a host, by address or name; a name may lack its domain."""
    return names_host(server, host) is True


def _is_first(first: Record, host: str, group: Sequence[str]) -> bool:
    """Return whether a host is the server that a CTL names first; of a record without address, the group's first is."""
    return names_host(first, host) or (names_host(first, host) is None and group[:1] == [host])


def fate_of(boot: BootOutcome, *, registered: bool | None = None) -> Fate:
    """Return what a phone is after one boot.

    Args:
        boot: How it ended.
        registered: Whether it is seen to be registered; False: it is seen to trust no server of its group (rule 4);
            None: nobody looked.
    """
    if not boot.reachable:
        return Fate.UNKNOWN
    if registered is False:
        return Fate.LOCKED_OUT
    if not boot.refused and None not in boot.decisions.values():
        return Fate.FOLLOWS_BY_TVS if _asked_tvs(boot) else Fate.FOLLOWS
    policy, offer = TrustPolicy(boot.model), _offer(boot)
    mode = (boot.config.device_security_mode if boot.config is not None else None) or 1
    if not registered:
        registration = register(policy, boot.trust, offer, mode, None, _silent)
        if registration is not None and registration.refused:
            return Fate.LOCKED_OUT
    if None in boot.decisions.values() and not boot.refused:
        return Fate.BEHIND
    named = frozenset(tvs_certificates(offer.itl)) if isinstance(offer.itl, TrustList) else None
    helps = helped(policy, boot.trust, offer, TvsServers(within_reach=named), None)
    return Fate.FROZEN if helps is None else Fate.BEHIND


def observed_after(boots: Sequence[BootOutcome], held: TrustState, standing: Standing = NOBODY_LOOKED) -> Observed:
    """Return what a phone is after several boots.

    Args:
        boots: In order, at least one.
        held: What it held before the first.
        standing: How it is seen to stand after the last.
    """
    return _noted(_fate_after(boots, held, standing), boots[-1], standing)


def _fate_after(boots: Sequence[BootOutcome], held: TrustState, standing: Standing) -> Fate:
    fate = fate_of(boots[-1], registered=standing.registered)
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
