"""What becomes of phones, by the table of phone-trust.md 2.2 and the rules of forecast.md 5."""

from __future__ import annotations

import itertools

import pytest

from mixedmode.phone.mind.fate.offers import Offer, Presence, Stage, TvsServers
from mixedmode.phone.mind.fate.prospect import Fate, Prospect, what_becomes
from mixedmode.phone.mind.fate.restart import restart
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.requests import BootFile
from mixedmode.phone.mind.trust.decisions import ListKind, Reason
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.remembering import RememberingPolicy
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.verify import check_signature
from tests.phone.site import NOW, Simulator, Tvs, ctl, damaged, holding, identity, itl

OLD_CTL, OLD_ITL = ctl("callmanager"), itl("callmanager")
NEW_CTL, NEW_ITL = ctl("new-callmanager", servers=("new-callmanager",)), itl("new-callmanager")
BRIDGED = ctl("new-callmanager", "callmanager", servers=("new-callmanager",))
HELD = holding(OLD_CTL, OLD_ITL)
NEW = Offer(NEW_CTL, NEW_ITL)
TVS = frozenset({identity("tvs").certificate.der})
KNOWS = TvsServers(Tvs("new-callmanager", roles=(0, 2)), TVS, TVS)
IGNORANT = TvsServers(Tvs(), TVS, TVS)
SILENT = TvsServers(within_reach=TVS)
GONE = TvsServers()
SECURE = 3


def becomes(
    held: TrustState | None,
    offer: Offer,
    tvs: TvsServers,
    *,
    model: str = "7975",
    mode: int = 1,
    settings: PolicySettings | None = None,
) -> Prospect:
    return what_becomes(TrustPolicy(get_model(model), settings), held, [Stage(offer, tvs)], mode=mode)


@pytest.mark.parametrize(
    ("held", "offer", "tvs", "model", "mode", "fate"),
    [
        # First lists, and nothing new.
        (TrustState(), NEW, GONE, "7975", 1, Fate.FOLLOWS),
        (TrustState(), NEW, GONE, "7940", SECURE, Fate.FOLLOWS),
        (HELD, Offer(OLD_CTL, OLD_ITL), GONE, "7975", SECURE, Fate.FOLLOWS),
        (HELD, Offer(), GONE, "7975", SECURE, Fate.FOLLOWS),
        # A regenerated CallManager certificate.
        (HELD, NEW, KNOWS, "7975", SECURE, Fate.FOLLOWS_BY_TVS),
        (HELD, NEW, IGNORANT, "7975", 1, Fate.BEHIND),
        (HELD, NEW, SILENT, "7975", 1, Fate.BEHIND),
        (HELD, NEW, GONE, "7975", 1, Fate.FROZEN),
        (HELD, NEW, SILENT, "7975", SECURE, Fate.LOCKED_OUT),
        (holding(OLD_CTL), Offer(NEW_CTL), KNOWS, "7940", 1, Fate.FROZEN),
        (holding(OLD_CTL), Offer(NEW_CTL), KNOWS, "7940", SECURE, Fate.LOCKED_OUT),
        # One who is trusted could sign it again.
        (holding(OLD_CTL), Offer(BRIDGED), KNOWS, "7940", 1, Fate.BEHIND),
        (HELD, Offer(BRIDGED), GONE, "7975", 1, Fate.BEHIND),
        # A TVS server that the phone's ITL does not hold cannot be asked.
        (HELD, NEW, TvsServers(Tvs("new-callmanager"), frozenset({b"another"})), "7975", 1, Fate.FROZEN),
        # Back to non-secure.
        (HELD, Offer(ctl("callmanager", empty=True)), GONE, "7975", SECURE, Fate.FOLLOWS),
        (HELD, Offer(ctl("stranger", empty=True)), GONE, "7975", SECURE, Fate.LOCKED_OUT),
        # Blanked for rollback.
        (holding(None, itl("callmanager", blanked=True)), Offer(None, NEW_ITL), GONE, "7975", 1, Fate.FOLLOWS),
        (holding(OLD_CTL, itl("callmanager", blanked=True)), Offer(None, NEW_ITL), KNOWS, "7975", 1, Fate.FROZEN),
        # Damaged lists: the whole one would be taken, or not.
        (HELD, Offer(damaged(ctl("callmanager", timestamp=1_600_000_000))), GONE, "7975", 1, Fate.BEHIND),
        (HELD, Offer(ctl("callmanager", timestamp=1_600_000_000).data[:-30]), GONE, "7975", 1, Fate.BEHIND),
        (HELD, Offer(NEW_CTL.data[:-30]), GONE, "7975", 1, Fate.FROZEN),
        (HELD, Offer(OLD_ITL), GONE, "7975", 1, Fate.FROZEN),
        # Somebody else signs configurations.
        (HELD, Offer(OLD_CTL, OLD_ITL, identity("new-callmanager").certificate), KNOWS, "7975", 1, Fate.FOLLOWS_BY_TVS),
        (HELD, Offer(OLD_CTL, OLD_ITL, identity("stranger").certificate), IGNORANT, "7975", 1, Fate.BEHIND),
        (HELD, Offer(OLD_CTL, OLD_ITL, identity("stranger").certificate), GONE, "7975", 1, Fate.FROZEN),
    ],
)
def test_the_table(held: TrustState, offer: Offer, tvs: TvsServers, model: str, mode: int, fate: Fate) -> None:
    prospect = becomes(held, offer, tvs, model=model, mode=mode)
    assert prospect.fate is fate, prospect


