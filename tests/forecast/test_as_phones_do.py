"""Where the forecast and the phones of the simulation once differed, each in its smallest form."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

from mixedmode.cluster.model.versions import Version
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Step, Tvs
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.afar import Help
from mixedmode.phone.mind.fate.observed import fate_of
from mixedmode.phone.mind.fate.offers import file_signer
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.requests import BootFile
from mixedmode.phone.mind.trust.decisions import ListKind, Reason
from mixedmode.phone.mind.trust.policy import read_list
from mixedmode.phone.mind.trust.state import PhoneState, TrustState
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.build import RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.forecast.test_settled_points import NEW_CTL, OLD_CTL, OLD_ITL, SECURE, foreseen, step
from tests.phone.site import DEVICE, Simulator, ctl, damaged, identity, itl
from tests.simulation.world import keys
from tests.simulation.world.site import Site, changed

SHA512_CTL = ctl("callmanager", digest=DigestAlgorithm.SHA512)
SHA1_PAIR = ctl("callmanager", servers=("callmanager", "new-callmanager"))
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


def test_a_list_with_a_tail_of_zeros_is_read_to_its_end() -> None:
    assert file_signer(read_list(OLD_CTL.data + bytes(70_000))) == identity("callmanager").certificate


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


def _itl_of(name: str, signer: str = "token") -> TrustList:
    """An ITL of a cluster whose one server, and TVS, is this."""
    certificate, by = identity(name).certificate, identity(signer)
    roles = {Role.SAST: by.certificate, Role.CCM_TFTP: certificate, Role.TVS: certificate}
    specs = [RecordSpec(role, each, dns_name=name) for role, each in roles.items()]
    return TrustList.parse(build_trust_list(specs, by, timestamp=0, filename="ITLFile.tlv"))


def _knows(*names: str, roles: set[int]) -> Vouched:
    return Vouched(tuple((identity(name).certificate, frozenset(roles)) for name in names))


@pytest.mark.parametrize(
    ("held", "tvs", "fate"),
    [
        ("foreign", Tvs.UP, Fate.BEHIND),
        ("foreign", Tvs.OLD, Fate.FOLLOWS_BY_TVS),
        ("here", Tvs.UP, Fate.FOLLOWS_BY_TVS),
    ],
)
def test_a_phone_that_takes_the_itl_of_another_cluster_asks_the_tvs_of_its_configuration(
    held: str, tvs: Tvs, fate: Fate
) -> None:
    """By phone-trust.md 3.2 lists come before the configuration, of which a server that no list names is the signer."""
    change = replace(step(_itl_of("here")), signer=identity("subscriber").certificate)
    vouched = _knows("subscriber", roles={Role.TFTP.value})
    kept = partial(foreseen, ctl_held=ctl("token", "recovery", servers=()), itl_held=_itl_of(held, "recovery"))
    assert kept(change, tvs=tvs, vouched=vouched).outcome is fate
    taken = kept(change, replace(step(), signer=identity("here").certificate), change, vouched=vouched)
    assert taken.steps[1:] == (Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS), "the next configuration names the servers of here"


@pytest.mark.parametrize(("mode", "fate"), [(1, Fate.BEHIND), (SECURE, Fate.LOCKED_OUT)])
def test_a_phone_that_took_the_configuration_of_another_cluster_alone_asks_no_tvs_that_it_trusts(
    mode: int, fate: Fate
) -> None:
    """Half a move: the old TVS vouched for who signs configurations, but these name the servers of the new cluster."""
    vouched = _knows("there", roles={Role.TFTP.value, Role.CCM_TFTP.value})
    moved = replace(
        step(ctl("stranger", servers=("there",)), _itl_of("there", "stranger")),
        servers=frozenset({identity("here").certificate.der}),
        vouched=vouched,
    )
    kept = partial(foreseen, ctl_held=ctl("token", servers=("here",)), itl_held=_itl_of("here"), mode=mode)
    assert kept(moved).outcome is fate
    assert kept(replace(moved, tvs=Tvs.OLD)).outcome is Fate.BEHIND


@pytest.mark.parametrize(("held", "fate"), [("here", Fate.BEHIND), ("there", Fate.FOLLOWS_BY_TVS)])
def test_tvs_servers_of_two_clusters_do_not_say_the_same(held: str, fate: Fate) -> None:
    """Each phone asks those that its ITL names; the old cluster's know nothing of the new one's tokens."""
    server = {name: frozenset({identity(name).certificate.der}) for name in ("here", "there")}
    knows = _knows("stranger", roles={Role.SAST.value})
    moved = replace(
        step(ctl("stranger", servers=("there",)), _itl_of("there")),
        servers=server["here"],
        vouched=Vouched(),
        elsewhere=((server["there"], knows),),
    )
    assert foreseen(moved, ctl_held=ctl("token", servers=("here",)), itl_held=_itl_of(held)).outcome is fate


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


@pytest.mark.parametrize(
    ("hosts", "tvs", "fate"),
    [
        ("there", Tvs.UP, Fate.BEHIND),
        ("there", Tvs.OLD, Fate.FOLLOWS_BY_TVS),
        ("here", Tvs.UP, Fate.FOLLOWS_BY_TVS),
        (None, Tvs.UP, Fate.FOLLOWS_BY_TVS),
    ],
)
def test_a_phone_that_moves_without_the_new_clusters_itl_asks_nobody_from_the_next_restart_on(
    hosts: str | None, tvs: Tvs, fate: Fate
) -> None:
    """The new cluster's servers still have the ITL of the old one: its configuration is not that list's cluster's."""
    there = identity("there").certificate
    moved = replace(
        step(),
        signer=there,
        hosts=None if hosts is None else frozenset({hosts}),
        servers=frozenset({identity("here").certificate.der}),
        vouched=_knows("there", roles={Role.TFTP.value}),
    )
    plan = Plan((moved, step()), tvs=tvs, present=step(_itl_of("here")))
    found = Forecaster(plan).of(PhoneKind(get_model("7975"), "7975", None, _itl_of("here")))
    assert found.steps == (Fate.FOLLOWS_BY_TVS, fate)


