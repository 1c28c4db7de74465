"""Phones of a cluster with several TFTP nodes: each node signs its own ITL, and phones get theirs from one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mixedmode.cluster.model.versions import Version
from mixedmode.forecast.cluster.losses import without_and_with
from mixedmode.forecast.cluster.outlooks import foreseen_step
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan, Tvs
from mixedmode.forecast.proposal import proposed
from mixedmode.forecast.tally import Cell
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.phone.mind.models import get_model
from mixedmode.pki.signing.digests import DigestAlgorithm
from mixedmode.trustlist.kinds import CTL_FILE, ITL_FILE
from mixedmode.trustlist.model import TrustList
from tests.phone.site import itl
from tests.simulation.world.changes import changed
from tests.simulation.world.site import Site

PUB, SUB = "a-pub", "a-sub1"


def site(version: str = "10.5.2.13900-12", *operations: tuple[str, ...]) -> Site:
    found = Site.founded("A", Version.parse(version), 2, DigestAlgorithm.SHA1)
    for words in operations:
        made = changed(found, found, words)
        assert made is not None
        found = made.after
    return found


def held(where: Site, node: str, kind: str = ITL_FILE) -> TrustList | None:
    data = where.outlook.files.get((node, kind))
    return None if data is None else TrustList.parse(data)


def phone(where: Site, node: str, model: str = "7975") -> PhoneKind:
    return PhoneKind(get_model(model), model, held(where, node, CTL_FILE), held(where, node))


def plan(where: Site, *operations: tuple[str, ...], tvs: Tvs = Tvs.DOWN) -> Plan:
    steps, present = [], foreseen_step("now", where.outlook, None)
    for words in operations:
        made = changed(where, where, words)
        assert made is not None
        steps.append(foreseen_step(" ".join(words), made.after.outlook, where.outlook))
        where = made.after
    return Plan(tuple(steps), tvs, present=present)


@pytest.mark.parametrize(
    ("operation", "of_publisher", "of_subscriber"),
    [
        (("regenerate", "0", "CallManager"), Fate.BEHIND, Fate.FOLLOWS),
        (("regenerate", "1", "CallManager"), Fate.FOLLOWS, Fate.BEHIND),
        (("regenerate", "1", "TVS"), Fate.FOLLOWS, Fate.FOLLOWS),
        (("leave", "1"), Fate.FOLLOWS, Fate.BEHIND),
        (("join",), Fate.FOLLOWS, Fate.FOLLOWS),
    ],
)
def test_a_phone_is_judged_by_what_the_node_has_whose_itl_it_holds(
    operation: tuple[str, ...], of_publisher: Fate, of_subscriber: Fate
) -> None:
    """With TVS silent, in non-secure mode: a phone of the subscriber knows nothing of who signs for the publisher."""
    before = site()
    forecaster = Forecaster(plan(before, operation))
    assert forecaster.outcome(phone(before, PUB)) is of_publisher
    found = forecaster.of(phone(before, SUB))
    assert found.outcome is of_subscriber
    if operation[0] != "leave":
        last = found.prospect.restart
        assert last is not None
        assert found.stages[-1].offer.itl != Forecaster(plan(before, operation)).stages()[-1].offer.itl


def test_without_any_change_a_phone_of_a_subscriber_is_neither_behind_nor_saved_by_tvs() -> None:
    before = site("11.5.1.10000-6", ("mixed",))
    kinds = [phone(before, PUB), phone(before, SUB), phone(before, SUB, "7940")]
    found = without_and_with("regenerate", before.outlook, site("11.5.1.10000-6", ("mixed",)).outlook, kinds)
    assert set(found.values()) == {(Fate.FOLLOWS, Fate.FOLLOWS)}


def test_a_node_that_is_installed_again_serves_the_phones_that_it_had() -> None:
    before = site()
    change = plan(before, ("leave", "1"), ("join",), tvs=Tvs.UP)
    found = Forecaster(change).of(phone(before, SUB))
    assert found.outcome is Fate.FOLLOWS_BY_TVS
    assert found.prospect.restart is not None
    now = found.prospect.restart.trust.itl
    assert now is not None
    assert change.node_of(now) == SUB


def test_only_an_itl_that_names_one_of_the_nodes_as_server_tells_where_a_phone_gets_its_files() -> None:
    before = site()
    made = plan(before, ("nothing",))
    assert made.node_of(held(before, SUB)) == SUB
    assert made.node_of(held(before, PUB)) == ""
    assert made.node_of(itl("callmanager")) == ""
    assert made.node_of(None) == ""
    alone = Plan((replace(made.steps[0], nodes=()),))
    assert alone.node_of(held(before, SUB)) == ""
    without_present = Plan((foreseen_step("now", before.outlook, None),))
    assert without_present.node_of(held(before, SUB)) == SUB
    assert Forecaster(without_present).outcome(phone(before, SUB)) is Fate.FOLLOWS


def test_a_proposal_knows_what_each_node_has() -> None:
    """All that is the subscriber's renewed together with every TVS, and nobody waits for phones in between."""
    before = site()
    renewed = [("1", "CallManager"), ("1", "ITLRecovery"), ("1", "TVS"), ("0", "TVS")]
    made = plan(before, *(("regenerate", *each) for each in renewed), tvs=Tvs.UP)
    made = replace(made, steps=(*(replace(each, reset=False) for each in made.steps[:-1]), made.steps[-1]))
    forecaster = Forecaster(made)
    cells = [Cell(forecaster.of(phone(before, node)), "", ()) for node in (PUB, SUB)]
    for number, cell in enumerate(cells):
        cell.add(f"SEP00220000000{number}")
    assert [cell.forecast.outcome for cell in cells] == [Fate.FOLLOWS, Fate.FROZEN]
    best = proposed(forecaster, cells)
    assert best.changed
    assert best.numbers[Fate.FROZEN] == 0
