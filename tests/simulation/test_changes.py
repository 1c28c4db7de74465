"""What becomes of simulated clusters that get another version, or other nodes, and of their phones."""

from __future__ import annotations

import pytest

from mixedmode.cluster.model.versions import Version
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.pki.certificates.profiles import Purpose
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList
from mixedmode.trustlist.roles import Role
from tests.simulation.play import Play
from tests.simulation.schedule import PhonePlan, Schedule, StepPlan
from tests.simulation.world.changes import VERSIONS, changed
from tests.simulation.world.network import Weather
from tests.simulation.world.site import Site


def after(site: Site, *operations: tuple[str, ...]) -> Site:
    for words in operations:
        made = changed(site, site, words)
        assert made is not None, words
        site = made.after
    return site


def founded(version: str, nodes: int = 2) -> Site:
    return Site.founded("A", Version.parse(version), nodes, DigestAlgorithm.SHA1)


def signer(site: Site, name: str, node: str = "") -> str:
    found = TrustList.parse(site.outlook.files[node or site.publisher, name])
    return (found.header.signer_name or "").partition(";")[0]


def played(
    version: str, phones: tuple[PhonePlan, ...], *operations: tuple[str, ...], tvs: str = "up", ctl: str = "tokenless"
) -> list[Fate]:
    """What is said of each phone in the end, and what it does."""
    steps = tuple(StepPlan(each, tvs=tvs) for each in operations)
    play = Play(Schedule(1, version, 2, False, ctl, (), phones, steps, Weather(), 0.0, "off")).run()
    assert not play.findings
    return [each.said.outcome for each in play.tracked]


def test_from_12_on_itlrecovery_signs_what_is_signed_anew() -> None:
    mixed = after(founded("11.5.1.10000-6"), ("mixed",))
    installed = after(mixed, ("upgrade", "1"))
    assert installed.outlook.files == mixed.outlook.files
    switched = after(installed, ("switch",))
    assert str(switched.view.version) == "12.0.1.10000-10"
    assert signer(mixed, ITL_FILE) == signer(switched, CTL_FILE) == "CN=a-pub"
    assert signer(switched, ITL_FILE).startswith("CN=ITLRECOVERY_a-pub")
    assert signer(switched, ITL_FILE, "a-sub1").startswith("CN=ITLRECOVERY_a-sub1")
    updated = after(switched, ("update-ctl",))
    assert signer(updated, CTL_FILE).startswith("CN=ITLRECOVERY_a-pub")
    back = after(updated, ("switch",))
    assert back.outlook.files == mixed.outlook.files, "that partition's files are those of before"
    single = after(updated, ("upgrade", "1"), ("switch",))
    assert signer(single, ITL_FILE, "a-sub1").startswith("CN=ITLRECOVERY_a-pub"), "from 12.5 on one for the cluster"
    assert not single.has("a-sub1", Purpose.ITLRECOVERY)


def test_the_first_version_with_itlrecovery_makes_one_for_each_node() -> None:
    site = after(founded("9.1.2.10000-28"), ("upgrade", "1"), ("switch",))
    assert all(site.has(node.name, Purpose.ITLRECOVERY) for node in site.view.nodes)
    assert signer(site, ITL_FILE) == "CN=a-pub"
    assert changed(founded(VERSIONS[-1]), site, ("upgrade", "1")) is None
    assert changed(founded(VERSIONS[-1]), site, ("switch",)) is None


def test_a_node_that_is_installed_again_has_other_certificates() -> None:
    before = after(founded("11.5.1.10000-6"), ("mixed",))
    gone = after(before, ("leave", "1"))
    assert [node.name for node in gone.view.nodes] == ["a-pub"]
    assert all(node == "a-pub" for node, _ in gone.outlook.files)
    again = after(gone, ("join",))
    assert [node.name for node in again.view.nodes] == ["a-pub", "a-sub1"]
    one, two = (each.own("a-sub1", Purpose.CALLMANAGER) for each in (before, again))
    assert one != two
    assert again.outlook.files["a-sub1", CTL_FILE] == before.outlook.files["a-pub", CTL_FILE], "until it is updated"
    itl = TrustList.parse(again.outlook.files["a-pub", ITL_FILE])
    assert len(itl.records_with_role(Role.TVS)) == 2
    assert changed(founded("11.5.1.10000-6", 1), before, ("leave", "1")) is None
    assert changed(founded("11.5.1.10000-6", 4), before, ("join",)) is None


