"""Where the forecast and the phones of the simulation once differed, in its smallest form: changes of a cluster."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from mixedmode.cluster.model.versions import Version
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Step, Tvs
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.observed import fate_of
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.requests import BootFile
from mixedmode.phone.mind.trust.decisions import ListKind, Reason
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.forecast.test_settled_points import NEW_CTL, OLD_CTL, OLD_ITL, SECURE, foreseen, step
from tests.phone.site import DEVICE, Simulator, ctl, identity, itl
from tests.simulation.world import keys
from tests.simulation.world.changes import changed
from tests.simulation.world.site import Site

SHA512_CTL = ctl("callmanager", digest=DigestAlgorithm.SHA512)
SHA512_ITL = itl("callmanager", digest=DigestAlgorithm.SHA512)


@pytest.mark.parametrize("held", ["old lists", "these lists"])
def test_a_configuration_over_sha512_is_refused_like_a_list(held: str) -> None:
    """Row 23: the parameter that decides about the lists' digest decides about configurations too."""
    lists = (OLD_CTL, OLD_ITL) if held == "old lists" else (SHA512_CTL, SHA512_ITL)
    found = foreseen(step(SHA512_CTL, SHA512_ITL), model="7921", ctl_held=lists[0], itl_held=lists[1])
    assert found.outcome is Fate.FROZEN
    assert found.reason == Reason.DIGEST_UNSUPPORTED


def test_models_that_differ_in_the_digest_of_what_is_there_already_are_judged_apart() -> None:
    present = step(SHA512_CTL, SHA512_ITL)
    forecaster = Forecaster(Plan((step(),), present=present))
    able, unable = (PhoneKind(get_model(name), name, None, None) for name in ("7921", "7940"))
    model = replace(get_model("7921"), sha512=True, unknown=frozenset())
    assert forecaster.outcome(PhoneKind(model, "able", None, None)) is Fate.FOLLOWS
    assert forecaster.outcome(able) is not Fate.FOLLOWS
    assert forecaster.outcome(unable) is not Fate.FOLLOWS


def test_what_is_taken_from_the_servers_is_offered_to_nobody() -> None:
    gone = replace(step(), withdrawn=(ListKind.CTL,))
    found = foreseen(step(NEW_CTL), gone, absences=(True, False), tvs=Tvs.DOWN)
    assert found.prospect.restart is not None
    assert found.prospect.restart.trust.ctl == OLD_CTL
    assert found.prospect.restart.decisions[BootFile.CTL].reason is Reason.NOT_FOUND


@pytest.mark.parametrize(("absent", "fate"), [(False, Fate.FOLLOWS), (True, Fate.LOCKED_OUT)])
def test_a_cluster_stays_as_its_last_ctl_announced_it(absent: bool, fate: Fate) -> None:
    """A phone that missed the CTL of non-secure mode speaks TLS to a CallManager that wants none of it."""
    empty = ctl("callmanager", empty=True)
    gone = replace(step(), withdrawn=(ListKind.CTL,))
    found = foreseen(step(empty), gone, absences=(absent, False), mode=SECURE)
    assert found.outcome is fate


def _mixed(version: str = "10.5.2.13900-12") -> Site:
    made = changed(*(Site.founded("A", Version.parse(version), 2, DigestAlgorithm.SHA1),) * 2, ("mixed",))
    assert made is not None
    return made.after


def _steps(site: Site, *operations: tuple[str, ...]) -> list[Step]:
    steps = []
    for words in operations:
        made = changed(site, site, words)
        assert made is not None
        before = site.outlook
        operation = made.operation
        after = before.starting_every_tftp() if operation is None else in_force(operation, operation.foresee(before))
        steps.append(foreseen_step(" ".join(words), after, before))
        site = replace(made.after, outlook=after)
    return steps


def test_a_reset_itl_is_what_phones_meet_until_tftp_is_restarted() -> None:
    steps = _steps(_mixed(), ("reset-itl",), ("nothing",))
    files = [published.file for each in steps for published in each.lists]
    signers = [each.header.signer_name for each in files if isinstance(each, TrustList)]
    assert len(signers) == 2
    assert "ITLRECOVERY" in (signers[0] or "")
    assert "ITLRECOVERY" not in (signers[1] or "")


def test_tvs_vouches_for_security_tokens_that_stand_in_the_ctl_file_alone() -> None:
    """The seed: TVS asks the database first, then the CTL file."""
    (after,) = _steps(_mixed(), ("token", "update", "0"))
    assert after.vouched is not None
    roles = dict(after.vouched.roles)
    assert roles[keys.token(0).certificate] == roles[keys.token(1).certificate] == frozenset({Role.SAST.value})


def test_a_file_that_an_operation_deletes_is_withdrawn() -> None:
    steps = _steps(_mixed(), ("non-secure",), ("delete-ctl",))
    assert [each.withdrawn for each in steps] == [(), (ListKind.CTL,)]


