"""The page of API tokens: made, shown once, listed, ended."""

from __future__ import annotations

import json
import re
from html import escape, unescape

from tests.faces.web.weblab import Visitor, WebLab

PATH = "/account/tokens"
FILTERS = "/account/filters"


def make(visitor: Visitor, **fields: str) -> str:
    form = {"act": "make", "label": "night watch", "level": "1", "days": "30", **fields}
    page = visitor.post(PATH, {"csrf": visitor.get(PATH).csrf, **form})
    assert page.status == 200, page.heading
    found = re.search(r"mm_[0-9a-f]{12}_[\w-]{43}", page.text)
    assert found is not None
    return found[0]


def asks(lab: WebLab, secret: str) -> int:
    stranger = lab.visitor("reader")
    stranger.cookies.clear()
    return stranger.get("/api/v1/cluster", authorization=f"Bearer {secret}").status


def test_a_token_is_shown_once_works_and_is_ended(lab: WebLab) -> None:
    operator = lab.visitor("operator")
    secret = make(operator, label="<b>watch</b>")
    number = secret.split("_")[1]
    page = operator.get(PATH)
    assert secret not in page.text
    assert number in page.text
    assert "<b>watch</b>" not in page.text
    assert "&lt;b&gt;watch" in page.text
    assert 'href="/account/tokens"' in operator.get("/").text
    assert number in operator.get(f"{PATH}?format=csv").text
    assert asks(lab, secret) == 200
    csrf = page.csrf
    reader = lab.visitor("reader")
    assert number not in reader.get(PATH).text
    theirs = {"csrf": reader.get(PATH).csrf, "act": "revoke", "id": number}
    assert reader.post(PATH, theirs).status == 404
    assert operator.post(PATH, {"act": "revoke", "id": number}).status == 403
    done = operator.post(PATH, {"csrf": csrf, "act": "revoke", "id": number})
    assert (done.status, done.location) == (303, PATH)
    assert "works no more" in operator.get(PATH).text
    assert asks(lab, secret) == 401


def test_what_a_token_may_not_be_is_refused_beside_its_field(lab: WebLab) -> None:
    operator = lab.visitor("operator")
    csrf = operator.get(PATH).csrf
    form = {"csrf": csrf, "act": "make", "label": "", "level": "1", "days": "30"}
    for name, value in (("days", "0"), ("days", "9999"), ("days", "x"), ("level", "3"), ("label", "x" * 65)):
        page = operator.post(PATH, {**form, name: value})
        assert page.status == 422, (name, value)
        assert "mm_" not in page.text
    assert operator.post(PATH, {**form, "level": "4"}).status in {403, 422}
    assert operator.post(PATH, {**form, "csrf": "no"}).status == 403
    assert json.loads(operator.get("/api/v1/tokens").body) == []


def test_a_filter_is_kept_under_a_name_shown_at_its_table_and_dropped(lab: WebLab) -> None:
    operator, table = lab.visitor("operator"), "/ccmadmin/phones?outcome=locked-out&sort=-name&page=3"
    shown = operator.get(table)
    keep = unescape(re.search(r'href="([^"]*)">Keep this filter', shown.text)[1])  # type: ignore[index]
    page = operator.get(keep)
    assert "page=" not in page.words
    wanted = "/ccmadmin/phones?outcome=locked-out&sort=-name"
    form = {"csrf": page.csrf, "act": "save", "table": table, "name": "<i>night</i>"}
    assert operator.post(FILTERS, {**form, "csrf": ""}).status == 403
    kept = operator.post(FILTERS, form)
    assert (kept.status, kept.location) == (303, wanted)
    again = operator.get("/ccmadmin/phones").text
    assert f'<a href="{escape(wanted)}">&lt;i&gt;night&lt;/i&gt;</a>' in again
    assert "<i>night" not in again
    assert "night" not in lab.visitor("reader").get("/ccmadmin/phones").text
    assert "&lt;i&gt;night" not in operator.get("/account/tokens").text
    replaced = operator.post(FILTERS, {**form, "table": "/ccmadmin/phones?outcome=behind"})
    assert replaced.location == "/ccmadmin/phones?outcome=behind"
    page = operator.get(FILTERS)
    assert page.text.count('name="act" value="drop"') == 1
    number = re.search(r'name="id" value="(\w+)"', page.text)[1]  # type: ignore[index]
    reader = lab.visitor("reader")
    theirs = {"csrf": reader.get("/account/tokens").csrf, "act": "drop", "id": number}
    assert reader.post(FILTERS, theirs).status == 404
    assert operator.post(FILTERS, {"csrf": page.csrf, "act": "drop", "id": number}).status == 303
    assert "You keep no filter" in operator.get(FILTERS).text


def test_what_cannot_be_kept_is_refused(lab: WebLab) -> None:
    reader = lab.visitor("reader")
    csrf = reader.get("/account/tokens").csrf
    form = {"csrf": csrf, "act": "save", "table": "/ccmadmin/phones?q=1", "name": "x"}
    for table in (
        "https://example.net/",
        "//example.net/",
        "/\\example.net",
        "javascript:alert(1)",
        "",
        "/x?" + "q=" + "9" * 1100,
    ):
        assert reader.post(FILTERS, {**form, "table": table}).status in {400, 422}, table
    for name in ("", " ", "x" * 65, "a\x1bb"):
        assert reader.post(FILTERS, {**form, "name": name}).status == 422, name
    assert reader.get(f"{FILTERS}?table=https://example.net/").status == 400
    for number in range(50):
        assert reader.post(FILTERS, {**form, "name": f"f{number}"}).status == 303
    assert "at most 50" in reader.post(FILTERS, {**form, "name": "one more"}).text
