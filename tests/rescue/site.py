"""Fleets of simulated phones, their plan, and a run of it on virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from mixedmode.phone.mind.models import get_model
from mixedmode.rescue.around import Time
from mixedmode.rescue.catalogue import Catalogue, Confirmation
from mixedmode.rescue.chain import BEGIN, Evidence, hash_of, line_of, read_evidence
from mixedmode.rescue.files import catalogue
from mixedmode.rescue.outcomes import Result
from mixedmode.rescue.phone.walking import anybody
from mixedmode.rescue.planning import Plan, Planned, make_plan
from mixedmode.rescue.readiness import PhoneFacts, verdict
from mixedmode.rescue.resuming import histories
from mixedmode.rescue.runner import Runner
from tests.phone.worlds.memory_world import BEGIN as MORNING
from tests.phone.worlds.memory_world import VirtualLoop
from tests.rescue.handset import TFTP, Habits, Handset, SimulatedHands, SimulatedSite, hashes, lists, served

WALKED = {
    "7945": ("79xx-itl", "SCCP45.9-4-2SR3-1S"),
    "7975": ("7975-itl", "SCCP75.9-4-2SR3-1S"),
    "7821": ("78xx-444", "sip78xx.12-8-1-0001-455"),
    "8841": ("88xx-544", "sip88xx.12-8-1-0001-455"),
    "8861": ("88xx-644", "sip88xx.12-8-1-0001-455"),
}
"""Which sequence a person walked, with which load."""
BASE = catalogue(None)


class Killed(BaseException):
    """The machine stopped here."""


def confirmed(models: Iterable[str] = WALKED, *, named: bool = False) -> Catalogue:
    found = []
    for model in models:
        name, load = WALKED[model]
        entry = BASE.find(name)
        assert entry is not None
        found.append(
            Confirmation(
                name, entry.sha256, model, load, "", "Ada", "2026-03-01T12:00:00+00:00", "SEP0", "0" * 64, named
            )
        )
    return Catalogue(BASE.entries, tuple(found))


@dataclass
class MemoryLog:
    """Evidence in memory; stops the machine after so many records, the last of them torn."""

    data: bytearray = field(default_factory=bytearray)
    head: str = BEGIN
    number: int = 0
    kill_after: int | None = None

    def write(self, event: str, fields: Mapping[str, Any], *, durable: bool = False) -> None:
        if self.kill_after is not None and self.number >= self.kill_after:
            raise Killed
        line = line_of(self.number + 1, self.head, MORNING, event, fields)
        self.data += line
        self.number, self.head = self.number + 1, hash_of(line)

    def evidence(self) -> Evidence:
        return read_evidence(bytes(self.data), "memory")

    @property
    def records(self) -> Sequence[Mapping[str, Any]]:
        return self.evidence().records


@dataclass
class Fleet:
    """Phones, and what a person planned for them."""

    phones: list[Handset]
    catalogue: Catalogue = field(default_factory=confirmed)
    plan: Plan = field(init=False)
    log: MemoryLog = field(default_factory=MemoryLog)
    results: dict[str, Result] = field(default_factory=dict)
    at: dict[str, float] = field(default_factory=dict)
    false: list[str] = field(default_factory=list)
    stopped: str = ""
    stopped_at: float = 0.0
    changes_at: float = float("inf")
    read: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [(facts, verdict(facts, self.catalogue)) for facts in map(facts_of, self.phones)]
        self.plan = make_plan(
            known, served(), self.catalogue, made="now", cluster="lab", nodes={"pub": f"http://{TFTP}:6970/"}
        )

    @property
    def by_name(self) -> dict[str, Handset]:
        return {phone.name: phone for phone in self.phones}

    def run(
        self,
        *,
        meanwhile: Callable[[Runner], Any] | None = None,
        stranger: Callable[[str | None], str] = anybody,
    ) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(self._run(meanwhile, stranger))

    async def _run(self, meanwhile: Callable[[Runner], Any] | None, stranger: Callable[[str | None], str]) -> None:
        by_url = {phone.url: phone for phone in self.phones}
        loop = asyncio.get_running_loop()
        entries = self.plan.checked(self.catalogue)
        run = Runner(
            self.plan, entries, lambda phone: named(self.catalogue, self.plan, phone), SimulatedHands(by_url),
            SimulatedSite(by_url, self.changes_at), self.log, Time(loop.time), self._ended, self.read, stranger,
        )  # fmt: skip
        before = histories(self.log.records, self.plan.sha256, "memory")
        if meanwhile is not None:
            loop.call_later(0, meanwhile, run)
        try:
            self.stopped = await run.run(before, {"person": "Ada", "ticket": "CHG1"})
        except Killed:
            return
        finally:
            for phone in self.phones:
                for task in tuple(phone._tasks):
                    task.cancel()
        self.results = dict(run.results)
        self.stopped_at = loop.time()

    def _ended(self, phone: Planned, result: Result) -> None:
        self.at[phone.name] = asyncio.get_running_loop().time()
        if result.outcome.is_proof and not self.by_name[phone.name].is_saved:
            self.false.append(phone.name)

    def confirm_presses(self, name: str) -> int:
        """How often the key that erases arrived at a phone, by the phone's own log."""
        planned = next(each for each in self.plan.phones if each.name == name)
        uris = {entry.confirm.uri for each in planned.entries if (entry := self.catalogue.find(each)) is not None}
        return sum(uri in unquote_plus(body) for _, body in self.by_name[name].presses for uri in uris)


def named(catalogue_: Catalogue, plan: Plan, phone: Planned) -> dict[str, bool]:
    found = {
        name: plan.confirmation(catalogue_, phone, entry) for name in phone.entries if (entry := catalogue_.find(name))
    }
    return {name: each is not None and each.named for name, each in found.items()}


def facts_of(phone: Handset) -> PhoneFacts:
    load = WALKED.get(phone.model_name, ("", "load"))[1]
    held = hashes(lists("old")[1])[1]
    return PhoneFacts(
        phone.name, get_model(phone.model_name), phone.model_name, load, "", phone.url, "none", held,
        "inventory", "now", answers=True, authentication_url="",
    )  # fmt: skip


def handset(number: int, model: str, **habits: Any) -> Handset:
    layout = habits.pop("layout", None)
    holds = habits.pop("holds", "old")
    name = f"SEP{number:012X}"
    return Handset(name, model, f"http://10.0.{number >> 8}.{number & 255}/", Habits(**habits), layout, holds)


def events(log: MemoryLog, event: str) -> list[Mapping[str, Any]]:
    return [record for record in log.records if record["event"] == event]


def as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
