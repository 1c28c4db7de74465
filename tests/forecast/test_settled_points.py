"""The points that forecast.md 5 settles, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.forecast.evaluation import Forecast, Forecaster
from mixedmode.forecast.plan import Off, Plan, Published, Step, Tvs
from mixedmode.forecast.remedies import remedy
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import Held, PhoneKind, Unexplained
from mixedmode.phone.mind.fate.offers import Keys
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.settings import PolicySettings
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.phone.site import NOW, ctl, damaged, identity, itl

OLD_CTL, OLD_ITL = ctl("callmanager"), itl("callmanager")
NEW_CTL, NEW_ITL = ctl("new-callmanager", servers=("new-callmanager",)), itl("new-callmanager")
KNOWS_NEW = Vouched(((identity("new-callmanager").certificate, frozenset({0, 2})),))
SECURE = 3


def step(*lists: TrustList | bytes, off: Off | None = None, tvs: Tvs | None = None, reset: bool = True) -> Step:
    kinds = [ListKind(each.kind) if isinstance(each, TrustList) else ListKind.CTL for each in lists]
    published = tuple(Published(kind, each) for kind, each in zip(kinds, lists, strict=True))
    return Step("publish", published, off=off or Off(), tvs=tvs, reset=reset)


def foreseen(
    *steps: Step,
    model: str = "7975",
    ctl_held: Held = OLD_CTL,
    itl_held: Held = OLD_ITL,
    mode: int = 1,
    tvs: Tvs = Tvs.UP,
    vouched: Vouched | None = None,
    absences: tuple[bool, ...] = (),
    lsc_issuer: str | None = None,
    settings: dict[str, bool] | None = None,
) -> Forecast:
    plan = Plan(steps, tvs, vouched or Vouched())
    forecaster = Forecaster(plan, PolicySettings(**settings or {}), answered=frozenset(settings or ()))
    kind = PhoneKind(get_model(model), model, ctl_held, itl_held, mode, lsc_issuer)
    found = forecaster.of(kind, absences)
    assert len(found.steps) == len(steps)
    assert bool(remedy(forecaster, found, absences)) == (found.outcome not in {Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS})
    return found


def test_1_one_restart_a_step_and_what_one_more_brings_in_is_behind() -> None:
    # The new ITL vouches for the new CTL, but only at the next restart.
    bridge = itl("callmanager", "new-callmanager")
    assert foreseen(step(NEW_CTL, bridge)).outcome is Fate.BEHIND
    found = foreseen(step(NEW_CTL, bridge), step())
    assert (found.outcome, found.steps) == (Fate.FOLLOWS, (Fate.BEHIND, Fate.FOLLOWS))


def test_1_a_phone_that_is_locked_out_restarts_at_the_next_step_all_the_same() -> None:
    found = foreseen(
        step(NEW_CTL, tvs=Tvs.DOWN), step(NEW_CTL, tvs=Tvs.UP), mode=SECURE, vouched=KNOWS_NEW, itl_held=OLD_ITL
    )
    assert found.steps == (Fate.LOCKED_OUT, Fate.FOLLOWS_BY_TVS)


def test_phones_that_are_off_during_the_first_of_two_changes_are_lost() -> None:
    """Field notes A1: both anchors change while a phone is off."""
    first = step(itl("callmanager", "recovery"))
    second = step(itl("recovery", servers=("new-callmanager",)))
    assert foreseen(first, second, ctl_held=None).outcome is Fate.FOLLOWS
    absent = foreseen(first, second, ctl_held=None, absences=(True, False), tvs=Tvs.OLD)
    assert absent.outcome is Fate.BEHIND, "TVS could still be made to vouch"
    strangers = replace(second, lists=(Published(ListKind.ITL, itl("recovery", tvs=False)),))
    absent = foreseen(first, strangers, ctl_held=None, absences=(True, False))
    assert absent.outcome is Fate.FROZEN
    assert absent.steps[0] is Fate.BEHIND


def test_a_phone_that_is_off_in_the_last_step_is_behind_if_its_return_brings_the_list() -> None:
    assert foreseen(step(ctl("callmanager", "other")), absences=(True,)).outcome is Fate.BEHIND
    assert foreseen(step(OLD_CTL), absences=(True,)).outcome is Fate.FOLLOWS
    assert foreseen(step(NEW_CTL), absences=(True,), itl_held=None, mode=SECURE).outcome is Fate.LOCKED_OUT
    stays = step(ctl("callmanager", servers=("new-callmanager",)), reset=False)
    assert foreseen(stays, mode=SECURE).outcome is Fate.LOCKED_OUT, "it is on, and its list names another server"
    assert foreseen(stays).outcome is Fate.BEHIND


def test_2_who_of_tvs_can_be_asked() -> None:
    assert foreseen(step(NEW_CTL), vouched=KNOWS_NEW).outcome is Fate.FOLLOWS_BY_TVS
    assert foreseen(step(NEW_CTL)).outcome is Fate.BEHIND, "it answers, and vouches for nothing"
    others = itl("new-callmanager", tvs=False)
    assert foreseen(step(NEW_CTL), step(others), vouched=KNOWS_NEW).outcome is Fate.FROZEN
    assert foreseen(step(NEW_CTL), step(others), vouched=KNOWS_NEW, tvs=Tvs.OLD).outcome is Fate.FOLLOWS_BY_TVS
    assert foreseen(step(NEW_CTL), vouched=KNOWS_NEW, tvs=Tvs.DOWN).outcome is Fate.BEHIND


def test_3_signing_again_needs_an_anchor_in_the_list_and_on_the_phone() -> None:
    bridged = ctl("new-callmanager", "callmanager", servers=("new-callmanager",))
    assert foreseen(step(bridged), model="7940", itl_held=None).outcome is Fate.BEHIND
    assert foreseen(step(NEW_CTL), model="7940", itl_held=None).outcome is Fate.FROZEN


def test_3_where_it_is_known_which_keys_there_are_those_alone_sign() -> None:
    callmanager, other = (identity(name).certificate for name in ("callmanager", "new-callmanager"))
    bridged = step(ctl("new-callmanager", "callmanager", servers=("new-callmanager",)))
    alone = step(NEW_CTL)

    def of(change: Step, keys: Keys) -> Forecast:
        return foreseen(replace(change, keys=keys), model="7940", itl_held=None)

    gone = of(bridged, Keys(frozenset({other}), frozenset({callmanager})))
    assert gone.outcome is Fate.FROZEN, "it stands in the list, but its key is gone"
    there = of(alone, Keys(frozenset({other, callmanager})))
    assert there.outcome is Fate.BEHIND, "its key is there, though the list does not name it"
    assert f"have the CTL signed by {callmanager.subject}" in remedy(Forecaster(Plan((alone,))), there)
    assert of(alone, Keys(frozenset({callmanager}))).outcome is Fate.FROZEN, "another cluster's list"
    assert of(bridged, Keys(frozenset({other}))).outcome is Fate.BEHIND, "of whom nothing is known, a token perhaps"


def test_5_which_list_vouches() -> None:
    new_itl = itl("recovery", servers=("callmanager",))
    held = itl("callmanager", "recovery")
    found = foreseen(step(new_itl), itl_held=held, tvs=Tvs.DOWN)
    assert (found.outcome, found.rule) == (Fate.FOLLOWS, "10b")


def test_6_a_blanked_itl() -> None:
    blanked = itl("callmanager", blanked=True)
    assert foreseen(step(NEW_ITL), ctl_held=None, itl_held=blanked).outcome is Fate.FOLLOWS
    found = foreseen(step(NEW_CTL), ctl_held=None, itl_held=blanked, vouched=KNOWS_NEW)
    assert found.rule == "15b"
    assert foreseen(step(NEW_CTL), itl_held=blanked, vouched=KNOWS_NEW).outcome is Fate.FROZEN
    assert foreseen(step(ctl("callmanager", "x")), ctl_held=None, itl_held=blanked).outcome is Fate.FOLLOWS


@pytest.mark.parametrize(
    ("offered", "reason", "outcome"),
    [
        (damaged(ctl("callmanager", timestamp=1_600_000_000)), "bad-signature", Fate.BEHIND),
        (ctl("callmanager", timestamp=1_600_000_000).data[:-30], "corrupt", Fate.BEHIND),
        (NEW_CTL.data[:-30], "corrupt", Fate.FROZEN),
    ],
)
def test_7_damaged_files(offered: TrustList | bytes, reason: str, outcome: Fate) -> None:
    found = foreseen(step(offered), itl_held=itl("callmanager", tvs=False))
    assert (found.outcome, found.reason) == (outcome, reason)
    assert foreseen(step(offered), ctl_held=None, itl_held=None).outcome is not Fate.FOLLOWS


def test_7_the_server_of_a_damaged_ctl_is_the_one_that_can_be_read() -> None:
    cut = NEW_CTL.data[:-30]
    assert foreseen(step(cut), mode=SECURE, itl_held=itl("callmanager", tvs=False)).outcome is Fate.FROZEN
    servers = ctl("new-callmanager", servers=("new-callmanager", "callmanager")).data[:-30]
    assert foreseen(step(servers), mode=SECURE, itl_held=itl("callmanager", tvs=False)).outcome is Fate.LOCKED_OUT


def test_7_an_older_list_is_taken_and_noted() -> None:
    found = foreseen(step(ctl("callmanager", timestamp=1_400_000_000)))
    assert found.outcome is Fate.FOLLOWS
    assert any("older" in note for note in found.notes)


def test_8_registration() -> None:
    assert foreseen(step(NEW_CTL), mode=SECURE).outcome is Fate.LOCKED_OUT
    assert foreseen(step(NEW_CTL), mode=2).outcome is Fate.LOCKED_OUT
    assert foreseen(step(NEW_ITL), mode=SECURE).outcome is Fate.BEHIND, "no CTL in the plan: as before"
    left = foreseen(step(ctl("callmanager", empty=True)), mode=SECURE)
    assert left.outcome is Fate.FOLLOWS
    assert any("in the clear" in note for note in left.notes)
    assert foreseen(step(ctl("stranger", empty=True)), mode=SECURE).outcome is Fate.LOCKED_OUT


def with_capf(name: str) -> TrustList:
    records = [
        RecordSpec(Role.SAST, identity("callmanager").certificate, dns_name="callmanager"),
        RecordSpec(Role.CCM_TFTP, identity("callmanager").certificate, dns_name="callmanager"),
        RecordSpec(Role.CAPF, identity(name).certificate, dns_name="callmanager"),
    ]
    return TrustList.parse(build_trust_list(records, identity("callmanager"), timestamp=1_600_000_000))


@pytest.mark.parametrize("issuer", [identity("capf").certificate.subject, "capf", "CAPF"])
def test_8_an_lsc_whose_issuer_nothing_names_any_more_locks_out(issuer: str) -> None:
    old, new = with_capf("capf"), with_capf("other-capf")
    assert foreseen(step(new), ctl_held=old, mode=SECURE, lsc_issuer=issuer).outcome is Fate.LOCKED_OUT
    assert foreseen(step(new), ctl_held=old, lsc_issuer=issuer).outcome is Fate.FOLLOWS
    assert foreseen(step(old), ctl_held=new, mode=SECURE, lsc_issuer=issuer).outcome is Fate.FOLLOWS
    noted = foreseen(step(new), ctl_held=old, mode=SECURE)
    assert noted.outcome is Fate.FOLLOWS
    assert any("CAPF" in note for note in noted.notes)


def test_9_configurations_of_6901_are_checked_by_their_ctl() -> None:
    assert foreseen(step(itl("x", servers=("x",))), model="6901").outcome is Fate.FROZEN
    assert foreseen(step(itl("x", servers=("x",))), model="7940").outcome is Fate.FOLLOWS


def test_10_what_is_not_known_is_never_safe() -> None:
    unknown = Unexplained("ab" * 20)
    assert foreseen(step(OLD_CTL), ctl_held=unknown).outcome is Fate.UNKNOWN
    assert foreseen(step(OLD_CTL), itl_held=Unexplained()).outcome is Fate.UNKNOWN
    assert foreseen(step(OLD_CTL), itl_held=unknown, model="7940").outcome is Fate.FOLLOWS
    assert foreseen(step(NEW_CTL), itl_held=unknown, mode=SECURE).outcome is Fate.UNKNOWN


def test_a_model_of_which_nobody_says_whether_it_asks_tvs_is_unknown_where_that_decides() -> None:
    found = foreseen(step(NEW_CTL), model="7931", vouched=KNOWS_NEW)
    assert found.outcome is Fate.UNKNOWN
    assert "security_by_default" in found.depends_on
    assert foreseen(step(OLD_CTL), model="7931").outcome is Fate.FOLLOWS


def test_a_signature_over_sha512_is_unknown_where_no_source_says_what_the_model_can() -> None:
    again = ctl("callmanager", digest=DigestAlgorithm.SHA512, timestamp=1_600_000_000)
    assert foreseen(step(again), model="7975").outcome is Fate.UNKNOWN
    assert foreseen(step(again), model="7921", itl_held=None).outcome is not Fate.FOLLOWS


def test_a_first_ctl_from_an_unknown_signer_is_a_switch() -> None:
    first = step(ctl("token"))
    found = foreseen(first, ctl_held=None)
    assert (found.outcome, found.depends_on) == (Fate.UNKNOWN, ("first_ctl_from_unknown_signer",))
    answered = {"first_ctl_from_unknown_signer": False}
    assert foreseen(first, ctl_held=None, settings=answered).outcome is Fate.BEHIND
    assert foreseen(first, ctl_held=None, settings={"first_ctl_from_unknown_signer": True}).outcome is Fate.FOLLOWS


def test_12_the_note_of_row_12() -> None:
    found = foreseen(step(NEW_CTL), vouched=KNOWS_NEW)
    assert any("FN70613" in note for note in found.notes)
    assert any("FN70613" in note for note in foreseen(step(NEW_CTL)).notes), "what would help is by that row too"
    assert found.by_tvs is not None
    assert (found.by_tvs.store, found.by_tvs.servers) == ("Phone-SAST-trust", ("tvs",))


def test_both_ways_marks_what_depends_and_changes_no_outcome() -> None:
    plan = Plan((step(damaged(OLD_CTL)),))
    kind = PhoneKind(get_model("7975"), "7975", None, None)
    one = Forecaster(plan).of(kind)
    both = Forecaster(plan, both_ways=True).of(kind)
    assert one.outcome is both.outcome
    assert "verify_first_list" in both.depends_on


def test_a_role_of_callmanager_trust_alone_is_no_signer_of_lists() -> None:
    """Field notes A2: the half-migrated trap."""
    half = Vouched(((identity("new-callmanager").certificate, frozenset({2})),))
    found = foreseen(step(NEW_ITL), ctl_held=None, vouched=half)
    assert (found.outcome, found.reason) == (Fate.BEHIND, "tvs-role")
    assert "Phone-SAST-trust" in remedy(Forecaster(Plan((step(NEW_ITL),))), found)


def test_whether_certificates_are_valid_counts_only_if_that_is_asked() -> None:
    """``check_expiry`` needs a clock, and so does asking it both ways."""
    held, offered = itl("recovery"), itl("recovery", servers=("callmanager", "x"))
    kind = PhoneKind(get_model("8841"), "8841", None, held)
    plan, late = Plan((step(offered),)), NOW.replace(year=NOW.year + 30)
    checks = PolicySettings(check_expiry=True)
    assert Forecaster(plan, now=late).of(kind).outcome is Fate.FOLLOWS
    assert Forecaster(plan, checks, now=NOW).of(kind).outcome is Fate.FOLLOWS
    expired = Forecaster(plan, checks, now=late).of(kind)
    assert (expired.outcome, expired.reason) == (Fate.FROZEN, "expired")
    assert "check_expiry" in Forecaster(plan, both_ways=True, now=late).of(kind).depends_on
    assert "check_expiry" not in Forecaster(plan, both_ways=True, now=NOW).of(kind).depends_on


def test_an_expired_signer_of_configurations_counts_too() -> None:
    held = ctl("callmanager", "recovery")
    kind = PhoneKind(get_model("8841"), "8841", held, OLD_ITL)
    late = NOW.replace(year=NOW.year + 30)
    found = Forecaster(Plan((step(held),)), PolicySettings(check_expiry=True), now=late).of(kind)
    assert (found.outcome, found.reason) == (Fate.FROZEN, "expired")
