"""Simulated phones as rescue.md 6 wants them: real menus, pages and trust rules, on virtual time; some of them lie."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from mixedmode.phone.body.pages.facts import PageFacts
from mixedmode.phone.body.pages.layouts import Layout, Reset
from mixedmode.phone.body.pages.server import PhonePages, Reply
from mixedmode.phone.body.registration_status import RegistrationStatus
from mixedmode.phone.mind.alarms import ERASING, ListEvent, list_event, status_messages
from mixedmode.phone.mind.config import PhoneConfig
from mixedmode.phone.mind.models import get_model
from mixedmode.phone.mind.trust.decisions import Decision, ListKind, Outcome
from mixedmode.phone.mind.trust.policy import TrustPolicy
from mixedmode.phone.mind.trust.state import TrustState
from mixedmode.rescue.hands import request_body
from mixedmode.rescue.phone.answers import EXECUTE, Answer, basic
from mixedmode.rescue.phone.reading import ALARM, NETWORK
from mixedmode.rescue.planning import Served
from mixedmode.rescue.wire.http import FORM
from mixedmode.trustlist.model import TrustList
from tests.phone.site import identity, itl
from tests.phone.worlds.memory_world import BEGIN

OLD: Final = "old"
NEW: Final = "callmanager"
LOGIN: Final = basic("rescue", "key")
TFTP: Final = "192.0.2.1"


def lists(kind: str) -> tuple[TrustList | None, TrustList | None]:
    """The CTL and ITL of a cluster: ``new`` is the one that is there, ``old`` the one of before, ``evil`` nobody's."""
    signer = {"new": NEW, "old": OLD, "evil": "impostor"}[kind]
    identity(signer)
    return None, itl(signer, servers=(signer,))


def hashes(found: TrustList | None) -> tuple[str, ...]:
    if found is None:
        return ()
    return tuple(hashlib.new(name, found.data).hexdigest() for name in ("md5", "sha1", "sha256"))


@dataclass(slots=True)
class Habits:
    """How a phone behaves.

    Attributes:
        erases: What Security does: ``both``, ``ctl`` or ``nothing``.
        restarts: Whether it restarts by itself behind that.
        boots: Seconds until its pages are back.
        takes: Whose lists it is handed: ``new``, ``old`` or ``evil``, or an old file that a node has for it alone.
        after: ``back``, ``gone`` or ``moved`` to another address, after its next restart.
        stale: Seconds for which its page shows what it showed before the erase.
        answers: ``yes``, ``no``, ``401``, ``303``, ``html`` or ``cut``.
        https: Whether its authentication URL is https.
        asks: Its authentication URL, if it is another one than that or none.
        in_call: Until when somebody speaks.
        clock: Seconds that its own clock is wrong.
        resets: Whether the cluster can reset it.
        load: Its firmware; empty is that of its model.
        answer_lost: Whether the answer to a key does not arrive, though the key does.
        silent: Whether it says nothing of a configuration that it refuses.
        alarms: Whether its Debug Display page has its alarms.
    """

    erases: str = "both"
    restarts: bool = False
    boots: float = 60.0
    takes: str = "new"
    after: str = "back"
    stale: float = 0.0
    answers: str = "yes"
    https: bool = False
    asks: str = ""
    in_call: float = 0.0
    clock: float = 0.0
    resets: bool = True
    answer_lost: bool = False
    silent: bool = False
    alarms: bool = False
    load: str = ""


