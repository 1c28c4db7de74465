"""Canaries from outside, on virtual time: remembered when a run is taken up again, and stopped within a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mixedmode.errors import CheckFailedError
from mixedmode.faces.shell.talk import ScriptedIO
from mixedmode.guides.live.canary import LiveCanary
from mixedmode.live.observed import PhoneSeen
from mixedmode.trustlist.model import TrustList
from tests.explain.reading import DATA
from tests.guides.live.test_live_canary import OLD, phone
from tests.phone.worlds.memory_world import VirtualLoop

LIST = TrustList.parse((DATA / "tlv" / "50-seed-tokenless-4947.tlv").read_bytes())
NEW = LIST.sha1


@dataclass
class Office:
    """Phones: what each shows at which second after the run began, and from when on each is registered."""

    shows: Mapping[str, Callable[[float], str]]
    kept: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    took: float = 0.0
    registers: Mapping[str, float] = field(default_factory=dict)

    def run(self, *, within: float = 300.0) -> list[str]:
        io = ScriptedIO(["", ""])

        async def work() -> None:
            loop = asyncio.get_running_loop()
            began = loop.time()

            async def everybody() -> Sequence[PhoneSeen]:
                now = loop.time() - began
                there = {name: now >= self.registers.get(name, 0.0) for name in self.shows}
                return [
                    phone(name, model=name[:4], status="Registered" if there[name] else "None", ctl=shows(0.0))
                    for name, shows in self.shows.items()
                ]

            async def pages(chosen: Sequence[PhoneSeen]) -> Sequence[PhoneSeen]:
                self.asked = [each.name for each in chosen]
                shown = {each.name: self.shows[each.name](loop.time() - began) for each in chosen}
                return [phone(name, **({"ctl": ctl} if ctl else {})) for name, ctl in shown.items()]

            try:
                await LiveCanary(everybody, pages, within=within).run(LIST, "back", io, self.kept, self.keep)
            finally:
                self.took = loop.time() - began

        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(work())
        return io.lines

    def keep(self, found: dict[str, Any]) -> None:
        self.kept = found


def steady(ctl: str) -> Callable[[float], str]:
    return lambda _now: ctl


def after(seconds: float, ctl: str) -> Callable[[float], str]:
    return lambda now: OLD if now < seconds else ctl


def test_a_refusal_stops_within_a_minute_of_it() -> None:
    office = Office({"8841 a": after(40.0, "c" * 40), "7821 a": after(250.0, NEW)})
    with pytest.raises(CheckFailedError, match="the canary 8841 a refused it"):
        office.run()
    assert 40.0 <= office.took < 100.0
    assert office.kept["failed"] == "the canary 8841 a refused it"


def test_a_run_that_is_taken_up_again_looks_at_the_same_phones() -> None:
    office = Office({"8841 a": steady(""), "8841 b": steady(OLD), "7821 a": steady(OLD)})
    office.shows = {**office.shows, "8841 a": lambda now: OLD if now == 0.0 else ""}
    with pytest.raises(CheckFailedError, match="showed nothing in its time"):
        office.run(within=30.0)
    assert set(office.kept["before"]) == {"8841 a", "7821 a"}
    # Both restarted meanwhile: by what they show now others would be chosen.
    office.shows = {"8841 a": steady(NEW), "8841 b": steady(OLD), "7821 a": steady(NEW)}
    lines = office.run()
    assert any(line.startswith("  Reset for this list before") for line in lines)
    assert not any("Reset these phones" in line for line in lines)
    assert (set(office.asked), office.kept["failed"]) == ({"8841 a", "7821 a"}, "")


def test_canaries_of_another_list_or_of_a_broken_file_count_for_nothing() -> None:
    for kept in ({"list": "0" * 40}, {"list": NEW, "reset": "never", "before": {}}, {"list": NEW, "before": 7}):
        office = Office({"8841 a": after(20.0, NEW)}, dict(kept))
        assert "  Reset these phones and no others: 8841 a" in office.run()


def test_phones_that_hold_the_list_have_nothing_to_try() -> None:
    office = Office({"8841 a": steady(NEW), "7821 a": after(20.0, NEW)})
    assert "  Reset these phones and no others: 7821 a" in office.run()
    assert any("Every phone holds this list already" in line for line in Office({"8841 a": steady(NEW)}).run())


def test_behind_a_restart_of_callmanager_phones_are_waited_for() -> None:
    back = {"8841 a": 25.0, "7821 a": 35.0, "8865 a": 1e9}
    office = Office(dict.fromkeys(back, after(100.0, NEW)), registers=back)
    lines = office.run()
    assert "  Reset these phones and no others: 7821 a, 8841 a" in lines
    assert "  0 of 3 phones are registered; the others are waited for." in lines
    gone = Office({"8841 a": steady(OLD)}, registers={"8841 a": 1e9})
    with pytest.raises(CheckFailedError, match="there is no canary"):
        gone.run()
    assert 290.0 <= gone.took <= 310.0
    # Some are there already: who is not is not waited for.
    some = Office({"8841 a": after(20.0, NEW), "7821 a": steady(OLD)}, registers={"7821 a": 60.0})
    assert "  Reset these phones and no others: 8841 a" in some.run()


def test_a_page_that_is_silent_before_the_reset_is_no_restart() -> None:
    looks = iter([OLD, "", OLD, OLD, NEW])
    office = Office({"8841 a": lambda _now: next(looks, NEW)})
    office.run()
    assert office.kept["before"]["8841 a"]["ctl"] == OLD