def test_a_list_that_is_too_large_holds_back_but_is_no_end() -> None:
    record = OLD_CTL.record(1).raw
    offered = TrustList.parse(OLD_CTL.data + record * (66_000 // len(record)))
    assert len(offered) > 65535
    prospect = becomes(HELD, Offer(offered), GONE)
    assert prospect.fate is Fate.BEHIND
    assert prospect.restart is not None
    assert prospect.restart.decisions[BootFile.CTL].reason is Reason.TOO_LARGE


def test_what_is_not_known_decides_nothing() -> None:
    assert becomes(None, NEW, KNOWS).fate is Fate.UNKNOWN
    # Row 5: a first CTL, signed by a token that the ITL does not hold.
    offer, held = Offer(ctl("token")), holding(None, OLD_ITL)
    prospect = becomes(held, offer, IGNORANT)
    assert (prospect.fate, prospect.settings) == (Fate.UNKNOWN, ("first_ctl_from_unknown_signer",))
    taken = TrustPolicy(get_model("7975"), PolicySettings(first_ctl_from_unknown_signer=True))
    assert what_becomes(taken, held, [Stage(offer, IGNORANT)], open_settings=()).fate is Fate.FOLLOWS
    policy = TrustPolicy(get_model("7975"))
    vouching = TvsServers(Tvs("token"), TVS)
    assert what_becomes(policy, held, [Stage(offer, vouching)], open_settings=()).fate is Fate.FOLLOWS_BY_TVS


def test_why_is_told() -> None:
    prospect = becomes(HELD, NEW, SILENT, mode=SECURE)
    came = prospect.restart
    assert came is not None
    assert came.trust.ctl == OLD_CTL
    decision = came.decisions[BootFile.CTL]
    assert (decision.reason, decision.row) == (Reason.TVS_UNREACHABLE, 12)
    assert came.registration is not None
    assert came.registration.refused


HELD_LISTS = (None, OLD_CTL, ctl("stranger")), (None, OLD_ITL, itl("callmanager", blanked=True), itl("stranger"))
OFFERED = (None, OLD_CTL, NEW_CTL, damaged(OLD_CTL)), (None, NEW_ITL, damaged(NEW_ITL), itl("other", "callmanager"))


@pytest.mark.parametrize("model", ["7975", "7940"])
def test_phones_that_go_where_others_went_come_to_the_same_as_alone(model: str) -> None:
    """What is remembered of phones decides about no other: of another mode, LSC, TVS or presence."""
    alone = TrustPolicy(get_model(model))
    together = RememberingPolicy(get_model(model), None, check_signature)
    offers = [NEW, Offer(OLD_CTL, NEW_ITL), Offer(damaged(NEW_CTL), OLD_ITL), Offer()]
    ways = [
        [Stage(one, tvs, presence), Stage(Offer(two.ctl, two.itl), KNOWS)]
        for one, two in itertools.pairwise(offers)
        for tvs in (KNOWS, IGNORANT, SILENT)
        for presence in Presence
    ]
    kinds = list(itertools.product((HELD, holding(OLD_CTL), TrustState()), ways, (1, 2, 3), (None, "CAPF-1")))
    for held, stages, mode, lsc in kinds:
        said, true = (
            what_becomes(each, held, stages, mode=mode, lsc_issuer=lsc, open_settings=()) for each in (together, alone)
        )
        assert said == true


@pytest.mark.parametrize("model", ["7975", "7940"])
@pytest.mark.parametrize("tvs", [KNOWS, IGNORANT, GONE])
def test_a_foreseen_restart_is_the_boot_that_the_phone_then_makes(model: str, tvs: TvsServers) -> None:
    policy = TrustPolicy(get_model(model))
    for ctl_held, itl_held, ctl_offered, itl_offered in itertools.product(*HELD_LISTS, *OFFERED):
        held = holding(ctl_held, itl_held if policy.model.asks_itl else None)
        foreseen = restart(policy, held, Offer(ctl_offered, itl_offered), tvs, now=NOW)
        server = Simulator()
        server.publish(ctl_offered, itl_offered)
        itl_now = foreseen.trust.itl
        asked = tvs.answer if isinstance(tvs.answer, Tvs) and itl_now is not None else None
        outcome, state = server.boot(PhoneState(trust=held), model=model, tvs=asked if isinstance(asked, Tvs) else None)
        assert (state.trust.ctl, state.trust.itl) == (foreseen.trust.ctl, foreseen.trust.itl)
        for kind, file in ((ListKind.CTL, BootFile.CTL), (ListKind.ITL, BootFile.ITL)):
            if kind is ListKind.CTL or policy.model.asks_itl:
                assert outcome.decisions[file] == foreseen.decisions[file]


def test_a_phone_that_is_behind_comes_along_when_tvs_answers_again() -> None:
    assert becomes(HELD, NEW, SILENT).fate is Fate.BEHIND
    came = becomes(HELD, NEW, SILENT).restart
    assert came is not None
    later = becomes(came.trust, NEW, KNOWS)
    assert later.fate is Fate.FOLLOWS_BY_TVS
    assert later.restart is not None
    assert later.restart.trust.ctl == NEW_CTL
    assert later.restart.trust.itl == NEW_ITL
