"""What a phone holds, as far as a cluster can know: its own report, and what it was given since.

Rules:

1. What a phone reported last, it held at that moment. A list that was delivered before is told by the report.
2. A list that was delivered later may have been taken or refused. The phone's own policy says what can have become of
   it: it was taken, or refused, or either where TVS was to be asked or where a setting of the policy decided that
   nobody knows.
3. That is what *can* have become of it. It surely reached the phone only if the delivery was acknowledged to its end,
   and then its configuration was delivered to the same address and it registered from there: who else asks for a
   phone's lists under its name does not register as that phone. If it did not surely reach it, the phone may also hold
   what it held before.
4. A phone that holds one list whatever happened is known to hold it. All others are not known, and are never counted as
   safe; which lists it may be is said.
5. Without a report nothing is known: a phone that was given a list, fetched its signed configuration and registered may
   hold that list, or an older one of which the cluster knows nothing and which made it refuse the new one. It does all
   three in either case, so they are no proof. What it was given is said all the same: phones without Security by
   Default never report, and whoever asks what a change does to them is told what it does if they hold that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mixedmode.cluster.model.sightings import KINDS, LOST, NONE, Delivery, Seen
from mixedmode.inventory.kinds import Held, Unexplained, held_text
from mixedmode.phone.mind.config import TvsServer
from mixedmode.phone.mind.trust.decisions import ListKind, NeedTvs
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.trustlist.model import TrustList

if TYPE_CHECKING:
    from mixedmode.inventory.library import Library
    from mixedmode.phone.mind.models import PhoneModel

_MOST_STATES: Final = 16
_State = tuple[Held, Held]
_Event = tuple[int, str, bool]
"""Place of the kind in :data:`KINDS`, SHA-256, whether it surely arrived."""
_SOME_SERVER: Final = (TvsServer("tvs", 2445),)
"""Phones were told of one; which one makes no difference to whether it must be asked."""
_ANYTHING: Final = Unexplained()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one list of a phone.

    Attributes:
        held: Its hash in lower hex, ``none``, or empty if that is not known.
        source: Where that is from: ``reported``, ``delivered`` or empty.
        moment: Seconds since 1970 of that; 0 if there is no source.
        possible: The hashes of what it may be, where it is not known but not everything is possible.
        given: The hashes of the lists that the phone was given and may hold, where all else is possible too.
    """

    held: str = ""
    source: str = ""
    moment: float = 0.0
    possible: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


class Evidence:
    """Draws conclusions from what was seen.

    Args:
        library: Explains hashes: the cluster's archive.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._known: dict[object, frozenset[_State]] = {}

    def findings(self, model: PhoneModel | None, seen: Seen) -> tuple[Finding, Finding]:
        """Return what is known of a phone's CTL and of its ITL (rules 1 to 5)."""
        said = tuple(seen.said(kind)[1] for kind in KINDS)
        events = _events(seen)
        if not events:
            ctl, itl = (_reported(seen, kind) for kind in KINDS)
            return ctl, itl
        key = (model, said, events)
        states = self._known.get(key)
        if states is None:
            states = self._known[key] = self._states(model, said, events)
        ctl, itl = (self._finding(seen, place, {state[place] for state in states}) for place in range(len(KINDS)))
        return ctl, itl

    def _states(self, model: PhoneModel | None, said: tuple[str, ...], events: tuple[_Event, ...]) -> frozenset[_State]:
        policies = [] if model is None else _policies(model)
        states: set[_State] = {(self._held(said[0]), self._held(said[1]))}
        for place, sha256, surely in events:
            offered = self._held(sha256)
            after: set[_State] = set() if surely else set(states)
            for state in states:
                after |= {found for policy in policies for found in _outcomes(policy, state, place, offered)}
                if not policies:
                    after |= {state, _with(state, place, offered)}
            if len(after) > _MOST_STATES:
                return frozenset({(_ANYTHING, _ANYTHING)})
            states = after
        return frozenset(states)

    def _held(self, digest: str) -> Held:
        if digest == NONE:
            return None
        return self._library.find(digest) or Unexplained(digest) if digest else _ANYTHING

    @staticmethod
    def _finding(seen: Seen, place: int, held: set[Held]) -> Finding:
        said = _reported(seen, KINDS[place])
        texts = {held_text(each) or "" for each in held}
        if len(texts) == 1:
            (text,) = texts
            if not text:
                return Finding()
            last = seen.deliveries.get(KINDS[place], [])
            moment = max((each.moment for each in last if each.sha256 == text), default=0.0)
            if moment > said.moment:
                return Finding(text, "delivered", moment)
            return said if said.held else Finding(text)
        if "" not in texts:
            return Finding(possible=tuple(sorted(texts)))
        offered = {each.sha256 for each in seen.deliveries.get(KINDS[place], ())}
        return Finding(given=tuple(sorted(texts & offered - {LOST})))


def _events(seen: Seen) -> tuple[_Event, ...]:
    """Return the deliveries that the phone's reports do not tell of, in their order."""
    found = []
    for place, kind in enumerate(KINDS):
        since = seen.said(kind)[0]
        found += [(each.moment, place, each) for each in seen.deliveries.get(kind, ()) if each.moment > since]
    fetched, registered = seen.fetched, seen.registered
    boot = (
        (fetched.moment, registered.address)
        if fetched is not None
        and registered is not None
        and fetched.address == registered.address
        and registered.moment >= fetched.moment
        else None
    )
    return tuple(
        (
            place,
            each.sha256,
            each.whole and each.sha256 != LOST and _was_of_boot(each, boot),
        )
        for _, place, each in sorted(found)
    )


def _was_of_boot(delivery: Delivery, boot: tuple[float, str] | None) -> bool:
    return boot is not None and delivery.moment <= boot[0] and delivery.address == boot[1]


def _policies(model: PhoneModel) -> list[TrustPolicy]:
    """Return the policies that a model may follow: more than one if what it can is not known."""
    policy = TrustPolicy(model)
    abilities = sorted(each for each in model.unknown if isinstance(getattr(model, each), bool))
    return [policy, *(policy.turned(each) for each in abilities)]


def _with(state: _State, place: int, held: Held) -> _State:
    return (held, state[1]) if place == 0 else (state[0], held)


def _outcomes(policy: TrustPolicy, state: _State, place: int, offered: Held) -> set[_State]:
    """Return what a phone may hold after it was offered a list (rule 2)."""
    taken = _with(state, place, offered)
    ctl, itl = state
    if not policy.model.asks_itl:
        if place == 1:
            return {state}
        itl = None
    if isinstance(ctl, Unexplained) or isinstance(itl, Unexplained) or not isinstance(offered, TrustList):
        return {state, taken}
    verdict = policy.offer_trust_list(TrustState(ctl, itl, _SOME_SERVER), ListKind(KINDS[place]), offered)
    if isinstance(verdict, NeedTvs) or verdict.setting is not None:
        return {state, taken}
    return {taken} if verdict.accepted else {state}


def _reported(seen: Seen, kind: str) -> Finding:
    moment, held = seen.said(kind)
    return Finding(held, "reported", moment) if held else Finding()
