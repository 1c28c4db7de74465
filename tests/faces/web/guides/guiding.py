"""A lab with phones on a loop of its own, and somebody who goes through a guided run on its pages."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mixedmode.cluster.model.sightings import NONE, Reported, Seen
from mixedmode.guides.guide import Guide
from mixedmode.phone.mind.model_facts import Signalling
from mixedmode.phone.mind.trust.decisions import ListKind
from mixedmode.rehearsal.lab.lab import ADMINISTRATOR, Lab
from mixedmode.rehearsal.lab.phones import LabPhone
from mixedmode.rehearsal.lab.spec import LabSpec
from tests.faces.web.weblab import Visitor

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

    def registers(self, name: str) -> bool:
        """Return whether a phone is made to speak SCCP, and so registers in a lab."""
        return self.phone(name).phone.model.signalling is Signalling.SCCP

    def reports(self, name: str) -> bool:
        """Return whether a phone says what it holds when it registers."""
        return self.phone(name).phone.model.security_by_default

    def is_there(self, name: str, boots: int = 0) -> bool:
        """Return whether a phone is registered, and has booted more often than so."""
        found = self.phone(name)
        return found.boots > boots and found.status.state == "registered"

    def read_screens(self, since: Mapping[str, int] | None = None) -> None:
        """Have the cluster know what phones hold that report nothing themselves: somebody read it on their screens.

        Args:
            since: Only of phones that have booted more often than so.
        """
        found = {}
        for name in self.lab.phones.names:
            if not self.registers(name) or self.reports(name):
                continue
            if since is None or self.is_there(name, since[name]):
                ctl = self.phone(name).phone.state.trust.ctl
                seen = found[name] = Seen()
                seen.report(Reported(time.time(), ctl.sha1 if ctl else NONE, NONE))
        self.lab.cluster.sightings.add(found)

    def restart_the_others(self) -> None:
        """Switch those phones off and on that do not register, and which no reset reaches."""
        others = [name for name in self.lab.phones.names if not self.registers(name)]
        self.do(self.lab.phones.restart(others, self.lab.phone_server), 300)

    def wait_for_boots(self, before: Mapping[str, int], seconds: float = 120) -> None:
        """Wait until every phone has booted since and is registered."""
        end = time.monotonic() + seconds
        phones = [self.phone(name) for name in before]
        while not all(self.is_there(name, boots) for name, boots in before.items()):
            assert time.monotonic() < end, [(each.phone.name, each.boots, each.status) for each in phones]
            time.sleep(0.05)

    def boots(self) -> dict[str, int]:
        """Return how often each phone has booted."""
        return {name: self.phone(name).boots for name in self.lab.phones.names}

    def wait_for_reports(self, seconds: float = 120) -> None:
        """Wait until the database knows of every phone that registers."""
        end = time.monotonic() + seconds
        awaited = sum(map(self.registers, self.lab.phones.names))
        while sum(each.last_seen is not None for each in self.lab.cluster.devices) < awaited:
            assert time.monotonic() < end, "phones do not register"
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
        here.do(lab.start(), 300)
        here.do(lab.phones.boot_all(lab.phone_server), 300)
        here.do(lab.phones.register_all(lab.phone_server), 300)
        here.wait_for_reports()
        yield here
    finally:
        here.do(lab.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(100)
        loop.close()