@pytest.mark.parametrize(
    ("ctl", "tvs", "fate"),
    [
        ("none", "up", Fate.FOLLOWS_BY_TVS),
        ("none", "some", Fate.BEHIND),
        ("tokenless", "up", Fate.FOLLOWS),
        ("tokenless", "down", Fate.FOLLOWS),
    ],
)
def test_phones_of_a_node_that_is_gone_get_their_files_from_another_one(ctl: str, tvs: str, fate: Fate) -> None:
    """Before 12.5 each node signs its own ITL: the publisher is an anchor of a subscriber's phones by the CTL alone.

    Whose TVS could vouch for it is the publisher's: the other one is gone as well.
    """
    phones = tuple(PhonePlan(f"SEP00220000000{node}", "7975", 1, "current", node) for node in (0, 1))
    assert played("10.5.2.13900-12", phones, ("leave", "1"), tvs=tvs, ctl=ctl) == [Fate.FOLLOWS, fate]


def test_a_phone_without_itl_knows_nobody_who_signs_from_12_on() -> None:
    """A CTL of 10.5(1) has CallManager alone as anchor; who has an ITL knows ITLRecovery by that."""
    phones = tuple(PhonePlan(f"SEP00220000000{n}", model, 2, "current") for n, model in enumerate(("7940", "7975")))
    upgrade = ("upgrade", "3"), ("switch",)
    assert played("10.5.1.10000-7", phones, *upgrade) == [Fate.FOLLOWS, Fate.FOLLOWS]
    assert played("10.5.1.10000-7", phones, *upgrade, ("update-ctl",)) == [Fate.BEHIND, Fate.FOLLOWS]
    renewed = *upgrade, ("regenerate", "0", "CallManager"), ("update-ctl",)
    assert played("10.5.1.10000-7", phones, *renewed) == [Fate.LOCKED_OUT, Fate.FOLLOWS]
    assert played("10.5.1.10000-7", phones, *upgrade, ("reset-ctl",)) == [Fate.FOLLOWS, Fate.FOLLOWS]


def test_a_move_to_a_cluster_of_12_needs_its_itlrecovery_in_phone_sast_trust() -> None:
    """The one that was found with TAC alone (phone-trust.md 8): CallManager in both stores does up to 11.5."""
    phones = (PhonePlan("SEP002200000000", "7975", 1, "current"),)
    trusted = ("trust", "Phone-SAST-trust", "CallManager"), ("trust", "CallManager-trust", "CallManager")
    recovery = ("trust", "Phone-SAST-trust", "ITLRecovery")
    assert played("9.1.2.10000-28", phones, *trusted, ("move", "2"), ctl="none") == [Fate.FOLLOWS_BY_TVS]
    assert played("9.1.2.10000-28", phones, *trusted, ("move", "5"), ctl="none") == [Fate.BEHIND]
    assert played("9.1.2.10000-28", phones, *trusted, recovery, ("move", "5"), ctl="none") == [Fate.FOLLOWS_BY_TVS]


def test_a_phone_whose_configuration_is_older_than_a_node_does_not_ask_that_node() -> None:
    """It takes the ITL that names the node's TVS, and needs TVS for a configuration that names it too."""
    phone = PhonePlan("SEP002200000002", "7962", 1, "old", node=1)
    steps = (StepPlan(("reset-itl",), tvs="some", days=2),)
    before = (("join",),)
    play = Play(
        Schedule(2_000_443, "11.5.1.10000-6", 1, False, "none", before, (phone,), steps, Weather(), 0.0, "off")
    ).run()
    assert not play.findings
    assert [each.said.outcome for each in play.tracked] == [Fate.BEHIND]
