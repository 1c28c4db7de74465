"""A rehearsal says what does not hold, what is refused, and what could not be seen."""

from __future__ import annotations

import asyncio

import pytest

from mixedmode.procedures.checks import LISTING_SAYS_NONE, Check, Finding, mode_is, refused, says
from mixedmode.procedures.definition import Precondition, Procedure
from mixedmode.procedures.phones import SIGNER_IS_NEW
from mixedmode.procedures.reading import MODE_QUERY
from mixedmode.procedures.steps import Part, Prompt, ResetPhones, Step
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rehearsal.rehearse import rehearse
from mixedmode.rehearsal.report import Report, summary

UNSEEN = Check("unseen", "nobody can see this", lambda _before, _now: None)
WRONG = Procedure(
    "wrong",
    "A procedure that asks for what is not so",
    "It is played to see what is said.",
    "nobody",
    (Precondition("The cluster is in mixed mode", "It is not.", mode_is(1)),),
    (
        Step("Start the phones.", ResetPhones(), part=Part.BEFORE),
        Step("Look at the mode.", Prompt(MODE_QUERY, reads=True), (mode_is(0), mode_is(1), UNSEEN), heading="Look"),
        Step("Look at the CTL file.", Prompt("show ctl", reads=True), (LISTING_SAYS_NONE, says("a", "it sings", "la"))),
        Step("Enter what there is not.", Prompt("utils nonsense"), (refused("there is no such command"),)),
        Step("Enter it again.", Prompt("utils nonsense")),
    ),
    SIGNER_IS_NEW,
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    lab = Lab(tmp_path_factory.mktemp("lab") / "lab", LabSpec(nodes=1, models=("7975", "7940")))
    return asyncio.run(rehearse(WRONG, lab))


def test_each_statement_has_its_finding(report: Report) -> None:
    assert not report.held
    found = {finding.what: finding for finding in report.checks}
    assert found["before it begins: ClusterSecurityMode is 1"].held is False
    assert found["ClusterSecurityMode is 0"].held
    assert found["ClusterSecurityMode is 1"].held is False
    assert found["nobody can see this"] == Finding("nobody can see this", held=False, detail="it could not be seen")
    assert found["show ctl says that there is no CTL"].held
    assert found["it sings"].held is False
    assert found["there is no such command"].held
    assert found["'utils nonsense' succeeds"].held is False
    assert "utils" in found["'utils nonsense' succeeds"].detail


def test_the_transcript_and_the_end_say_it_too(report: Report) -> None:
    assert "# Look" in report.transcript
    assert "# DOES NOT HOLD: nobody can see this (it could not be seen)" in report.transcript
    lines = summary(report)
    assert lines[-1].startswith("wrong: NOT as promised: 0 of 2 phones, ")
    assert any(line.startswith("does not hold: it sings") for line in lines)


def test_phones_that_did_not_end_as_promised_are_named_with_their_remedy(report: Report) -> None:
    [able, legacy] = report.phones
    assert (able.boot.model.name, able.held, able.remedy) == ("7975", False, "")
    assert (legacy.boot.model.name, legacy.held) == ("7940", False)
    assert "in a lab: mixedmode phones delete-ctl NAME" in legacy.remedy
