"""A lab with phones on a loop of its own, and somebody who goes through a guided run on its pages."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, TypeVar

from mixedmode.cluster.model.sightings import NONE, Reported, Seen
from mixedmode.guides.guide import Guide
from mixedmode.guides.kept import Opened
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR, Lab
from mixedmode.rehearsal.lab.phones import LabPhone
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.faces.web.weblab import Page, Visitor

T = TypeVar("T")


@dataclass
class GuideLab:
    """A running lab."""

    lab: Lab
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        node = self.lab.publisher
        return f"https://{node.info.address}:{node.ports['web']}"

    @property
    def password(self) -> str:
        return self.lab.password_file.read_text().strip()

    @property
    def guide(self) -> Guide:
        return Guide(self.lab.cluster)

    @property
    def mode(self) -> int:
        """The cluster's security mode."""
        return self.lab.cluster.mode.value

    def do(self, work: Coroutine[Any, Any, T], seconds: float = 60) -> T:
        """Do something on the loop of the lab."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def visitor(self) -> Visitor:
        """Return somebody with a browser without script, signed in."""
        node = self.lab.publisher
        visitor = Visitor(node.info.address, node.ports["web"] or 0)
        assert visitor.sign_in(ADMINISTRATOR, self.password).status == 303
        return visitor

    def restart(self, name: str, *, erase: bool = False) -> None:
        """Restart a phone; first delete its CTL by hand, if wanted."""
        phone = self.phone(name)
        if erase:
            self.do(phone.erase(ListKind.CTL))
        self.do(phone.restart(self.lab.phone_server))

    def phone(self, name: str) -> LabPhone:
        """Return a phone of the lab."""
        found = self.lab.phones.find(name)
        assert found is not None
        return found

    def read_screens(self) -> None:
        """Have the cluster know what phones hold that report nothing themselves: somebody read it on their screens."""
        for each in map(self.phone, self.lab.phones.names):
            if not each.phone.model.security_by_default:
                ctl = each.phone.state.trust.ctl
                seen = Seen()
                seen.report(Reported(time.time(), ctl.sha1 if ctl else NONE, NONE))
                self.lab.cluster.sightings.add({each.phone.name: seen})

    def wait_for_boots(self, before: Mapping[str, int], seconds: float = 20) -> None:
        """Wait until every phone has booted since and is registered."""
        end = time.monotonic() + seconds
        phones = [self.phone(name) for name in before]
        while not all(each.boots > before[each.phone.name] and each.status.state == "registered" for each in phones):
            assert time.monotonic() < end, [(each.phone.name, each.boots, each.status) for each in phones]
            time.sleep(0.05)

    def boots(self) -> dict[str, int]:
        """Return how often each phone has booted."""
        return {name: self.phone(name).boots for name in self.lab.phones.names}

    def wait_for_reports(self, seconds: float = 15) -> None:
        """Wait until the database knows of a report of every phone that can report."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if sum(each.last_seen is not None for each in self.lab.cluster.devices) == len(self.lab.phones):
                return
            time.sleep(0.1)


@contextmanager
def guide_lab(folder: Path, spec: LabSpec) -> Iterator[GuideLab]:
    """Run a lab whose phones are registered."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lab")
    thread.start()
    lab = Lab(folder / "lab", spec)
    here = GuideLab(lab, loop)
    try:
        here.do(lab.start())
        here.do(lab.phones.boot_all(lab.phone_server))
        here.do(lab.phones.register_all(lab.phone_server))
        here.wait_for_reports()
        yield here
    finally:
        here.do(lab.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def button_of(page: Page, act: str = "do") -> str:
    """Return what the button of the current step says."""
    found = re.search(rf'name="act" value="{act}".*?<button[^>]*>(.*?)</button>', page.text, re.DOTALL)
    return unescape(found[1]).strip() if found else ""


def step_of(opened: Opened) -> int:
    """Return the number of the current step, from 1."""
    at = opened.run.current
    assert at is not None
    return at + 1


def settled(lab: GuideLab, visitor: Visitor, path: str, seconds: float = 60) -> Page:
    """Return the page of a run once nothing is being done."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page = visitor.get(path)
        assert page.status == 200, page.text[:300]
        if lab.guide.open(int(path.rpartition("/")[2])).run.doing is None:
            return visitor.get(path)
        time.sleep(0.2)
    raise AssertionError("it never ended")
