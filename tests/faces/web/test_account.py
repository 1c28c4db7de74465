"""The page of API tokens: made, shown once, listed, ended."""

from __future__ import annotations

import json
import re

from tests.faces.web.weblab import Visitor, WebLab

PATH = "/account/tokens"


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
