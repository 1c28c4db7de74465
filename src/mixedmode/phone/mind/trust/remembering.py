"""The phone's policy, which decides once about what many phones hold and are offered alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixedmode.phone.mind.trust.policy import TrustPolicy

if TYPE_CHECKING:
    from datetime import datetime

    from mixedmode.phone.mind.models import PhoneModel
    from mixedmode.phone.mind.trust.decisions import ListKind, TvsAnswer, Verdict
    from mixedmode.phone.mind.trust.lookup import Verifier
    from mixedmode.phone.mind.trust.settings import PolicySettings
    from mixedmode.phone.mind.trust.state import TrustState
    from mixedmode.trustlist.model import TrustList


class RememberingPolicy(TrustPolicy):
    """The same policy, with a memory.

    A verdict depends on nothing but what stands in its key; a phone's security mode, and what step it is, do not. The
    lists are those of an inventory and a plan, so the memory grows with the states of phones, not with phones.
    """

    __slots__ = ("_decided",)

    def __init__(self, model: PhoneModel, settings: PolicySettings, verifier: Verifier) -> None:
        super().__init__(model, settings, verifier)
        self._decided: dict[tuple[object, ...], Verdict] = {}

    def offer_trust_list(
        self,
        state: TrustState,
        kind: ListKind,
        offered: TrustList | bytes | None,
        *,
        tvs: TvsAnswer | None = None,
        now: datetime | None = None,
    ) -> Verdict:
        """Decide about a CTL or ITL that a server offers."""
        key = (state.ctl, state.itl, bool(state.tvs_servers), kind, offered, tvs, now)
        found = self._decided.get(key)
        if found is None:
            found = self._decided[key] = super().offer_trust_list(state, kind, offered, tvs=tvs, now=now)
        return found
