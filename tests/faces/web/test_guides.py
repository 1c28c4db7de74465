"""Guided runs over HTTP, on a lab with phones: a whole procedure, refusals, and what a stranger sends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.faces.web.guiding import GuideLab, button_of, guide_lab, settled
from tests.faces.web.weblab import WebLab

START = "/guides/procedures/non-secure-to-mixed"


@pytest.fixture(scope="module")
def lab_with_phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideLab]:
    with guide_lab(tmp_path_factory.mktemp("guide"), LabSpec(nodes=1, models=("7975", "7965"))) as running:
        yield running


def test_from_non_secure_to_mixed(lab_with_phones: GuideLab) -> None:
    lab = lab_with_phones
    visitor = lab.visitor()
    page = visitor.get("/guides/procedures")
    assert "From non-secure mode to mixed mode, without eTokens" in page.text
    page = visitor.get(START)
    assert "Nothing that phones trust is changed before this line" in page.text
    begun = visitor.post(START, {"csrf": page.csrf})
    assert begun.status == 303
    path = begun.location
    page = settled(lab, visitor, path)
    assert button_of(page, "begin") == "Begin with step 1"
    assert "No phone that is known would be lost" in page.text
    assert lab.lab.cluster.mode.value == 0
    assert visitor.post(path, {"csrf": page.csrf, "act": "begin"}).status == 303
    pressed = []
    for step in range(1, 8):
        page = settled(lab, visitor, path)
        assert f"Step {step} of 7" in page.text
        assert "<b data-running>From non-secure mode to mixed mode, without eTokens step " in page.text
        pressed.append(button_of(page))
        assert visitor.post(path, {"csrf": page.csrf, "act": "do", "step": str(step)}).status == 303
    page = settled(lab, visitor, path)
    run = lab.guide.open(int(path.rpartition("/")[2])).run
    assert run.state is RunState.ENDED
    assert [each.state for each in run.steps] == [StepState.DONE] * 7
    assert pressed[2] == "Run utils ctl set-cluster mixed-mode"
    assert pressed[4] == "Restart Cisco Tftp and Cisco CallManager on every node"
    assert lab.lab.cluster.mode.value == 1
    assert "The CTL file was verified successfully." in page.text
    assert "Each was verified." in page.text
    assert "2 of 2 phones report the published CTL" in page.text
    assert lab.guide.open_one() is None


def test_refusals(lab: WebLab) -> None:
    reader, operator = lab.visitor("reader"), lab.visitor("operator")
    page = reader.get(START)
    assert "Your level is 0; a run needs 1." in page.text
    assert reader.post(START, {"csrf": page.csrf}).status == 422
    assert operator.post(START, {}).status == 403
    assert operator.get("/guides/procedures/no-such").status == 404
    assert operator.get("/guides/runs/999").status == 404
    assert operator.get("/guides/runs/<script>").status == 404
    page = operator.get(START)
    path = operator.post(START, {"csrf": page.csrf}).location
    page = operator.get(path)
    for fields in ({"act": "dance"}, {"act": "do"}, {"act": "do", "step": "x"}, {"act": "do", "step": "1"}, {}):
        answer = operator.post(path, {"csrf": page.csrf, **fields})
        assert answer.status in {400, 422}, fields
    assert reader.post(
        path, {"csrf": reader.get(path).csrf if "csrf" in reader.get(path).text else "", "act": "stop"}
    ).status in {403, 422}
    assert operator.post(path, {"csrf": page.csrf, "act": "stop"}).status == 303
    assert "dropped" in operator.get("/guides/procedures").text
