"""Where the forecast and the phones of the simulation once differed, in its smallest form: lists that are damaged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.afar import Help
from mixedmode.phone.mind.fate.offers import file_signer
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.phone.mind.trust.policy import read_list
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.forecast.test_settled_points import NEW_CTL, OLD_CTL, SECURE, foreseen, step
from tests.phone.site import ctl, damaged, identity, itl

SHA512_CTL = ctl("callmanager", digest=DigestAlgorithm.SHA512)
SHA1_PAIR = ctl("callmanager", servers=("callmanager", "new-callmanager"))


def test_a_list_with_a_tail_of_zeros_is_read_to_its_end() -> None:
    assert file_signer(read_list(OLD_CTL.data + bytes(70_000))) == identity("callmanager").certificate


@pytest.mark.parametrize(("mixed", "held", "fate"), [(True, OLD_CTL, Fate.BEHIND), (False, OLD_CTL, Fate.LOCKED_OUT)])
def test_a_ctl_that_lost_its_servers_says_nothing_of_them(mixed: bool, held: TrustList, fate: Fate) -> None:
    """The cluster is as it is known to be: its CallManager shows the same certificate as before, or speaks no TLS."""
    cut = replace(
        step(OLD_CTL.data[: OLD_CTL.record_spans[0][1]] + b"\1"),
        mixed=mixed,
        shown=identity("callmanager").certificate if mixed else None,
    )
    assert foreseen(cut, ctl_held=held, mode=SECURE).outcome is fate
    assert foreseen(cut, ctl_held=NEW_CTL, itl_held=None, mode=SECURE).outcome is Fate.LOCKED_OUT


def test_a_damaged_copy_of_the_list_that_a_phone_holds_brings_it_nothing() -> None:
    """A cluster goes back to its older version, and that version's CTL is cut: whole it would be the one held."""
    cut = OLD_CTL.data[: OLD_CTL.record_spans[0][1]] + b"\1"
    signed_by_new = replace(step(cut), signer=identity("new-callmanager").certificate)
    holder = PhoneKind(get_model("7921"), "7921", OLD_CTL, None)
    assert Forecaster(Plan((signed_by_new,), present=step(NEW_CTL))).outcome(holder) is Fate.FROZEN


@pytest.mark.parametrize(("before", "fate"), [(OLD_CTL, Fate.FROZEN), (NEW_CTL, Fate.BEHIND)])
def test_a_damaged_copy_of_a_list_that_was_published_names_whom_that_list_names(before: TrustList, fate: Fate) -> None:
    """A list cut before its servers' records: whether it would help is known where the same list stood there whole."""
    cut = before.data[: before.record_spans[0][1]] + b"\1"
    signed_by_new = replace(step(cut), signer=identity("new-callmanager").certificate)
    plan = Plan((signed_by_new,), present=step(before))
    empty = PhoneKind(get_model("7921"), "7921", None, None)
    assert Forecaster(plan).outcome(empty) is fate
    other = SHA1_PAIR.data[: SHA1_PAIR.record_spans[0][1]] + b"\1"
    unknown = Plan((replace(signed_by_new, lists=(Published(ListKind.CTL, other),)),), present=step(before))
    assert Forecaster(unknown).outcome(empty) is Fate.BEHIND, "forecast.md 5.7: the list itself would be taken"
    servers = [
        span for span, each in zip(SHA1_PAIR.record_spans, SHA1_PAIR.records, strict=True) if each.role is Role.CCM_TFTP
    ]
    lost = replace(signed_by_new, lists=(Published(ListKind.CTL, SHA1_PAIR.data[: servers[-1][0]] + b"\1"),))
    assert Forecaster(Plan((lost,))).outcome(empty) is Fate.BEHIND, "whom the lost record of the other server named"


@pytest.mark.parametrize("known", [True, False])
def test_a_flaw_in_a_servers_certificate_does_not_hide_whom_the_whole_list_names(known: bool) -> None:
    """A list that can be read, but whose signature does not hold: whole, it would let the configuration in."""
    (server,) = (each for each in OLD_CTL.records if each.role is Role.CCM_TFTP)
    assert server.certificate_der is not None
    at = OLD_CTL.data.index(server.certificate_der) + len(server.certificate_der) - 9
    flawed = TrustList.parse(OLD_CTL.data[:at] + bytes([OLD_CTL.data[at] ^ 1]) + OLD_CTL.data[at + 1 :])
    change = replace(step(flawed), signer=identity("callmanager").certificate)
    plan = Plan((change,), present=step(OLD_CTL) if known else None)
    empty = PhoneKind(get_model("7921"), "7921", None, None)
    assert Forecaster(plan).outcome(empty) is Fate.BEHIND
    stranger = replace(change, signer=identity("new-callmanager").certificate)
    assert Forecaster(replace(plan, steps=(stranger,))).outcome(empty) is Fate.FROZEN


@pytest.mark.parametrize(("held", "fate"), [(None, Fate.FROZEN), (OLD_CTL, Fate.FROZEN), (SHA512_CTL, Fate.BEHIND)])
def test_a_damaged_list_over_a_digest_that_the_phone_lacks_would_not_be_taken_whole(
    held: TrustList | None, fate: Fate
) -> None:
    """Row 23, but for a phone that holds the very list: of what is there already it asks nothing."""
    large = replace(step(SHA512_CTL.data + bytes(70_000)), signer=identity("callmanager").certificate)
    assert foreseen(large, model="7921", ctl_held=held, itl_held=None).outcome is Fate.FROZEN, "its configuration too"
    empty = ctl("callmanager", empty=True, digest=DigestAlgorithm.SHA512)
    held = empty if held is SHA512_CTL else held and ctl("callmanager", empty=True)
    cut = step(empty.data[:-9])
    assert foreseen(cut, model="7921", ctl_held=held, itl_held=None).outcome is fate


@pytest.mark.parametrize("known", [True, False])
def test_a_damaged_list_that_another_signs_again_has_its_records_as_they_were(known: bool) -> None:
    whole = ctl("recovery", "callmanager", servers=("callmanager", "new-callmanager"))
    change = replace(step(damaged(whole)), signer=identity("new-callmanager").certificate)
    legacy = PhoneKind(get_model("7921"), "7921", OLD_CTL, None)
    found = Forecaster(Plan((change,), present=step(whole) if known else None)).of(legacy)
    assert (found.outcome, found.prospect.helps) == (Fate.BEHIND, (Help.SIGN_AGAIN,))


@pytest.mark.parametrize(
    ("ctl_held", "itl_held", "signer", "fate"),
    [
        (ctl("token"), None, "callmanager", Fate.BEHIND),
        (ctl("token"), None, "recovery", Fate.FROZEN),
        (None, itl("callmanager", blanked=True), "recovery", Fate.BEHIND),
        (ctl("token"), itl("callmanager", blanked=True), "recovery", Fate.FROZEN),
    ],
)
def test_a_damaged_itl_would_be_taken_by_every_rule_by_which_a_whole_one_is(
    ctl_held: TrustList | None, itl_held: TrustList | None, signer: str, fate: Fate
) -> None:
    """By forecast.md 5.5 a server in the CTL vouches for the first ITL; 5.6: a blanked one, if alone, lets any in."""
    large = replace(step(), lists=(Published(ListKind.ITL, itl(signer).data + bytes(70_000)),))
    change = replace(large, signer=identity("callmanager").certificate)
    assert foreseen(change, ctl_held=ctl_held, itl_held=itl_held).outcome is fate
