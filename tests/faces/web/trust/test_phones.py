"""The list of phones, a phone's page, resets, and find: what they show, what they refuse, what strangers cannot do."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Dialog, expect
from playwright.sync_api import Page as Tab

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.model.sightings import Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.cluster.publishing import archive
from mixedmode.control.phones import WasTold
from mixedmode.faces.web.standing.resets import Reset, Resets
from mixedmode.faces.web.standing.standing import Standing
from mixedmode.phone.mind.fate.prospect import Fate
from mixedmode.pki.certificates.profiles import KeyKind, issue_lsc
from mixedmode.services.capf.store import CapfStore
from tests.faces.web.conftest import sign_in
from tests.faces.web.test_every_page import serious
from tests.faces.web.trust.conftest import BEHIND, FOLLOWS, FORMULA, FROZEN, LOCKED, SCRIPT, UNKNOWN, operate
from tests.faces.web.weblab import Page, Visitor, WebLab
from tests.pki.material import key
from tests.support import until

PATH = "/ccmadmin/phones"


@pytest.fixture(scope="module")
def admin(fleet: WebLab) -> Visitor:
    return fleet.visitor("administrator")


def names(page: Page) -> list[str]:
    return [line.partition('"')[0] for line in page.text.split('href="/ccmadmin/phones/')[1:] if line[:3] == "SEP"]


def test_each_phone_stands_in_one_of_six_ways(admin: Visitor) -> None:
    for fate, name in ((Fate.BEHIND, BEHIND), (Fate.LOCKED_OUT, LOCKED), (Fate.FROZEN, FROZEN)):
        page = admin.get(f"{PATH}?outcome={fate.value}")
        assert names(page) == [name], fate
    assert names(admin.get(f"{PATH}?outcome=follows")) == [FOLLOWS]
    assert UNKNOWN in names(admin.get(f"{PATH}?outcome=unknown"))
    page = admin.get(f"{PATH}?outcome=behind")
    assert "would take the newest if it were reset" in page.text
    assert "Reset the phone." in page.text
    away = names(admin.get(f"{PATH}?outcome=not-in-step"))
    assert {BEHIND, LOCKED, FROZEN} <= set(away)
    assert FOLLOWS not in away


def test_the_ribbon_has_the_same_counts_and_leads_to_them(admin: Visitor) -> None:
    text = admin.get("/").text
    for css, count, fate in (("locked", 1, "locked-out"), ("frozen", 1, "frozen"), ("behind", 1, "behind")):
        assert f'<b data-count="{css}">{count}</b>' in text
        assert f'href="{PATH}?outcome={fate}"' in text


def test_filters_order_and_csv_are_of_one_address(admin: Visitor) -> None:
    assert names(admin.get(f"{PATH}?model=7940")) == [LOCKED]
    assert names(admin.get(f"{PATH}?mode=3&sort=-name")) == [LOCKED, FOLLOWS]
    assert names(admin.get(f"{PATH}?pool=DP-Krakow&sort=name")) == [BEHIND, LOCKED, FROZEN]
    assert names(admin.get(f"{PATH}?name=55:A2")) == [LOCKED]
    assert names(admin.get(f"{PATH}?name=behind+a")) == [LOCKED]
    assert names(admin.get(f"{PATH}?name=%25&list=zz&outcome=nonsense")) == []
    rows = admin.get(f"{PATH}?pool=DP-Krakow&sort=name&format=csv").rows
    assert [row["name"] for row in rows] == [BEHIND, LOCKED, FROZEN]
    assert rows[1]["outcome"] == "locked out"
    assert "erase its CTL" in rows[1]["next_step"]


def test_the_list_that_a_phone_holds_is_found_by_any_checksum(admin: Visitor, fleet: WebLab) -> None:
    ctls = [each for each in archive.history(fleet.cluster.database) if each.name == "CTLFile.tlv"]
    for digest in (ctls[0].md5, ctls[0].sha1[:8], ctls[0].sha256.upper()):
        assert names(admin.get(f"{PATH}?list={digest}&sort=name")) == [BEHIND, LOCKED, FROZEN]
    assert names(admin.get(f"{PATH}?list={ctls[-1].md5}")) == [FOLLOWS]


def test_what_strangers_wrote_is_text_and_no_formula(admin: Visitor) -> None:
    listed, page = admin.get(PATH).text, admin.get(f"{PATH}/{FOLLOWS}").text
    for text in (listed, page):
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in page
    rows = list(csv.reader(io.StringIO(admin.get(f"{PATH}?format=csv").text)))
    assert any(cell == f"'{FORMULA}" for row in rows for cell in row)
    assert not any(cell[:1] in {"=", "+", "@"} for row in rows for cell in row)


@pytest.mark.parametrize(
    "path",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "SEP%00",
        urlencode({"": SCRIPT})[1:],
        "A" * 500,
        "reset/..",
        "resets/9999999",
        "resets/" + "9" * 5000,
    ],
)
def test_path_tricks_lead_nowhere(admin: Visitor, path: str) -> None:
    page = admin.get(f"{PATH}/{path}")
    assert page.status in {400, 404}
    assert "<script>alert" not in page.text
    assert "root:" not in page.text


def test_a_phones_page_says_what_it_holds_by_which_evidence_and_what_to_do(admin: Visitor) -> None:
    page = admin.get(f"{PATH}/{LOCKED}")
    assert page.status == 200
    for said in ("locked out", "it said so when it registered", "Settings", "Security Configuration", "**#",
                 "registered", "fetched its configuration", "TVS knows it", "Records of its CTL"):  # fmt: skip
        assert said in page.text, said
    assert 'class="ln dash"' in page.text
    assert 'role="img"' in page.text
    unknown = admin.get(f"{PATH}/{UNKNOWN}").text
    assert "nothing was seen that says so" in unknown
    assert "it never asked for a file here" in unknown


def test_a_phone_with_an_unexplained_checksum_is_never_safe(own_fleet: WebLab) -> None:
    own_fleet.cluster.sightings.add({UNKNOWN: _says("d41f09c2" * 5)})
    admin = own_fleet.visitor("administrator")
    page = admin.wait_for(f"{PATH}/{UNKNOWN}", "No file explains")
    assert "d41f09c2" in page.text
    assert names(admin.get(f"{PATH}?list=d41f09c2")) == [UNKNOWN]


def test_resets_ask_first_go_on_alone_and_name_who_was_not_reached(own_fleet: WebLab) -> None:
    operator = own_fleet.visitor("operator")
    form = {"csrf": operator.get(PATH).csrf}
    asked = operator.send(
        "POST",
        f"{PATH}/reset",
        urlencode([*form.items(), ("d", BEHIND), ("d", LOCKED), ("d", "SEPNOBODY")]).encode(),
        {"content-type": "application/x-www-form-urlencoded"},
    )
    assert asked.status == 200
    assert "Reset 2 phones?" in asked.text
    assert "SEPNOBODY" not in asked.text
    begun = operator.send(
        "POST",
        f"{PATH}/reset",
        urlencode([*form.items(), ("d", BEHIND), ("d", LOCKED), ("sure", "yes")]).encode(),
        {"content-type": "application/x-www-form-urlencoded"},
    )
    assert begun.status == 303
    other = own_fleet.visitor("reader")
    page = other.wait_for(begun.location, "1 of 2 are back")
    assert "not registered here, and not told" in page.text


def test_who_is_registered_with_a_node_on_another_host_is_asked_of_it() -> None:
    class Here:
        """Stands in for the door, the hands, the loop of the pages."""

        def allow(self, *_: object, **_more: object) -> None: ...

        async def reset(self, _principal: Principal, names: Sequence[str]) -> WasTold:
            return WasTold(("SEPHERE",), tuple(name for name in names if name.startswith("SIP")))

        def at_home(self, work: Any) -> Any:
            return work

    asked: list[list[str]] = []

    def order(_principal: Principal, names: Sequence[str]) -> bool:
        asked.append(list(names))
        return True

    async def begin() -> Reset:
        here: Any = Here()
        resets = Resets(here, here, here, here, lambda name: name.startswith("SIP"), order)
        names = ["SEPHERE", "SIPON", "SEPELSEWHERE"]
        made = resets.start(Principal("operator", 1), names, asyncio.get_running_loop())
        assert await asyncio.to_thread(until, lambda: made.ended)
        return made

    # Playwright keeps a loop of its own in this thread.
    with ThreadPoolExecutor(1) as thread:
        reset = thread.submit(asyncio.run, begin()).result()
    assert asked == [["SEPELSEWHERE"]]
    assert reset.ordered == {"SEPELSEWHERE"}
    assert not reset.unreached
    assert (set(reset.told), set(reset.switched), reset.error) == ({"SEPHERE", "SIPON"}, {"SIPON"}, "")


def test_a_reset_is_refused_to_the_wrong_level_without_token_and_without_phones(own_fleet: WebLab) -> None:
    reader, operator = own_fleet.visitor("reader"), own_fleet.visitor("operator")
    csrf = reader.get(f"{PATH}?outcome=behind").csrf
    refused = reader.post(f"{PATH}/reset", {"d": BEHIND, "sure": "yes", "csrf": csrf})
    assert refused.status == 403
    assert operator.post(f"{PATH}/reset", {"d": BEHIND, "sure": "yes"}).status == 403
    empty = operator.post(f"{PATH}/reset", {"csrf": operator.get(PATH).csrf})
    assert (empty.status, empty.location) == (303, PATH)
    assert "Reset this phone" not in reader.get(f"{PATH}/{BEHIND}").text


def test_lscs_are_ordered_for_many_phones_at_once_and_for_none_by_who_may_not(own_fleet: WebLab) -> None:
    operator, reader = own_fleet.visitor("operator"), own_fleet.visitor("reader")
    path, csrf = f"{PATH}/lscs", operator.get(PATH).csrf

    def send(visitor: Visitor, *fields: tuple[str, str]) -> Page:
        body = urlencode([("d", BEHIND), ("d", LOCKED), *fields]).encode()
        return visitor.send("POST", path, body, {"content-type": "application/x-www-form-urlencoded"})

    asked = send(operator, ("csrf", csrf), ("d", "SEPNOBODY"), ("d", "../../etc/passwd"))
    assert (asked.status, "Order LSCs for 2 phones" in asked.text, "passwd" in asked.text) == (200, True, False)
    sure = (("csrf", csrf), ("sure", "yes"), ("operation", "install"), ("key", "rsa-2048"))
    assert send(reader, ("csrf", reader.get(PATH).csrf), *sure[1:], ("proof", "certificate")).status == 403
    assert send(operator, *sure[1:], ("proof", "certificate")).status == 403, "without the token"
    for wrong in ({"proof": "string", "password": "1234"}, {"proof": "x"}, {}, {"operation": "x"}, {"key": "rsa-1"}):
        fields = {**dict(sure), **wrong}
        assert send(operator, *fields.items()).status == 400, wrong
    store = CapfStore(own_fleet.cluster.folder(own_fleet.cluster.publisher.name).root / "capf")
    assert not list(store)
    done = send(operator, *sure, ("proof", "mic"))
    assert (done.status, done.location) == (303, PATH)
    assert "Install/Upgrade waits for 2 phones at CAPF. Reset them" in operator.get(PATH).text
    assert {each.name: (each.operation.value, each.mic_first) for each in store} == {
        BEHIND: ("install", True),
        LOCKED: ("install", True),
    }
    _ended_lsc(own_fleet, UNKNOWN)
    for path in (f"/ccmadmin/phone/{UNKNOWN}", f"{PATH}/{UNKNOWN}"):
        words = operator.get(path).words
        assert "until its connection ends, and is refused then" in words, path


def _ended_lsc(fleet: WebLab, name: str) -> None:
    own, now = key(KeyKind.RSA_2048, 8), datetime.now(UTC) - timedelta(days=40)
    capf = fleet.cluster.signer(fleet.cluster.publisher.name, "CAPF")
    lsc = issue_lsc(
        name, own.public_key(), authority=capf.certificate, authority_key=capf.key, now=now, serial=7, days=30
    )
    fleet.cluster.keep_lsc(name, lsc)


def test_find_goes_straight_to_the_one_thing(admin: Visitor, fleet: WebLab) -> None:
    assert admin.get("/find?q=sep0011223355a2").location == f"{PATH}/{LOCKED}"
    assert admin.get("/find?q=00:11:22:33:55:A2").location == f"{PATH}/{LOCKED}"
    many = admin.get("/find?q=0011223355A")
    assert many.status == 200
    assert len(names(many)) == 5
    ctl = archive.history(fleet.cluster.database)[-1]
    assert admin.get(f"/find?q={ctl.md5[:12]}").location == f"/trust/lists/{ctl.sha256}"
    assert "Nothing fits" in admin.get(f"/find?{urlencode({'q': SCRIPT + 'x'})}").text
    assert "<script>alert" not in admin.get(f"/find?{urlencode({'q': SCRIPT})}").text
    assert admin.get("/find").status == 200
    certificates = admin.get("/find?q=CAPF").text
    assert "/trust/certificates/" in certificates


def test_only_what_changed_is_judged_again(own_fleet: WebLab) -> None:
    cluster = own_fleet.cluster
    standing = Standing(cluster)
    standing.now()
    before = standing.counts_now
    assert before[Fate.LOCKED_OUT] == 1
    states = len(standing.states)
    cluster.devices.add([DeviceSpec("SEP0011223355B0", "7940", security_mode=3, device_pool="DP-Krakow")])
    held = next(each for each in archive.history(cluster.database) if each.name == "CTLFile.tlv")
    cluster.sightings.add({"SEP0011223355B0": _says(held.sha1)})
    standing.now()
    assert standing.counts_now[Fate.LOCKED_OUT] == 2
    assert len(standing.states) <= states + 1
    operate(cluster, "device remove", name="SEP0011223355B0")
    standing.now()
    assert standing.counts_now == type(before)(before.of, standing.moment)
    for node in cluster.nodes():
        operate(cluster, "utils service stop", node=node.name, service="Cisco Trust Verification Service")
    standing.now()
    assert all(not state.servers for state in standing.states)
    standing.close()


def test_a_phone_page_in_a_browser(chromium: Browser, fleet: WebLab) -> None:
    context = chromium.new_context(ignore_https_errors=True, base_url=fleet.url)
    tab = context.new_page()
    problems: list[str] = []

    def said(dialog: Dialog) -> None:
        problems.append(dialog.message)
        dialog.dismiss()

    tab.on("dialog", said)
    sign_in(tab)
    tab.goto(f"{PATH}?outcome=not-in-step")
    problems += serious(tab)
    tab.get_by_role("link", name=LOCKED).click()
    expect(tab.get_by_role("heading", level=1)).to_have_text(LOCKED)
    problems += serious(tab)
    tab.set_viewport_size({"width": 360, "height": 740})
    assert beyond(tab) == []
    tab.goto(f"{PATH}/{FOLLOWS}")
    assert problems == []
    context.close()


def beyond(tab: Tab) -> list[str]:
    """Return what is wider than the screen outside of what scrolls by itself."""
    found: list[str] = tab.evaluate(
        """() => document.documentElement.scrollWidth <= 360 ? [] : [...document.querySelectorAll("main *")]
        .filter((each) => each.getBoundingClientRect().right > 361 && !each.closest(".wide, .log, .cmd, .scroll"))
        .map((each) => each.outerHTML.slice(0, 160))"""
    )
    return found


def _says(sha1: str) -> Seen:
    seen = Seen()
    seen.report(Reported(time.time(), sha1, "none"))
    return seen
