"""Guided runs in a browser, in a terminal and over HTTP, on a lab with phones: all procedures, refusals, strangers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect
from playwright.sync_api import Page as Tab

from mixedmode.guides.kept import guided
from mixedmode.guides.observer import published_sha1
from mixedmode.procedures.guided.run import RunState, StepState
from mixedmode.procedures.steps import CtlClient, ResetPhones, Step
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.faces.web.guides.guiding import GuideLab, guide_lab
from tests.faces.web.guides.hands import PASSWORD, InChromium, OverHttp, made_tokens, until, wait_for_step
from tests.faces.web.guides.seven import report_of
from tests.faces.web.guides.tour import ORDER, Carried, Convergence, Tour
from tests.faces.web.test_every_page import FRAME, serious
from tests.faces.web.weblab import WebLab
from tests.softhsm import MODULE

START = "/guides/procedures/non-secure-to-mixed"
FOLLOWERS = ("SEP001122334401", "SEP001122334402")
OLD = "SEP001122334403"
"""A 7960, which cannot ask TVS about a signer that it does not know, and reports nothing."""
SECONDS = 60_000
"""In ms; a machine with a lot to do may need them."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuideLab]:
    with guide_lab(tmp_path_factory.mktemp("guide"), LabSpec(nodes=1, models=("7975", "7965", "7960"))) as lab:
        yield lab


def press(tab: Tab, step: int, button: str) -> None:
    """Press the button of a step, and wait until the run is at the next one."""
    expect(tab.locator(".lead")).to_contain_text(f"Step {step} of 7", timeout=SECONDS)
    tab.get_by_role("button", name=button).click()
    expect(tab.locator("#plan progress")).to_have_attribute("value", str(step), timeout=SECONDS)


