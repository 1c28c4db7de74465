"""A policy asked about a list, and the lists of a cluster before and after its CallManager's certificate."""

from __future__ import annotations

from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Outcome, settle
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.trustlist.model import TrustList
from tests.phone.site import NOW, ctl, holding, itl, silent_tvs

CTL, ITL = ListKind.CTL, ListKind.ITL
YES, NO = Outcome.ACCEPT, Outcome.REJECT
OLD_CTL = ctl("callmanager", "recovery")
OLD_ITL = itl("callmanager", "recovery")
BLANKED = itl("callmanager", blanked=True)
ITL_ONLY, BOTH = holding(itl_file=OLD_ITL), holding(OLD_CTL, OLD_ITL)
NEW_CTL, NEW_ITL = ctl("new-callmanager"), itl("new-callmanager")


def decide(
    state: TrustState,
    kind: ListKind,
    offered: TrustList | bytes | None,
    *,
    model: str = "7975",
    tvs: object = silent_tvs,
    settings: PolicySettings | None = None,
) -> Decision:
    policy = TrustPolicy(get_model(model), settings)
    return settle(
        lambda answer: policy.offer_trust_list(state, kind, offered, tvs=answer, now=NOW),
        tvs,  # type: ignore[arg-type]
    )
