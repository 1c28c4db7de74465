"""A node of its own for the tests of the API, and programs with a token of each level."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mixedmode.control.people import of_account
from mixedmode.control.signed_in.api_tokens import ApiTokens
from tests.cluster.building import PUB, SUB, copied
from tests.faces.web.weblab import Page, Visitor, WebLab, web_lab

__all__ = ["PUB", "SUB"]
PHONE = "SEP001122334400"


@dataclass
class Program:
    """Something that uses the API."""

    visitor: Visitor
    headers: dict[str, str]

    def get(self, path: str, **headers: str) -> Page:
        return self.visitor.send("GET", path, None, {**self.headers, **headers})

    def send(self, method: str, path: str, document: Any = None, **headers: str) -> Page:
        body = None if document is None else json.dumps(document).encode()
        kind = {} if body is None else {"content-type": "application/json"}
        return self.visitor.send(method, path, body, {**self.headers, **kind, **headers})

    def post(self, path: str, document: Any = None, **headers: str) -> Page:
        return self.send("POST", path, document, **headers)


def parsed(page: Page) -> Any:
    return json.loads(page.body)


def code(page: Page) -> str:
    """Return the code of a problem."""
    assert page.headers["content-type"] == "application/problem+json", page.body
    document = parsed(page)
    assert document["status"] == page.status
    return str(document["type"]).removeprefix("urn:mixedmode:problem:")


def tokens(lab: WebLab) -> ApiTokens:
    return ApiTokens(lab.cluster, PUB, lab.guard.accounts)


def token(lab: WebLab, user: str, level: int | None = None, days: int = 1) -> str:
    account = lab.guard.accounts.find(user)
    assert account is not None
    who = of_account(account, "127.0.0.1", PUB)
    return tokens(lab).make(who, label="", level=account.privilege if level is None else level, days=days)[1]


def program(lab: WebLab, user: str = "administrator", source: str | None = None) -> Program:
    return Program(lab.visitor(source=source), {"authorization": f"Bearer {token(lab, user)}"})


def running(template: Path, place: Path) -> Iterator[WebLab]:
    with copied(template, place) as cluster, web_lab(cluster) as lab:
        lab.service.desk.rates.each_second = lab.service.desk.rates.at_once = 1e6
        yield lab


@pytest.fixture(scope="session")
def lab(web_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebLab]:
    """A node that all tests share; who locks an account, waits, or shakes the cluster takes :func:`own_lab`."""
    yield from running(web_template, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def own_lab(web_template: Path, tmp_path: Path) -> Iterator[WebLab]:
    """A node for one test."""
    yield from running(web_template, tmp_path)


@pytest.fixture
def admin(lab: WebLab) -> Program:
    return program(lab)
