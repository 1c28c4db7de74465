"""Where the forecast and the phones of the simulation once differed, in its smallest form: moves to another cluster."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Published, Tvs
from mixedmode.forecast.vouching import Vouched
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.offers import Offer
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import ListKind, Reason
from mixedmode.phone.mind.trust.lookup import tvs_hosts
from mixedmode.trustlist.build import RecordForm, RecordSpec, build_trust_list
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.forecast.test_settled_points import OLD_ITL, SECURE, foreseen, step
from tests.phone.site import ctl, identity


def _itl_of(name: str, signer: str = "token", *, blanked: bool = False) -> TrustList:
    """An ITL of a cluster whose one server, and TVS, is this; blanked: prepared for a rollback."""
    certificate, by = identity(name).certificate, identity(signer)
    specs = [RecordSpec(Role.SAST, by.certificate, dns_name=signer)]
    for role in (Role.CCM_TFTP, Role.TVS):
        form = RecordForm.ADDRESS if blanked else RecordForm.FULL
        specs.append(RecordSpec(role, None if blanked else certificate, dns_name=name, form=form))
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


@pytest.mark.parametrize(
    ("published", "tvs", "fate"),
    [
        (ListKind.ITL, Tvs.UP, Fate.BEHIND),
        (ListKind.ITL, Tvs.OLD, Fate.FOLLOWS_BY_TVS),
        (None, Tvs.UP, Fate.BEHIND),
        (None, Tvs.OLD, Fate.FOLLOWS_BY_TVS),
    ],
)
def test_a_phone_that_has_the_configuration_of_a_cluster_that_goes_back_asks_nobody_it_trusts(
    published: ListKind | None, tvs: Tvs, fate: Fate
) -> None:
    """It took the new cluster's CTL and configuration alone; then there is an ITL that names no TVS server, or none."""
    around = replace(
        step(),
        servers=frozenset({identity("here").certificate.der}),
        vouched=_knows("stranger", roles={Role.SAST.value}),
    )
    moved = replace(step(ctl("token", servers=("there",)), _itl_of("there", "stranger")), vouched=Vouched())
    moved = replace(moved, servers=around.servers, hosts=frozenset({"there"}))
    blanked = (Published(ListKind.ITL, _itl_of("there", "stranger", blanked=True)),) if published else ()
    gone = replace(around, lists=blanked, withdrawn=(ListKind.ITL,))
    again = replace(around, lists=(Published(ListKind.ITL, _itl_of("there", "stranger")),), tvs=tvs)
    plan = Plan((moved, gone, again), present=step(_itl_of("here")))
    kind = PhoneKind(get_model("7975"), "7975", ctl("token", servers=("here",)), _itl_of("here"))
    assert Forecaster(plan).of(kind).outcome is fate


def test_an_itl_that_names_no_tvs_server_is_no_reason_for_configurations_to_name_others() -> None:
    here, there = _itl_of("here"), _itl_of("there")
    offer = Offer().publishing(ListKind.ITL, here)
    hosts = offer.config_hosts
    assert "here" in hosts
    for file in (
        _itl_of("here", blanked=True),
        ctl("callmanager"),
        here.data[:20],
        here.data[: here.record_spans[2][0]],
    ):
        assert offer.publishing(ListKind.ITL, file).config_hosts == hosts
    assert offer.without(ListKind.ITL).config_hosts == hosts
    assert offer.without(ListKind.ITL).publishing(ListKind.ITL, there).config_hosts == tvs_hosts(there).keys()
    assert offer.publishing(ListKind.ITL, there.data + bytes(70_000)).config_hosts == tvs_hosts(there).keys()
    blanked = _itl_of("there", blanked=True)
    assert Offer().publishing(ListKind.ITL, blanked).config_hosts == {"there"}
    assert offer.publishing(ListKind.ITL, blanked).config_hosts == {"there"}, "another cluster's"


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