def test_a_blanked_itl_under_the_name_of_the_ctl_does_not_say_that_the_cluster_went_non_secure() -> None:
    site = _mixed()
    blanked = replace(site, outlook=site.outlook.preparing(rollback=True)).signed().outlook
    itl = blanked.files[site.publisher, "ITLFile.tlv"]
    shown = identity("callmanager").certificate
    wrong = replace(step(), lists=(Published(ListKind.CTL, TrustList.parse(itl)),), mixed=True, shown=shown)
    found = foreseen(wrong, ctl_held=OLD_CTL, mode=SECURE)
    assert found.prospect.restart is not None
    assert found.prospect.restart.registers


def test_a_phone_that_kept_the_ctl_of_non_secure_mode_registers_if_its_itl_vouches() -> None:
    """The letter of forecast.md 5.8; a phone that kept that of mixed mode is locked out, one that took it is not."""
    empty = ctl("callmanager", empty=True)
    assert foreseen(step(OLD_CTL), ctl_held=empty, mode=SECURE).outcome is Fate.FOLLOWS
    missed = foreseen(replace(step(OLD_CTL), reset=False), ctl_held=empty, mode=SECURE)
    assert missed.outcome is Fate.BEHIND
    assert missed.prospect.restart is not None
    assert missed.prospect.restart.registers
    assert foreseen(step(NEW_CTL, tvs=Tvs.DOWN), ctl_held=empty, mode=SECURE).outcome is Fate.LOCKED_OUT

    kept = foreseen(replace(step(empty), reset=False), ctl_held=OLD_CTL, mode=SECURE)
    assert kept.outcome is Fate.LOCKED_OUT
    took = foreseen(step(empty), ctl_held=OLD_CTL, mode=SECURE)
    assert took.outcome is Fate.FOLLOWS
    assert any("registers in the clear" in note for note in took.notes)


def test_the_parameter_decides_what_configurations_are_signed_over_whatever_the_lists_are() -> None:
    """An ITL that did not reach the server, and a CTL of before, say nothing of it; row 23."""
    (changed_to,) = _steps(_mixed(), ("digest", "SHA-512"))
    assert changed_to.digest == DigestAlgorithm.SHA512.value
    change = replace(step(), digest=changed_to.digest, signer=identity("callmanager").certificate)
    found = foreseen(change, model="7921")
    assert (found.outcome, found.reason) == (Fate.FROZEN, Reason.DIGEST_UNSUPPORTED)
    assert foreseen(change, model="7945").outcome is Fate.UNKNOWN, "no source says whether it knows that digest"
    back = replace(step(SHA512_CTL), digest=DigestAlgorithm.SHA1.value)
    assert foreseen(back, model="7921", ctl_held=SHA512_CTL).outcome is Fate.FOLLOWS


def test_a_phone_that_a_subscriber_has_taken_is_not_locked_out() -> None:
    """A 7940 that took neither the CTL of a new CallManager nor that of tokens: a forecast asks about the first server.

    The prompt, which does not know what it holds, speaks of one that has what it was given.
    """
    sites = [_mixed()]
    for words in (("regenerate", "0", "CallManager"), ("update-ctl",), ("token", "update", "0")):
        made = changed(sites[-1], sites[-1], words)
        assert made is not None
        sites.append(made.after)
    present = foreseen_step("", sites[0].outlook, None)
    steps = [foreseen_step("", after.outlook, before.outlook) for before, after in pairwise(sites)]
    held, _, updated, by_token = (TrustList.parse(each.outlook.files[each.publisher, "CTLFile.tlv"]) for each in sites)
    old, new = (PhoneKind(get_model("7940"), "7940", each, None, SECURE) for each in (held, updated))
    assert Forecaster(Plan(tuple(steps), present=present)).of(old).steps == (Fate.LOCKED_OUT,) * 3
    assert Forecaster(Plan((steps[2],), present=present)).outcome(new) is Fate.FROZEN

    server = Simulator()
    server.publish(by_token)
    server.files[f"{DEVICE}.cnf.xml"] = b"<device><deviceSecurityMode>3</deviceSecurityMode></device>"
    boot, _ = server.boot(PhoneState(TrustState(held)), model="7940")
    assert fate_of(boot) is Fate.LOCKED_OUT, "nobody looked"
    assert fate_of(boot, registered=True) is Fate.FROZEN


def test_the_configurations_of_a_cluster_that_is_prepared_for_a_rollback_name_its_nodes() -> None:
    """Its ITL names no TVS server then; that of before, and that of after, name the same hosts as configurations do."""
    (off,) = _steps(_mixed(), ("nothing",))
    on, back = _steps(_mixed(), ("rollback", "on"), ("rollback", "off"))
    assert on.hosts == frozenset({"a-pub", "a-sub1"})
    assert off.hosts is not None
    assert on.hosts < off.hosts == back.hosts
