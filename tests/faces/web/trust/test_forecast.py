"""The forecast page: stage, see, share, run with a word where somebody would be lost, drop; and what it refuses."""

from __future__ import annotations

import base64
import csv
import io
import re
import time
import zlib
from html import unescape

import pytest
from playwright.sync_api import Browser, expect

from mixedmode.cluster.model.sightings import Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.publishing import archive
from mixedmode.control.audit_log import Wanted
from mixedmode.control.door import Control
from mixedmode.errors import UsageError
from mixedmode.faces.web.pages.trust.staging import Staged, StagedStep
from tests.faces.web.conftest import sign_in
from tests.faces.web.test_every_page import serious
from tests.faces.web.trust.conftest import ADMIN, FOLLOWS, LOCKED
from tests.faces.web.trust.test_phones import beyond
from tests.faces.web.weblab import Visitor, WebLab

PATH = "/trust/forecast"
PUB = "cucm-1051-a-pub"
REGEN = StagedStep("set cert regen", {"node": PUB, "unit": "CallManager"})
UPDATE = StagedStep("utils ctl update CTLFile")
LOSING = Staged((REGEN, UPDATE))
LEGACY = "SEP0011223355C0"


@pytest.fixture(scope="module")
def admin(fleet: WebLab) -> Visitor:
    return fleet.visitor("administrator")


def address(staged: Staged) -> str:
    return f"{PATH}?plan={staged.text()}"


def with_a_legacy_phone(lab: WebLab) -> None:
    """Add a 7940 that holds what is published: whoever changes the signer loses it."""
    cluster = lab.cluster
    newest = [each for each in archive.history(cluster.database) if each.name == "CTLFile.tlv"][-1]
    cluster.devices.add([DeviceSpec(LEGACY, "7940", security_mode=3)])
    seen = Seen()
    seen.report(Reported(time.time(), newest.sha1, None))
    cluster.sightings.add({LEGACY: seen})


def test_a_change_is_staged_by_forms_and_lives_in_the_address(admin: Visitor) -> None:
    page = admin.get(PATH)
    assert "Nothing is staged" in page.text
    page = admin.get(f"{PATH}?add=set+cert+regen")
    assert 'name="node"' in page.text
    form = {"csrf": page.csrf, "act": "add", "title": "set cert regen", "plan": ""}
    wrong = admin.post(PATH, {**form, "node": "nobody", "unit": "CallManager"})
    assert wrong.status == 422
    assert "Take one of those that are offered" in wrong.text
    staged = admin.post(PATH, {**form, "node": PUB, "unit": "CallManager"})
    assert staged.status == 303
    page = admin.get(staged.location)
    assert "set cert regen: node" in page.text
    assert 'class="rb ' in page.text
    assert "Nothing is done yet" in page.text
    plan = Staged.read(staged.location.partition("plan=")[2])
    changed = admin.post(
        PATH, {"csrf": page.csrf, "act": "step", "place": "0", "plan": plan.text(), "off": "30%", "tvs": "down"}
    )
    again = Staged.read(changed.location.partition("plan=")[2])
    assert (again.steps[0].off, again.steps[0].tvs, again.steps[0].reset) == ("30%", "down", False)
    assert "off: 30%; TVS down" in admin.get(changed.location).text


def test_whoever_gets_the_address_sees_the_same(admin: Visitor, fleet: WebLab) -> None:
    other = fleet.visitor("operator")
    for visitor in (admin, other):
        page = visitor.get(address(LOSING))
        assert page.status == 200
        assert "utils ctl update CTLFile" in page.text
    rows = admin.get(f"{address(LOSING)}&format=csv").rows
    assert {row["name"]: row["now"] for row in rows}[LOCKED] == "locked-out"
    report = admin.get(f"{PATH}/report?plan={LOSING.text()}")
    assert report.headers["content-disposition"].startswith("attachment")
    assert "<svg" in report.text
    assert "<script>alert" not in report.text
    assert admin.get(f"{PATH}/passwd?plan={LOSING.text()}").status == 404


def test_losing_phones_needs_the_word_and_the_right_number(own_fleet: WebLab) -> None:
    with_a_legacy_phone(own_fleet)
    admin = own_fleet.visitor("administrator")
    page = admin.wait_for(address(LOSING), "1 phone more is locked out")
    assert LEGACY in page.text
    assert "Type LOCKOUT to lose 1 phone" in page.text
    form = {"csrf": page.csrf, "act": "run", "plan": LOSING.text()}
    before = len(archive.history(own_fleet.cluster.database))
    risen = admin.post(PATH, {**form, "lost": "0", "word": "LOCKOUT"})
    assert risen.status == 409
    assert "1 would be lost now, 1 more than the page said" in risen.text
    wordless = admin.post(PATH, {**form, "lost": "1", "word": "lockout?"})
    assert wordless.status == 422
    assert len(archive.history(own_fleet.cluster.database)) == before
    done = admin.post(PATH, {**form, "lost": "1", "word": "LOCKOUT"})
    assert done.status == 303
    assert Staged.read(done.location.partition("plan=")[2]).steps == (UPDATE,)
    assert "set cert regen: node cucm-1051-a-pub, unit CallManager is done" in unescape(admin.get(done.location).text)
    last = Control(own_fleet.cluster).audit_log(ADMIN, Wanted(last=1, action="set cert regen"))[-1]
    assert (last.user, last.source) == ("administrator", "127.0.0.1")