def in_terminal(lab: GuideLab, answers: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mixedmode")), "guide", "--directory", str(lab.lab.directory)]
    return subprocess.run(
        command, input=answers, capture_output=True, text=True, timeout=240, check=False, env=dict(os.environ)
    )


@pytest.mark.timeout(900)
def test_all_guided_procedures_one_after_the_other(
    chromium: Browser, running: GuideLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIXEDMODE_PKCS11_MODULE", str(MODULE))
    begun_in_a_browser_gone_on_in_a_terminal_ended_in_another_browser(chromium, running)
    monkeypatch.setattr("mixedmode.canary.trial.LOOK_SECONDS", 0.3)
    story(chromium, running)


def begun_in_a_browser_gone_on_in_a_terminal_ended_in_another_browser(chromium: Browser, lab: GuideLab) -> None:
    somebody = InChromium(chromium, lab)
    tab = somebody.tab
    number = somebody.plan("non-secure-to-mixed", "From non-secure mode to mixed mode, without eTokens")
    expect(tab.get_by_text("No phone that is known would be lost")).to_be_visible()
    expect(tab.get_by_text("Nothing that phones trust is changed before this line")).to_be_visible()
    assert serious(tab, FRAME) == []
    other = InChromium(chromium, lab)
    watching = other.tab
    watching.goto(f"/guides/runs/{number}")
    somebody.begin(number, 0)
    # The second person sees it without asking.
    expect(watching.get_by_role("button", name="Look: show ctl")).to_be_visible(timeout=SECONDS)
    press(tab, 1, "Look: show ctl")
    press(tab, 2, "Look: run sql")
    assert lab.mode == 0
    press(tab, 3, "Run utils ctl set-cluster mixed-mode")
    assert lab.mode == 1
    expect(watching.locator("#plan progress")).to_have_attribute("value", "3", timeout=SECONDS)
    expect(watching.locator(".lead")).to_contain_text("Step 4 of 7")
    assert serious(tab, FRAME) == []
    tab.set_viewport_size({"width": 360, "height": 740})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    somebody.close()
    other.close()
    done = in_terminal(lab, "\n\nq\n")
    assert done.returncode == 0, done.stderr
    assert "every TFTP and CallManager service runs with the change: yes" in done.stdout
    assert "The run stays at step 6." in done.stdout
    somebody = InChromium(chromium, lab)
    tab = somebody.tab
    tab.locator("#running").click()
    boots = lab.boots()
    press(tab, 6, "Reset every registered phone")
    lab.wait_for_boots(boots)
    press(tab, 7, "Look: show ctl")
    expect(tab.locator(".lead")).to_contain_text("All steps are done.")
    shown = tab.locator("#convergence")
    expect(shown).to_contain_text("2 of 3 phones report the published CTL", timeout=SECONDS)
    expect(shown).to_contain_text("0 are behind, by name, with what to do. 1 is unknown")
    assert serious(tab, FRAME) == []
    somebody.close()
    run = lab.guide.open(number).run
    assert run.state is RunState.ENDED
    assert [each.state for each in run.steps] == [StepState.DONE] * 7
    assert len({each.who.name for each in run.steps}) == 2
    assert run.steps[5].said[-1] == "3 of 3 phones told to reset"
    assert run.steps[6].findings[-1].detail == "2 of 3; 1 never told what they hold"


class Forgetful(OverHttp):
    """Somebody who forgets a token's password, and then mistypes it."""

    def press(self, number: int, at: int, step: Step, fields: Mapping[str, str]) -> None:
        if isinstance(step.act, CtlClient):
            path = f"/guides/runs/{number}"
            asked = {"csrf": self.visitor.get(path).csrf, "act": "do", "step": str(at + 1), **fields}
            assert self.visitor.post(path, {**asked, "password": ""}).status == 422
            assert self.visitor.post(path, {**asked, "password": "Cisco321"}).status == 303
            assert wait_for_step(self.lab, number, at).state is StepState.FAILED
            page = self.visitor.get(path)
            assert "Cisco321" not in page.text
            assert "It does not hold" in page.text or "password" in page.text
        super().press(number, at, step, fields)


def story(chromium: Browser, lab: GuideLab) -> None:
    tour = Tour(lab, made_tokens(lab))
    http, in_chromium = OverHttp(lab), InChromium(chromium, lab)
    done: list[Carried] = []

    def carried(name: str) -> Carried:
        match name:
            case "one-token-lost":
                found = tour.carried(in_chromium, name, close_at=ResetPhones, canary=True)
            case "tokenless-to-etokens":
                found = tour.carried(Forgetful(lab), name)
            case _:
                found = tour.carried(http, name)
        in_step = 3 - len(found.lost)
        assert found.shown == Convergence(in_step, 3 - in_step, 0)
        assert found.findings[-1].detail == f"{in_step} of 3"
        tour.save(found.lost)
        done.append(found)
        return found

    found = carried("regenerate-callmanager")
    assert found.lost == (OLD,)
    assert "TVS vouched for the new signer" in found.said
    assert "the CTL file is signed with the new certificate" in found.said
    assert "follows-by-tvs" in {lab.phone(each).document()["outcome"] for each in FOLLOWERS}
    found = carried("tokenless-to-etokens")
    assert found.lost == (OLD,)
    assert "is signed by SAST-ADN008580ef" in found.said
    found = carried("one-token-lost")
    assert found.left
    in_chromium.close()
    said = lab.guide.latest(1)[0].document["steps"][2]["said"]
    assert sum(line.startswith("  canary SEP") for line in said) == 3
    assert sum("holds the new list" in line for line in said) == 3
    assert "SAST-ADN0077c0de is in the CTL file" in found.said
    assert "the CTL file is signed by SAST-ADN0054f509" in found.said
    a_canary_that_shows_nothing_stops_the_run(tour)
    found = carried("etokens-to-tokenless")
    assert found.lost == (OLD,)
    assert "the certificates of the eTokens are removed from the CTL file" in found.said
    assert "ClusterSecurityMode is 0" in carried("mixed-to-non-secure").said
    assert lab.mode == 0
    tour.mixed_with_tokens()
    assert lab.mode == 1
    assert "signed by the publisher's CallManager" in carried("lost-tokens").said
    assert lab.mode == 0
    assert PASSWORD not in str([each.document for each in lab.guide.latest()])
    assert [each.name for each in done] == list(ORDER)[1:]
    assert "one-token-lost" in report_of(3, 1, done, tour.registered)


def a_canary_that_shows_nothing_stops_the_run(tour: Tour) -> None:
    """Nobody reads the screen of the 7960: nobody else is reset, the list of before is put back, the page says why."""
    lab, hand = tour.lab, OverHttp(tour.lab)
    before = published_sha1(lab.lab.cluster)
    lab.read_screens()
    number = hand.plan("etokens-to-tokenless", guided("etokens-to-tokenless").title)
    hand.begin(number, 1)
    for at, step in enumerate(lab.guide.open(number).steps[:2]):
        hand.press(number, at, step, {})
        assert wait_for_step(lab, number, at).state is StepState.DONE
    assert published_sha1(lab.lab.cluster) != before
    path = f"/guides/runs/{number}"
    page = hand.visitor.get(path)
    asked = {"csrf": page.csrf, "act": "do", "step": "3", "canary": "yes"}
    for seconds in ("", "0", "x", "1e3", "86401"):
        assert hand.visitor.post(path, {**asked, "canary-seconds": seconds}).status == 422
    until("phones register", lambda: all(map(lab.is_there, lab.lab.phones.names)))
    assert hand.visitor.post(path, {**asked, "canary-seconds": "4"}).status == 303
    assert wait_for_step(lab, number, 2).state is StepState.FAILED
    until("the run is stopped", lambda: lab.guide.open(number).run.state is RunState.STOPPED)
    assert published_sha1(lab.lab.cluster) == before
    words = hand.words(number)
    assert "Step 3 did not go on, and the run is stopped." in words
    assert "showed nothing in its time" in words
    assert "the CTL file of before is put back, and no other phone was reset" in words
    assert "canary SEP001122334403: 7960" in words


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


def test_what_changed_before_the_page_listened_is_shown(signed_in: Tab, lab: WebLab) -> None:
    operator = lab.visitor("operator")
    path = operator.post(START, {"csrf": operator.get(START).csrf}).location
    csrf = operator.get(path).csrf
    dropped: list[int] = []

    def late(route: Route) -> None:
        """The stream begins when the page is there; between the two another person drops the run."""
        if not dropped:
            dropped.append(operator.post(path, {"csrf": csrf, "act": "stop"}).status)
        route.continue_()

    signed_in.route("**/api/v1/events**", late)
    signed_in.goto(path)
    expect(signed_in.locator("#run form")).to_have_count(0)
    assert dropped == [303]
