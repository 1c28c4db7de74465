"""Script in everything that phones, strangers and people can have kept: it is text on every page."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

from mixedmode.cluster.model.sightings import Asked, Delivery, Fetched, Registered, Reported, Seen
from mixedmode.cluster.model.topology import DeviceSpec
from mixedmode.faces.web.pages import PAGES
from mixedmode.services.traces.catalogue import TVS
from mixedmode.services.traces.trace_file import TraceFile
from tests.faces.web.weblab import Page, Visitor, WebLab

EVIL = """"'><x-evil onfocus=alert(1)><script>alert(2)</script>{{7*7}}"""
PHONE = "SEP00AABBCC0E1F"
MOST = 56
OF_ONE = 1
"""Pages of one address with other queries."""


class Markup(HTMLParser):
    """What a browser would make of a page.

    Attributes:
        links: Where it leads.
        wrong: What no page may have.
    """

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag in {"x-evil", "iframe", "object", "embed", "base"}:
            self.wrong.append(tag)
        if tag == "script" and not (found.get("src") or "").startswith("/static/"):
            self.wrong.append("a script of its own")
        self.wrong += [f"{tag} {name}" for name in found if name.startswith("on") or name in {"style", "srcdoc"}]
        for name in ("href", "src", "action", "formaction"):
            address = found.get(name) or ""
            if urlsplit(address).scheme not in {"", "https", "http"}:
                self.wrong.append(f"{tag} {name}={address[:40]}")
        if tag == "a":
            self.links.append(found.get("href") or "")


def sown(lab: WebLab, operator: Visitor) -> None:
    """Have script kept wherever somebody can."""
    cluster = lab.cluster
    cluster.devices.add([DeviceSpec(PHONE, "7975", EVIL, f"DP {EVIL}")])
    now = time.time()
    seen = Seen(
        fetched=Fetched(now, "127.0.0.9", EVIL),
        asked=Asked(now, "127.0.0.9", EVIL, known=False),
        registered=Registered(now, "127.0.0.9", EVIL),
    )
    seen.report(Reported(now, EVIL, EVIL))
    seen.deliver("CTL", Delivery(now + 1, EVIL, "ab" * 32))
    cluster.sightings.add({PHONE: seen})
    TraceFile(cluster.folder(cluster.publisher.name).area("activelog") / TVS.folder)([f"request from {EVIL}"])
    stranger = lab.visitor()
    stranger.sign_in(EVIL, "wrong")
    stranger.get(f"/{quote(EVIL)}")
    csrf, label = operator.get("/account/tokens").csrf, EVIL[:60]
    made = {"csrf": csrf, "act": "make", "label": label, "level": "0", "days": "1"}
    assert operator.post("/account/tokens", made).status == 200
    kept = {"csrf": csrf, "act": "save", "table": f"/ccmadmin/phones?name={quote(EVIL)}", "name": label}
    assert operator.post("/account/filters", kept).status == 303
    start = operator.get("/guides/procedures/non-secure-to-mixed")
    path = operator.post("/guides/procedures/non-secure-to-mixed", {"csrf": start.csrf}).location
    page = operator.wait_for(path, "Begin with step 1")
    assert operator.post(path, {"csrf": page.csrf, "act": "begin"}).status == 303
    assert operator.post(path, {"csrf": page.csrf, "act": "leave-out", "step": "1", "why": EVIL}).status == 303
    desk = lab.service.desk
    desk.dock.begin(EVIL, EVIL, "/ccmservice/services", 3)


def crawled(visitor: Visitor) -> Iterator[tuple[str, Page, Markup]]:
    """Go through everything that can be reached by links."""
    waiting = [f"/ccmadmin/phones/{PHONE}", f"/ccmadmin/phone/{PHONE}", f"/find?q={quote(EVIL)}"]
    waiting += ["/", *(page.example for page in PAGES if page.example is not None)]
    seen, of_one = set[str](), Counter[str]()
    while waiting and len(seen) < MOST:
        address = waiting.pop(0)
        parts = urlsplit(address)
        kind = re.sub(r"[0-9a-f]{12,}|SEP\w+|\d+", "*", parts.path)
        left_out = parts.netloc or "format=" in address or "download" in address
        if address in seen or left_out or of_one[kind] >= OF_ONE:
            continue
        seen.add(address)
        of_one[kind] += 1
        page = visitor.get(address)
        if not (page.headers["content-type"] or "").startswith("text/html"):
            continue
        markup = Markup()
        markup.feed(page.text)
        waiting += [urljoin(address, each).partition("#")[0] for each in markup.links]
        yield address, page, markup


def test_script_that_was_kept_is_text_on_every_page(own_lab: WebLab) -> None:
    operator = own_lab.visitor("administrator")
    sown(own_lab, operator)
    shown, pages = Counter[str](), 0
    for address, page, markup in crawled(operator):
        assert page.status < 500, address
        assert markup.wrong == [], address
        assert "49" not in re.findall(r"&lt;/script&gt;(\w+)", page.text), address
        pages += 1
        if "x-evil" in page.text:
            shown[urlsplit(address).path] += 1
    assert pages > 35
    assert {"/ccmadmin/phones", f"/ccmadmin/phones/{PHONE}", f"/ccmadmin/phone/{PHONE}"} <= set(shown)
    assert {"/ccmservice/services", "/ccmservice/traces", "/ccmservice/audit", "/guides/runs/1"} <= set(shown)
    assert len(shown) > 12, shown
