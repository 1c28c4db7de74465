"""A rehearsal says first what every phone will do, and at the end whether they did."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.procedures.steps import Part, Prompt, Step
from mixedmode.procedures.tokenless import REGENERATE_CALLMANAGER
from mixedmode.rehearsal.lab.lab import Lab
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rehearsal.rehearse import rehearse
from mixedmode.rehearsal.report import Report, summary

STOP = Prompt("utils service stop Cisco Trust Verification Service")


def played(folder: Path, *, stop_tvs: bool) -> Report:
    steps = list(REGENERATE_CALLMANAGER.steps)
    first = next(place for place, step in enumerate(steps) if step.part is Part.STEP)
    if stop_tvs:
        steps.insert(first + 2, Step("Stop TVS, of which nobody spoke.", STOP))
    procedure = replace(REGENERATE_CALLMANAGER, steps=tuple(steps))
    return asyncio.run(rehearse(procedure, Lab(folder / "lab", LabSpec(nodes=1, models=("7975", "7940")))))


def test_the_forecast_comes_first_and_is_proved_at_the_end(tmp_path: Path) -> None:
    report = played(tmp_path, stop_tvs=False)
    said = report.transcript
    place = said.index("# Forecast: what every phone will do")
    assert said[place + 1 : place + 3] == [
        "# follows 0, follows-by-tvs 1, behind 0, frozen 1, locked-out 0, unknown 0",
        "# frozen: SEP001122334402 (7940)",
    ]
    assert place < said.index("admin:set cert regen CallManager")
    assert said[-1] == "# Forecast: 2 of 2 phones did what was foreseen"
    assert report.held
    document = report.document()
    assert document["forecast"] == document["outcomes"]
    assert [phone["outcome"] for phone in document["phones"]] == ["follows-by-tvs", "frozen"]


def test_a_phone_that_did_something_else_is_named_and_the_rehearsal_fails(tmp_path: Path) -> None:
    report = played(tmp_path, stop_tvs=True)
    assert "# Forecast: 1 of 2 phones did what was foreseen" in report.transcript
    assert not report.held
    text = "\n".join(summary(report))
    assert "each phone did what was foreseen (SEP001122334401: behind, foreseen follows-by-tvs)" in text
    assert report.phones[0].outcome is Fate.BEHIND