def test_an_itl_that_is_published_names_the_servers_of_its_own_configurations() -> None:
    """A move that is published as files, in a cluster whose own configurations name others up to then."""
    present = replace(step(_itl_of("here")), hosts=frozenset({"here"}))
    signed = replace(step(_itl_of("there")), vouched=_knows("subscriber", roles={Role.TFTP.value}))
    plan = Plan((signed, replace(step(), signer=identity("subscriber").certificate)), present=present)
    found = Forecaster(plan).of(PhoneKind(get_model("7975"), "7975", None, _itl_of("here")))
    assert found.steps == (Fate.FOLLOWS, Fate.FOLLOWS_BY_TVS)


@pytest.mark.parametrize("held", ["old server", "new server"])
def test_a_cluster_in_mixed_mode_is_so_whatever_ctl_its_servers_still_have(held: str) -> None:
    """They have that of the cluster from which phones came, which was not in mixed mode."""
    empty, shown = ctl("callmanager", empty=True), identity("new-callmanager").certificate
    moved = replace(step(), mixed=True, shown=shown)
    plan = Plan((moved,), present=replace(step(empty), mixed=False))
    itl_held = OLD_ITL if held == "old server" else _itl_of("new-callmanager")
    kind = PhoneKind(get_model("7975"), "7975", empty, itl_held, SECURE)
    came = Forecaster(plan).of(kind).prospect.restart
    assert came is not None
    assert came.registers is (held == "new server")


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True)])
def test_a_ctl_that_is_published_says_the_mode_of_a_cluster_that_was_in_the_other_one(
    before: bool, after: bool
) -> None:
    """By forecast.md 5.8 the newest published CTL says it, whatever the nodes' stores said up to then."""
    shown = identity("callmanager").certificate if before else None
    present = replace(step(ctl("callmanager", empty=not before)), mixed=before, shown=shown)
    plan = Plan((step(ctl("callmanager", empty=not after)),), present=present)
    kind = PhoneKind(get_model("7975"), "7975", ctl("callmanager", empty=not before), OLD_ITL, SECURE)
    came = Forecaster(plan).of(kind).prospect.restart
    assert came is not None
    assert came.registers
    assert (came.registration is not None and came.registration.reason is Reason.NON_SECURE) is not after


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
