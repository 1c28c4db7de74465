"""The pages are made when somebody asks for the first one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.types import ASGIApp

from mixedmode.faces.web import app
from mixedmode.faces.web.kit.desk import Desk
from tests.faces.web.weblab import WebLab

application = app.application


def test_who_comes_first_has_the_pages_made_and_others_wait_for_the_same(
    own_lab: WebLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Desk] = []

    def counted(desk: Desk) -> ASGIApp:
        made.append(desk)
        return application(desk)

    monkeypatch.setattr(app, "application", counted)
    assert own_lab.service.healthy
    assert not made
    with ThreadPoolExecutor(4) as people:
        pages = list(people.map(lambda _: own_lab.visitor().get("/signin"), range(4)))
    assert [page.status for page in pages] == [200] * 4
    assert made == [own_lab.service.desk]


def test_pages_that_cannot_be_made_are_told_logged_and_tried_again(
    own_lab: WebLab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_desk: Desk) -> ASGIApp:
        raise ImportError("a file of the package is gone")

    monkeypatch.setattr(app, "application", broken)
    page = own_lab.visitor().get("/healthz")
    assert (page.status, page.text) == (500, "Internal Server Error")
    assert "a file of the package is gone" in caplog.text
    assert not own_lab.service.healthy
    monkeypatch.setattr(app, "application", application)
    assert own_lab.visitor().get("/healthz").status == 200
    assert own_lab.service.healthy
