"""Guided runs in a browser, in a terminal and over HTTP, on a lab with phones: two procedures, refusals, strangers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from playwright.sync_api import Page as Tab

from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR
from mixedmode.rehearsal.lab.spec import LabSpec
from mixedmode.rehearsal.lab.tokens import LabTokens
from tests.faces.web.conftest import sign_in
from tests.faces.web.guides.guiding import GuideLab, button_of, guide_lab, settled
from tests.faces.web.test_every_page import serious
from tests.faces.web.weblab import WebLab
from tests.softhsm import MODULE

START = "/guides/procedures/non-secure-to-mixed"


@pytest.fixture(scope="module")
def lab_with_phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideLab]:
    with guide_lab(tmp_path_factory.mktemp("guide"), LabSpec(nodes=1, models=("7975", "7965"))) as running:
        yield running


def opened_tab(chromium: Browser, lab: GuideLab) -> tuple[BrowserContext, Tab]:
    context = chromium.new_context(ignore_https_errors=True, base_url=lab.url)
    context.set_default_timeout(20_000)
    tab = context.new_page()
    sign_in(tab, ADMINISTRATOR, lab.password)
    return context, tab


def press(tab: Tab, step: int, button: str) -> None:
    """Press the button of a step, and wait until the run is at the next one."""
    expect(tab.locator(".lead")).to_contain_text(f"Step {step} of 7", timeout=20_000)
    tab.get_by_role("button", name=button).click()
    expect(tab.locator("#plan progress")).to_have_attribute("value", str(step), timeout=30_000)
    tab.reload()


def in_terminal(lab: GuideLab, answers: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mixedmode")), "guide", "--directory", str(lab.lab.directory)]
    return subprocess.run(
        command, input=answers, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ)
    )


def test_begun_in_a_browser_gone_on_in_a_terminal_ended_in_another_browser_and_then_tokens(
    chromium: Browser, lab_with_phones: GuideLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_with_phones
    context, tab = opened_tab(chromium, lab)
    tab.goto("/guides/procedures")
    tab.get_by_role("link", name="Plan it: From non-secure mode to mixed mode, without eTokens").click()
    expect(tab.get_by_text("Nothing that phones trust is changed before this line")).to_be_visible()
    tab.get_by_role("button", name="Plan it and show what every phone would do").click()
    expect(tab.get_by_text("No phone that is known would be lost")).to_be_visible()
    assert serious(tab) == []
    other, watching = opened_tab(chromium, lab)
    path = tab.url.removeprefix(lab.url)
    watching.goto(path)
    tab.get_by_role("button", name="Begin with step 1").click()
    # The second person sees it without asking.
    expect(watching.get_by_role("button", name="Look: show ctl")).to_be_visible(timeout=20_000)
    press(tab, 1, "Look: show ctl")
    press(tab, 2, "Look: run sql")
    assert lab.lab.cluster.mode.value == 0
    press(tab, 3, "Run utils ctl set-cluster mixed-mode")
    assert lab.lab.cluster.mode.value == 1
    expect(watching.locator("#plan progress")).to_have_attribute("value", "3", timeout=20_000)
    assert serious(tab) == []
    tab.set_viewport_size({"width": 360, "height": 740})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
    other.close()
    done = in_terminal(lab, "\n\nq\n")
    assert done.returncode == 0, done.stderr
    assert "every TFTP and CallManager service runs with the change: yes" in done.stdout
    assert "The run stays at step 6." in done.stdout
    context, tab = opened_tab(chromium, lab)
    tab.locator("#running").click()
    press(tab, 6, "Reset every registered phone")
    press(tab, 7, "Look: show ctl")
    expect(tab.locator(".lead")).to_contain_text("All steps are done.")
    expect(tab.locator("#run")).to_contain_text("2 of 2 phones report the published CTL", timeout=20_000)
    assert serious(tab) == []
    context.close()
    run = lab.guide.open(int(path.rpartition("/")[2])).run
    assert run.state is RunState.ENDED
    assert [each.state for each in run.steps] == [StepState.DONE] * 7
    assert len({each.who.name for each in run.steps}) == 2
    assert run.steps[5].said[-1] == "2 of 2 phones told to reset"
    tokens_plugged_into_the_server(lab, monkeypatch)


def tokens_plugged_into_the_server(lab: GuideLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on to tokens from the mixed mode that the procedure before brought."""
    tokens = LabTokens(lab.lab.directory / "reader")
    labels = [tokens.make(number).label for number in ("ADN0054f509", "ADN008580ef")]
    monkeypatch.setenv("MIXEDMODE_PKCS11_MODULE", str(MODULE))
    visitor = lab.visitor()
    start = "/guides/procedures/tokenless-to-etokens"
    page = visitor.get(start)
    assert "needs security tokens" in visitor.get("/guides/procedures").text
    path = visitor.post(start, {"csrf": page.csrf}).location
    page = settled(lab, visitor, path)
    assert button_of(page, "begin") == "Begin with step 1"
    assert visitor.post(path, {"csrf": page.csrf, "act": "begin"}).status == 303
    first, second = ({"label-FIRST": labels[0]}, {"label-SECOND": labels[1]})
    fields: list[dict[str, str]] = [{}, {}, first, second, {**first, **second, "password": "Cisco123"}, {}, {}, {}]
    wrong = {**first, **second, "password": "Cisco321"}
    for step, more in enumerate(fields, 1):
        page = settled(lab, visitor, path)
        assert f"Step {step} of 8" in page.text
        if step == 5:
            assert visitor.post(path, {"csrf": page.csrf, "act": "do", "step": "5", **first}).status == 422
            assert visitor.post(path, {"csrf": page.csrf, "act": "do", "step": "5", **wrong}).status == 303
            page = settled(lab, visitor, path)
            assert "Cisco321" not in page.text
            assert "It does not hold" in page.text or "password" in page.text
        assert visitor.post(path, {"csrf": page.csrf, "act": "do", "step": str(step), **more}).status == 303
    page = settled(lab, visitor, path)
    run = lab.guide.open(int(path.rpartition("/")[2])).run
    assert [each.state for each in run.steps] == [StepState.DONE] * 8, [
        (each.problem, each.findings) for each in run.steps if each.state is not StepState.DONE
    ]
    assert run.state is RunState.ENDED
    assert any(
        each.what == "the CTL file is signed by SAST-ADN008580ef" and each.held for each in run.steps[4].findings
    )
    assert "Cisco123" not in str(run)
    assert "2 of 2 phones report the published CTL" in page.text


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
