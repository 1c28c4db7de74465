"""Somebody who goes through a guided run on its pages: in Chromium, or with a browser without script."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from playwright.sync_api import Browser, BrowserContext, Error, expect
from playwright.sync_api import Page as Tab

from mixedmode.guides.words import WORD, kind_of
from mixedmode.procedures.facts import Token
from mixedmode.procedures.guided.run import StepRecord, StepState
from mixedmode.procedures.steps import CtlClient, ImportToken, Step
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR
from mixedmode.rehearsal.lab.tokens import LabTokens
from tests.faces.web.conftest import sign_in
from tests.faces.web.guides.guiding import GuideLab
from tests.faces.web.weblab import Visitor

PASSWORD = "Cisco123"
NUMBERS = {Token.FIRST: "ADN0054f509", Token.SECOND: "ADN008580ef", Token.NEW: "ADN0077c0de"}
WAIT_SECONDS = 120.0
"""No step takes nearly so long; a machine with a lot to do may."""


def fields_of(step: Step, labels: Mapping[Token, str]) -> dict[str, str]:
    """Return what a step's form asks for: which tokens of this host, and the password of the one that signs."""
    match step.act:
        case CtlClient():
            return {**{f"label-{each.name}": labels[each] for each in step.act.tokens}, "password": PASSWORD}
        case ImportToken():
            return {f"label-{step.act.token.name}": labels[step.act.token]}
    return {}


def made_tokens(lab: GuideLab) -> dict[Token, str]:
    """Make the tokens of the seed and a new one, plugged into the host of the pages; return their labels."""
    tokens = LabTokens(lab.lab.directory / "reader")
    return {token: tokens.make(number).label for token, number in NUMBERS.items()}


def until(what: str, holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"it never came: {what}"
        time.sleep(0.05)


class Hand(Protocol):
    """Somebody at the pages."""

    def plan(self, name: str, title: str) -> int:
        """Plan a run and wait for its forecast; return its number."""

    def begin(self, number: int, lost: int) -> None:
        """Begin it, and type the word if phones are lost."""

    def press(self, number: int, at: int, step: Step, fields: Mapping[str, str]) -> None:
        """Press the button of a step, from 0; its end is not waited for."""

    def leave_and_come_back(self, number: int, then: Callable[[], None]) -> None:
        """Close the browser, let something happen, open another, sign in and find the run."""

    def words(self, number: int) -> str:
        """Return what the page of a run says."""


class OverHttp:
    """Somebody with a browser without script.

    Attributes:
        lab: The cluster.
        visitor: The browser.
    """

    def __init__(self, lab: GuideLab) -> None:
        self.lab = lab
        self.visitor: Visitor = lab.visitor()
        self._csrf = ""

    def plan(self, name: str, title: str) -> int:
        start = f"/guides/procedures/{name}"
        page = self.visitor.get(start)
        assert page.heading == title
        self._csrf = page.csrf
        number = int(self._sent(start, {}).rpartition("/")[2])
        until("the forecast", lambda: bool(self.lab.guide.open(number).run.forecast))
        return number

    def begin(self, number: int, lost: int) -> None:
        self._sent(f"/guides/runs/{number}", {"act": "begin", "lost": str(lost), "word": WORD if lost else ""})

    def press(self, number: int, at: int, step: Step, fields: Mapping[str, str]) -> None:
        self._sent(f"/guides/runs/{number}", {"act": "do", "step": str(at + 1), **fields})

    def leave_and_come_back(self, number: int, then: Callable[[], None]) -> None:
        self.visitor.cookies.clear()
        then()
        self.visitor = self.lab.visitor()
        self._csrf = self.visitor.get(f"/guides/runs/{number}").csrf

    def words(self, number: int) -> str:
        return self.visitor.get(f"/guides/runs/{number}").words

    def _sent(self, path: str, fields: Mapping[str, str]) -> str:
        answer = self.visitor.post(path, {"csrf": self._csrf, **fields})
        assert answer.status == 303, answer.words[:600]
        return answer.location


class InChromium:
    """Somebody with Debian's Chromium.

    Attributes:
        tab: In which he is signed in.
    """

    def __init__(self, browser: Browser, lab: GuideLab) -> None:
        self._browser, self._lab = browser, lab
        self._context, self.tab = self._opened()

    def _opened(self) -> tuple[BrowserContext, Tab]:
        context = self._browser.new_context(ignore_https_errors=True, base_url=self._lab.url)
        context.set_default_timeout(WAIT_SECONDS * 1000)
        tab = context.new_page()
        sign_in(tab, ADMINISTRATOR, self._lab.password)
        return context, tab

    def close(self) -> None:
        """Close the browser."""
        self._context.close()

    def plan(self, name: str, title: str) -> int:
        self.tab.goto("/guides/procedures")
        self.tab.get_by_role("link", name=f"Plan it: {title}", exact=True).click()
        expect(self.tab.locator("h1")).to_have_text(title)
        self.tab.get_by_role("button", name="Plan it and show what every phone would do").click()
        begin = self.tab.get_by_role("button", name=re.compile("^Begin"))
        expect(begin).to_be_visible(timeout=WAIT_SECONDS * 1000)
        return int(self.tab.url.rpartition("/")[2])

    def begin(self, number: int, lost: int) -> None:
        if lost:
            self.tab.get_by_label(f"Type {WORD}").fill(WORD)
        self.tab.get_by_role("button", name=re.compile("^Begin")).click()

    def press(self, number: int, at: int, step: Step, fields: Mapping[str, str]) -> None:
        expect(self.tab.locator(".lead")).to_contain_text(f"Step {at + 1} of", timeout=WAIT_SECONDS * 1000)
        _, button = kind_of(step)
        for name, value in fields.items():
            place = self.tab.locator(f'[name="{name}"]:not([type=file])')
            if name == "canary":
                place.check()
            elif name == "password":
                place.fill(value)
            else:
                place.select_option(value)
        with self.tab.expect_request(lambda request: request.method == "POST"):
            self.tab.get_by_role("button", name=button, exact=True).click(no_wait_after=True)

    def leave_and_come_back(self, number: int, then: Callable[[], None]) -> None:
        self.close()
        then()
        self._context, self.tab = self._opened()
        self.tab.goto(f"/guides/runs/{number}")

    def words(self, number: int) -> str:
        self._go(f"/guides/runs/{number}")
        return " ".join(self.tab.locator("main").inner_text().split())

    def _go(self, path: str) -> None:
        """Open an address, also while the answer to a form is still on its way."""
        while True:
            try:
                self.tab.goto(path)
            except Error as error:
                if "interrupted by another navigation" not in error.message:
                    raise
            else:
                return


def record_of(lab: GuideLab, number: int, at: int) -> StepRecord:
    """Return what has become of a step, from 0."""
    return lab.guide.open(number).run.steps[at]


def wait_for_step(lab: GuideLab, number: int, at: int, meanwhile: Callable[[], None] | None = None) -> StepRecord:
    """Wait until a step has been done or has failed; something may be done again and again until then."""

    def is_over() -> bool:
        if meanwhile is not None:
            meanwhile()
            time.sleep(0.3)
        return record_of(lab, number, at).state not in {StepState.OPEN, StepState.DOING}

    until(f"the end of step {at + 1}", is_over)
    return record_of(lab, number, at)
