"""What a kind of phone holds, as the phone's own rules take it, and whom it asks by that."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mixedmode.inventory.kinds import Unexplained
from mixedmode.phone.mind.fate.hosts import told
from mixedmode.phone.mind.fate.offers import could_ask
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.trustlist.roles import Role

if TYPE_CHECKING:
    from mixedmode.inventory.kinds import PhoneKind
    from mixedmode.trustlist.model import TrustList

_LISTS: Final = 512
"""Lists of which it is remembered what is told of them: every group of phones is told of some."""


def servers_asked(trust: TrustState, up: frozenset[bytes] | None) -> tuple[str, ...]:
    """Return the names of the TVS servers that a phone asks, of those that show these certificates; None: any."""
    return _servers_of(trust.itl, up) if trust.itl is not None and could_ask(trust, up) else ()


@lru_cache(maxsize=_LISTS)
def _servers_of(itl: TrustList, up: frozenset[bytes] | None) -> tuple[str, ...]:
    records = itl.records_with_role(Role.TVS)
    fits = (each for each in records if up is None or each.certificate_der in up)
    return tuple(dict.fromkeys(each.dns_name or each.subject or "?" for each in fits))


def held_by(kind: PhoneKind) -> TrustState | None:
    """Return what a kind of phone holds, None if that is not known (rule 1 of :mod:`.evaluation`)."""
    ctl, itl = kind.ctl, kind.itl
    if isinstance(itl, Unexplained):
        if kind.model is None or kind.model.asks_itl or "security_by_default" in kind.model.unknown:
            return None
        itl = None
    if isinstance(ctl, Unexplained):
        return None
    asks_tvs = kind.model is None or kind.model.asks_itl
    return TrustState(ctl, itl, told(kind.tvs_servers) if asks_tvs else ())