def test_a_better_plan_is_proposed_and_can_be_taken(own_fleet: WebLab) -> None:
    with_a_legacy_phone(own_fleet)
    admin = own_fleet.visitor("administrator")
    admin.wait_for(address(LOSING), "1 phone more is locked out")
    page = admin.get(f"{address(LOSING)}&propose=1")
    assert "Proposed plan" in page.text
    taken = re.search(r'href="([^"]+)">Take the proposed plan', page.text)
    if taken is not None:
        assert "nobody is lost that is not lost already" in admin.get(unescape(taken[1])).text


def test_the_wrong_level_and_a_missing_token_are_refused(own_fleet: WebLab) -> None:
    reset = Staged((StagedStep("utils ctl reset localkey"),))
    operator, reader = own_fleet.visitor("operator"), own_fleet.visitor("reader")
    page = operator.get(address(reset))
    assert page.status == 200
    form = {"act": "run", "plan": reset.text(), "lost": "99", "word": "LOCKOUT"}
    assert operator.post(PATH, form).status == 403
    for visitor in (operator, reader):
        csrf = visitor.get(f"{PATH}?add=set+cert+regen").csrf
        assert visitor.post(PATH, {**form, "csrf": csrf}).status == 403


@pytest.mark.parametrize(
    "plan",
    [
        "x",
        "A" * 20_000,
        base64.urlsafe_b64encode(zlib.compress(b"[" * 200_000)).decode(),
        base64.urlsafe_b64encode(zlib.compress(b"0" * 30_000_000, 9)).decode()[:11_000],
        base64.urlsafe_b64encode(zlib.compress(b'{"s":[{"o":"device remove","f":{"name":"SEP1"}}]}')).decode(),
        base64.urlsafe_b64encode(zlib.compress(b'{"s":[{"o":"utils ctl update CTLFile","x":"999%"}]}')).decode(),
        base64.urlsafe_b64encode(zlib.compress(b'{"s":7}')).decode(),
        base64.urlsafe_b64encode(zlib.compress(b'{"s":[{"o":"set cert regen","f":{"node":"\\ud800"}}]}')).decode(),
    ],
)
def test_an_address_that_holds_no_change_is_refused(admin: Visitor, plan: str) -> None:
    page = admin.get(f"{PATH}?plan={plan}")
    assert page.status in {400, 414, 431}


def test_what_the_cluster_refuses_is_said(admin: Visitor) -> None:
    mixed = Staged((StagedStep("set cert regen", {"node": "nobody", "unit": "CallManager"}),))
    page = admin.get(address(mixed))
    assert page.status == 200
    assert "It cannot be foreseen." in page.text
    script = Staged((StagedStep("set cert regen", {"node": "<script>alert(1)", "unit": "CallManager"}),))
    assert "<script>alert" not in admin.get(address(script)).text


def test_staged_changes_are_bounded_and_come_back_as_they_were() -> None:
    assert Staged.read(LOSING.text()) == LOSING
    assert Staged().text() == ""
    with pytest.raises(UsageError):
        Staged((UPDATE,) * 8).with_step(UPDATE)
    assert LOSING.earlier(1).steps == (UPDATE, REGEN)


def test_the_page_in_a_browser(chromium: Browser, fleet: WebLab) -> None:
    context = chromium.new_context(ignore_https_errors=True, base_url=fleet.url)
    tab = context.new_page()
    sign_in(tab)
    tab.goto(PATH)
    tab.get_by_label("Add a step").select_option("utils ctl update CTLFile")
    tab.get_by_role("button", name="Choose").click()
    tab.get_by_role("button", name="Stage utils ctl update CTLFile").click()
    expect(tab.get_by_role("img").first).to_be_visible()
    problems = serious(tab)
    tab.set_viewport_size({"width": 360, "height": 740})
    problems += beyond(tab)
    assert problems == []
    assert FOLLOWS
    context.close()


def test_the_panel_leads_to_exactly_those_who_would_be_lost(own_fleet: WebLab) -> None:
    with_a_legacy_phone(own_fleet)
    admin = own_fleet.visitor("administrator")
    page = admin.wait_for(address(LOSING), "the change loses")
    link = re.search(r'href="(/trust/forecast/lost[^"]+)"', page.text)
    assert link is not None
    count = re.search(r"Type LOCKOUT to lose ([0-9,]+) phone", page.text)
    assert count is not None
    listed = admin.get(unescape(link[1]))
    assert listed.status == 200
    assert f"<b>{count[1]} phone" in listed.text
    assert LEGACY in listed.text
    rows = list(csv.reader(io.StringIO(admin.get(f"{unescape(link[1])}&format=csv").text)))
    assert len(rows) - 1 == int(count[1].replace(",", ""))
    assert LEGACY in {row[0] for row in rows}
    narrowed = admin.get(f"{unescape(link[1])}&name={LEGACY}")
    assert "<b>1 phone would" in narrowed.text
    assert admin.get("/trust/forecast/lost?plan=torn").status == 400
