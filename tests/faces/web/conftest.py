"""One node with pages for all tests here, and one browser."""

from __future__ import annotations

import os
from asyncio.events import AbstractEventLoop, _get_running_loop, _set_running_loop
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from mixedmode.cluster.facade import Cluster
from tests.cluster.building import copied
from tests.faces.web.weblab import PASSWORD, WebLab, web_lab

CHROMIUM = "/usr/bin/chromium"
expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def lab(web_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebLab]:
    """A node that all tests share; whoever locks an account or ends sessions of others takes :func:`own_lab`."""
    with copied(web_template, tmp_path_factory.mktemp("shared")) as cluster, web_lab(cluster) as running:
        yield running


@pytest.fixture
def own_cluster(web_template: Path, tmp_path: Path) -> Iterator[Cluster]:
    with copied(web_template, tmp_path) as cluster:
        yield cluster


@pytest.fixture
def own_lab(own_cluster: Cluster) -> Iterator[WebLab]:
    """A node for one test."""
    with web_lab(own_cluster) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; without a process of its own for drawing, which nobody looks at."""
    arguments = ["--disable-gpu", "--in-process-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        _PLAYWRIGHT.append(_get_running_loop())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=120_000)
        yield browser
        _set_running_loop(_PLAYWRIGHT.pop())
        browser.close()
    _set_running_loop(None)


_PLAYWRIGHT: list[AbstractEventLoop | None] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Put Playwright's loop aside between the tests of this folder.

    Its interface without ``await`` keeps a loop running in the thread that began it for as long as the browser lives;
    tests of other folders, which the same process runs and for which pytest calls this too, begin loops of their own
    there.
    """
    if _PLAYWRIGHT and item.path.is_relative_to(Path(__file__).parent):
        _set_running_loop(_PLAYWRIGHT[0])
    try:
        return (yield)
    finally:
        _set_running_loop(None)


@pytest.fixture
def context(chromium: Browser, lab: WebLab) -> Iterator[BrowserContext]:
    """A browser without cookies, for the shared node."""
    made = chromium.new_context(ignore_https_errors=True, base_url=lab.url, viewport={"width": 1280, "height": 900})
    made.set_default_timeout(60_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab in which nobody is signed in."""
    return context.new_page()


@pytest.fixture
def signed_in(page: Page) -> Page:
    """A tab in which the administrator is signed in, at the overview."""
    sign_in(page)
    return page


def sign_in(page: Page, user: str = "administrator", password: str = PASSWORD) -> None:
    page.goto("/signin")
    page.fill("#u", user)
    page.fill("#p", password)
    page.press("#p", "Enter")
    page.wait_for_url("**/")