@dataclass(slots=True)
class Handset:
    """One phone."""

    name: str
    model_name: str
    url: str
    habits: Habits = field(default_factory=Habits)
    layout: Layout | None = None
    holds: str = "old"
    trust: TrustState = field(init=False)
    pages: PhonePages = field(init=False)
    messages: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=10))
    presses: list[tuple[float, str]] = field(default_factory=list)
    disaster: Reset | None = None
    off_until: float = 0.0
    moved: bool = False
    alarm: str = ""
    _stale: tuple[float, Reply] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        ctl, itl_file = lists(self.holds)
        self.trust = TrustState(ctl, itl_file)
        self.say("ITL installed")
        self.pages = PhonePages(self.facts, self.erase, layout=self.layout, besides=self.besides)

    def now(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0

    def say(self, text: str) -> None:
        self.messages.append((BEGIN + timedelta(seconds=self.now() + self.habits.clock), text))

    def facts(self) -> PageFacts:
        url = "https://192.0.2.1:8443/ccmcip/authenticate.jsp" if self.habits.https else self.habits.asks
        tftp = TFTP if self.habits.takes != "evil" or self.trust.itl is not lists("evil")[1] else "192.0.2.66"
        call = "Connected" if self.now() < self.habits.in_call else ""
        return PageFacts(
            self.name, get_model(self.model_name), "192.0.2.9", self.trust,
            PhoneConfig(authentication_url=url, load=self.habits.load),
            RegistrationStatus(), tuple(self.messages), (), tftp, call,
        )  # fmt: skip

    @property
    def is_saved(self) -> bool:
        return self.trust.itl is lists("new")[1] and self.trust.ctl is lists("new")[0]

    async def erase(self, kind: ListKind) -> None:
        if self.habits.stale and self._stale is None:
            self._stale = (self.now() + self.habits.stale, await self.pages.answer("GET", NETWORK, {}))
        wanted = {"both": True, "ctl": kind is ListKind.CTL, "nothing": False}[self.habits.erases]
        if not wanted:
            return
        if not any(text == ERASING and BEGIN + timedelta(seconds=self.now() + self.habits.clock - 1) < moment
                   for moment, text in self.messages):  # fmt: skip
            self.say(ERASING)
        self.trust = self.trust.with_list(kind, None)
        if self.habits.restarts:
            self.later(3.0)

    async def besides(self, deed: Reset) -> None:
        if deed is Reset.DEVICE:
            self.later(0.0)
        else:
            self.disaster, self.off_until = deed, float("inf")

    def later(self, seconds: float) -> None:
        if not self._tasks:
            task = asyncio.create_task(self.restart(seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def restart(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.habits.after == "gone":
            self.off_until = float("inf")
            return
        self.off_until = self.now() + self.habits.boots
        await asyncio.sleep(self.habits.boots)
        self.boot()
        self.moved = self.habits.after == "moved"

    def boot(self) -> None:
        """Take what is handed out, by the rules that a phone has."""
        policy = TrustPolicy(get_model(self.model_name))
        state, events, decided = self.trust, {}, {}
        for kind, offered in zip(ListKind, lists(self.habits.takes.replace("stale file", "old")), strict=True):
            before = self.trust.held(kind)
            verdict = policy.offer_trust_list(state, kind, offered)
            decision = verdict if isinstance(verdict, Decision) else None  # nobody's TVS knows the old signer
            decided[kind] = decision
            if decision is not None and decision.outcome is Outcome.ACCEPT:
                state = state.after(decision, kind, offered)
            events[kind] = list_event(had_one=before is not None, decision=decision)
        self.trust = state
        holds = state.itl is not None or state.ctl is not None
        for text in status_messages(events[ListKind.CTL], events[ListKind.ITL], decided, holds_any=holds):
            self.say(text)
        first = 3 if events[ListKind.ITL] is ListEvent.NEW else 1
        held = "" if self.trust.itl is None else self.trust.itl.sha1
        self.alarm = f"[1:23:45a] DeviceTLInfo CTL_Signature=Not Installed ITL_Signature={held} StatusCode={first}"
        if self.trust.itl is not lists("new")[1] and not self.habits.silent:
            self.say(f"TFTP Error : {self.name}.cnf.xml.sgn")  # its configuration is signed by who it does not know

    async def ask(self, method: str, target: str, fields: dict[str, str], body: bytes = b"") -> Answer:
        now, habits = self.now(), self.habits
        if method == "POST":
            self.presses.append((now, body.decode()))
        if habits.answers == "no" or now < self.off_until or self.moved:
            await asyncio.sleep(1.0)
            return Answer(0, "", "no answer within 5 s")
        if method == "POST" and habits.answers in {"401", "303"}:
            return Answer(int(habits.answers))
        if method == "POST" and habits.answers in {"html", "cut"}:
            return Answer(200, "<html>busy</html>") if habits.answers == "html" else Answer(0, "", "cut off")
        if self._stale is not None and now < self._stale[0] and target == NETWORK:
            return _answer(self._stale[1])
        if habits.alarms and target == ALARM:
            return Answer(200, f"<html><pre>{self.alarm}</pre></html>")
        reply = await self.pages.answer(method, target, fields, body)
        return Answer(0, "", "cut off") if method == "POST" and habits.answer_lost else _answer(reply)


def _answer(reply: Reply) -> Answer:
    assert isinstance(reply.status, HTTPStatus)
    return Answer(reply.status.value, reply.body.decode())


@dataclass(slots=True)
class SimulatedHands:
    """Reaches handsets by their URLs."""

    phones: dict[str, Handset]
    latency: float = 0.05

    async def get(self, url: str, path: str, *, login: bool) -> Answer:
        await asyncio.sleep(self.latency)
        return await self.phones[url].ask("GET", path, {"authorization": LOGIN} if login else {})

    async def press(self, url: str, uri: str) -> Answer:
        await asyncio.sleep(self.latency)
        fields = {"authorization": LOGIN, "content-type": FORM}
        return await self.phones[url].ask("POST", EXECUTE, fields, request_body(uri))


@dataclass(slots=True)
class SimulatedSite:
    """The cluster of the handsets."""

    phones: dict[str, Handset]
    changes_at: float = float("inf")

    async def served(self) -> Served:
        await asyncio.sleep(0.05)
        late = asyncio.get_running_loop().time() > self.changes_at
        return served("old" if late else "new")

    async def served_to(self, name: str) -> Served:
        await asyncio.sleep(0.02)
        phone = next(each for each in self.phones.values() if each.name == name)
        return served("old") if phone.habits.takes == "stale file" else await self.served()

    async def restart(self, name: str) -> bool:
        phone = next(each for each in self.phones.values() if each.name == name)
        if phone.habits.resets:
            phone.later(1.0)
        return phone.habits.resets

    async def registered(self) -> int | None:
        return None


def served(kind: str = "new") -> Served:
    ctl, itl_file = lists(kind)
    return Served({"pub": {"CTLFile.tlv": hashes(ctl), "ITLFile.tlv": hashes(itl_file)}})
