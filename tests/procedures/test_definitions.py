"""Each procedure says all that a person who follows it needs, and knows nothing of a lab."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from mixedmode.procedures.catalogue import PAGES, PROCEDURES
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import PhoneKind
from mixedmode.procedures.names import ALL, SUMMARIES
from mixedmode.procedures.phones import Ending
from mixedmode.procedures.steps import ByHand, CtlClient, ImportToken, Part, Prompt, Step, SwitchPhones

EACH = pytest.mark.parametrize("procedure", PROCEDURES.values(), ids=lambda each: each.name)
CHANGES = re.compile(r"utils ctl|set cert|file delete|switch-version")


def changes(step: Step) -> bool:
    """Whether a step changes what phones trust."""
    return isinstance(step.act, CtlClient | ImportToken) or (
        isinstance(step.act, Prompt) and bool(CHANGES.search(step.act.line))
    )


def test_the_four_of_the_seed_and_the_others_are_there() -> None:
    assert [each.name for each in PAGES] == [
        "non-secure-to-mixed", "etokens-to-tokenless", "tokenless-to-etokens", "regenerate-callmanager",
    ]  # fmt: skip
    assert set(PROCEDURES) - {each.name for each in PAGES} == {
        "mixed-to-non-secure", "phones-behind", "downgrade", "one-token-lost", "lost-tokens",
        "secure-phones", "back-to-non-secure", "lsc-expired", "capf-regenerated",
    }  # fmt: skip
    assert list(SUMMARIES) == list(PROCEDURES)
    assert not ALL.keys() & PROCEDURES.keys()


@EACH
def test_every_kind_of_phone_has_its_rule_and_the_lost_ones_a_remedy(procedure: Procedure) -> None:
    assert set(procedure.phones) == set(PhoneKind)
    for rule in procedure.phones.values():
        assert (rule.remedy is not None) == (rule.ending is Ending.FROZEN)


@EACH
def test_each_step_says_what_it_does_and_each_change_whether_it_can_be_taken_back(procedure: Procedure) -> None:
    assert procedure.own_steps()
    for step in procedure.own_steps():
        assert re.fullmatch(r"[A-Z].*\.", step.what), step.what
        assert step.act.who
        assert step.act.where
        if changes(step):
            assert step.undo.possible is not None, step.what
            assert step.undo.how, step.what
    by_hand = [step for step in procedure.own_steps() if step.act.by_hand]
    assert all(not isinstance(step.act, Prompt) for step in by_hand)
    assert all(step.act.by_hand for step in procedure.steps if isinstance(step.act, CtlClient | SwitchPhones | ByHand))


@EACH
def test_a_live_cluster_is_asked_first_and_looked_at_last(procedure: Procedure) -> None:
    assert any(each.check is not None for each in procedure.preconditions)
    last = procedure.own_steps()[-1]
    assert last.act == Prompt("show ctl", reads=True)
    assert {"same-on-every-node", "listing-verified"} <= {check.name for check in last.after}


@EACH
def test_what_brings_a_fresh_cluster_there_comes_first(procedure: Procedure) -> None:
    parts = [step.part for step in procedure.steps]
    before = parts.count(Part.BEFORE)
    assert before
    assert Part.BEFORE not in parts[before:]


@EACH
def test_no_definition_knows_of_a_lab(procedure: Procedure) -> None:
    said = repr(asdict(procedure))
    assert not re.search(
        r"\blabs?\b|rehears|127\.0|phones delete-ctl", said.replace("rehearsed only", ""), re.IGNORECASE
    )


def test_checks_have_one_meaning_each() -> None:
    checks = {check for each in PROCEDURES.values() for step in each.steps for check in step.after}
    names = [check.name for check in checks if check.name not in {"tvs-vouched", "no-ctl"}]
    judged = {check.name: check.judge for check in checks}
    assert set(names) <= set(judged)
    for name in names:
        assert len({check.text for check in checks if check.name == name}) == 1, name
