"""Every declared page: it answers each level, has nothing serious for axe-core, fits 360 px, works without script."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab

from mixedmode.faces.web.kit.page import Page
from mixedmode.faces.web.pages import PAGES
from tests.faces.web.conftest import sign_in
from tests.faces.web.screenshots import FOLDER, PAGE, gallery, name_of
from tests.faces.web.weblab import PEOPLE, Visitor, WebLab

SHOWN = [page for page in PAGES if page.example is not None]
SERIOUS = {"serious", "critical"}
LARGEST = 60_000
FRAME = ["#ribbon", "#nav"]
"""What is the same on every page: hundreds of elements, looked at on the first page and in the dark."""
CONTRAST_ONCE = """(known) => {
    const seen = new Set(known), looks = new Map();
    const digest = (text, seed) => {
        for (let at = 0; at < text.length; at++) seed = Math.imul(seed ^ text.charCodeAt(at), 16777619);
        return seed >>> 0;
    };
    for (const each of document.querySelectorAll("*")) {
        const style = getComputedStyle(each);
        const look = [looks.get(each.parentElement), each.tagName, each.className, each.disabled, style.color,
            style.backgroundColor, style.backgroundImage, style.opacity, style.fontSize, style.fontWeight,
            style.position, style.textShadow].join();
        const short = `${digest(look, 1)}.${digest(look, 2)}`;
        looks.set(each, short);
        if (!seen.has(short)) each.setAttribute("data-contrast", "");
        seen.add(short);
    }
    axe.configure({rules: [{id: "color-contrast", selector: "[data-contrast]"}]});
    return [...looks.values()];
}"""
"""Have the contrast judged of one element of each look: it is most of the work, and tables repeat a look in each row.

A look is what colours, sizes and weights an element and everything around it have.
"""
SERIOUS_ONES = """([exclude, wanted]) => {
    const mild = axe._audit.rules.filter((each) => each.impact && !wanted.includes(each.impact));
    const rules = Object.fromEntries(mild.map((each) => [each.id, {enabled: false}]));
    return axe.run({exclude}, {resultTypes: ["violations"], rules}).then(
        ({violations}) => violations.filter((each) => wanted.includes(each.impact)).map(
            (each) => `${each.id}: ${each.nodes[0].html.slice(0, 120)}`));
}"""
"""Every rule whose finding can be serious is applied: where a rule of axe-core names its impact, all it finds has that.

What is in order is not written down element by element either: that is much of the work.
"""


def paths(page: Page) -> str:
    return page.path


def serious(tab: Tab, without: Sequence[str] = (), looks: set[str] | None = None) -> list[str]:
    """Return what axe-core finds.

    Args:
        tab: Shows the page.
        without: Parts that are not looked at.
        looks: Looks of elements whose contrast need not be judged again; those of this page are added.
    """
    if not tab.evaluate("'axe' in window"):
        tab.evaluate(AXE_SCRIPT)
    if looks is not None:
        looks.update(tab.evaluate(CONTRAST_ONCE, list(looks)))
    found: list[str] = tab.evaluate(SERIOUS_ONES, [[[each] for each in without], list(SERIOUS)])
    return found


@pytest.fixture(scope="module")
def visitors(lab: WebLab) -> dict[int, Visitor]:
    """Somebody of each level."""
    return {level: lab.visitor(user) for user, level in PEOPLE.items()}


@pytest.mark.parametrize("declared", SHOWN, ids=paths)
def test_a_page_answers_each_level_and_says_what_it_is(visitors: dict[int, Visitor], declared: Page) -> None:
    assert declared.example is not None
    for level, visitor in visitors.items():
        page = visitor.get(declared.example)
        if level < declared.level:
            assert page.status == 403, level
            continue
        assert page.status == 200, (level, page.heading)
        assert page.text.count("<h1>") == 1
        assert 'aria-current="page"' in page.text
        assert " style=" not in page.text
        assert page.headers["cache-control"] == "no-store"
        assert len(page.body) < LARGEST


def test_nothing_serious_for_screen_readers_and_nothing_beside_the_screen(signed_in: Tab) -> None:
    problems: list[str] = []
    signed_in.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    signed_in.on("pageerror", lambda error: problems.append(str(error)))
    signed_in.add_init_script(AXE_SCRIPT)
    looks: set[str] = set()
    for number, declared in enumerate(SHOWN):
        signed_in.set_viewport_size({"width": 1280, "height": 900})
        signed_in.goto(str(declared.example))
        problems += [f"{declared.path} {each}" for each in serious(signed_in, FRAME if number else (), looks)]
        signed_in.set_viewport_size({"width": 360, "height": 740})
        width = signed_in.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            problems.append(f"{declared.path} is {width} px wide")
    assert problems == []


def test_dark_pages_and_the_sign_in_are_as_good(signed_in: Tab) -> None:
    signed_in.emulate_media(color_scheme="dark")
    assert serious(signed_in) == []
    signed_in.context.clear_cookies()
    signed_in.goto("/signin")
    assert serious(signed_in) == []


def test_without_script_everything_works(chromium: Browser, lab: WebLab) -> None:
    context = chromium.new_context(ignore_https_errors=True, base_url=lab.url, java_script_enabled=False)
    tab = context.new_page()
    sign_in(tab)
    for declared in SHOWN:
        answer = tab.goto(str(declared.example), wait_until="commit")
        assert answer is not None
        assert answer.status == 200
    tab.goto("/ccmadmin/enterprise-parameters")
    tab.fill("[name=CAPFOperationExpiresInDays]", "11")
    tab.get_by_role("button", name="Save the parameters").click()
    expect(tab.get_by_role("status")).to_contain_text("CAPFOperationExpiresInDays 10 -> 11")
    tab.fill("[name=CAPFOperationExpiresInDays]", "10")
    tab.get_by_role("button", name="Save the parameters").click()
    tab.get_by_text("administrator, level 4", exact=True).click()
    tab.get_by_role("button", name="Dark").click()
    assert tab.locator("html").get_attribute("data-theme") == "dark"
    tab.set_viewport_size({"width": 360, "height": 740})
    tab.get_by_role("link", name="Menu").click()
    tab.locator("#nav").get_by_role("link", name="Enterprise Parameters").click()
    expect(tab).to_have_url(f"{lab.url}/ccmadmin/enterprise-parameters")
    context.close()


def test_with_the_keyboard_alone(page: Tab, lab: WebLab) -> None:
    page.goto("/signin")
    expect(page.locator("#u")).to_be_focused()
    page.keyboard.type("administrator")
    page.keyboard.press("Tab")
    page.keyboard.type("Marmalade-1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("p")
    page.wait_for_url("**/ccmadmin/phones")


def test_the_ribbon_is_live(signed_in: Tab, lab: WebLab) -> None:
    from mixedmode.cluster.model.topology import DeviceSpec

    count = signed_in.locator("#ribbon [data-count=all]")
    before = len(lab.cluster.devices)
    expect(count).to_have_text(str(before))
    lab.cluster.devices.add([DeviceSpec("SEP0011223344FF", "7975")])
    expect(count).to_have_text(str(before + 1))


def test_the_docs_show_every_page() -> None:
    """``make screenshots`` writes them; a page that is new or gone needs it once."""
    assert PAGE.read_text() == gallery()
    pictures = {path.stem for path in FOLDER.glob("*.png")}
    assert pictures == {"signin", *(name_of(each) for each in PAGES if each.example is not None)}
