"""A run: the generators of each phone, in the order of the conductor, on an event loop.

Rules:

1. What is about to be pressed is written into the evidence before it is; a confirm key or ``**#`` so that it is on the
   disk.
2. The servers' lists are fetched before, every fifteen seconds, and behind; a change stops the run.
3. Waits are the caller's: a test brings a clock of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.rescue.around import Hands, Log, Site, Time
from mixedmode.rescue.catalogue import Entry
from mixedmode.rescue.conductor import Conductor
from mixedmode.rescue.outcomes import Outcome, Result
from mixedmode.rescue.phone.actions import Action, Fetch, Look, Note, Pause, Press, Restart, Walk
from mixedmode.rescue.phone.answers import Taken, taken
from mixedmode.rescue.phone.proving import Proof
from mixedmode.rescue.phone.walking import Sent, anybody, walk
from mixedmode.rescue.planning import Plan, Planned, Served
from mixedmode.rescue.resuming import History

WATCH: Final = 15.0
AGAIN: Final = 40.0
"""Seconds that a phone which was late is looked at once more, at the end."""
_TICK: Final = 1.0
_KEPT: Final = 0.98
"""Of the phones that were registered before, beside those that restart."""
_LEFT_OPEN: Final = "it was unlocked and not erased: its padlock may stand open, look at it"
T = TypeVar("T")


@dataclass(slots=True)
class _Under:
    """What is under way with a phone."""

    phone: Planned
    pressed: bool = False
    sent: bool = False


@dataclass(slots=True)
class Runner:
    """One run.

    Args:
        plan: What is to be done.
        entries: Its sequences, checked.
        named: Of each sequence and kind, whether windows are named on its walk.
        hands: Reach the phones.
        site: The cluster.
        log: The evidence.
        time: Of the run.
        on_result: Told each outcome.
        read: Hashes that a person read in phones' menus, by name.
        stranger: Returns why a phone that names an authentication service gets no login; empty if it does.
        picture: Makes a picture of a phone's screen before it is erased, of the first of a kind; None: nobody does.
    """

    plan: Plan
    entries: Mapping[str, Entry]
    named: Callable[[Planned], Mapping[str, bool]]
    hands: Hands
    site: Site
    log: Log
    time: Time
    on_result: Callable[[Planned, Result], object] = lambda _phone, _result: None
    read: Mapping[str, str] = field(default_factory=dict)
    stranger: Callable[[str | None], str] = anybody
    picture: Callable[[Planned], Awaitable[Mapping[str, Any]]] | None = None
    results: dict[str, Result] = field(default_factory=dict)
    _conductor: Conductor = field(init=False)
    _served: Served = field(init=False)
    _changed: asyncio.Event = field(init=False)
    _busy: set[asyncio.Task[None]] = field(default_factory=set)
    _broken: BaseException | None = None
    _befores: dict[str, Note] = field(default_factory=dict)

    def stop(self, why: str) -> None:
        """Stop the run (the operator)."""
        self._conductor.stop(why)
        self._changed.set()

    async def run(self, histories: Mapping[str, History], about: Mapping[str, Any]) -> str:
        """Press, look and prove until nothing is left to do.

        Args:
            histories: What earlier evidence says of phones.
            about: Who runs it and why; for the evidence.

        Returns:
            Why it was stopped; empty if it was not.

        Raises:
            CheckFailedError: The servers hand out another set than in the plan; nothing was pressed.
            OSError: The evidence cannot be written; phones were sent home.
        """
        self._changed = asyncio.Event()
        self._served = await self._first_set()
        self.log.write("run", {**about, "plan": self.plan.sha256}, durable=True)
        self.log.write("set", {"served": self._served.document()})
        to_check = self._begin(histories)
        watcher = asyncio.create_task(self._watch(await self.site.registered()))
        watcher.add_done_callback(self._done)
        ticker = asyncio.create_task(self._tick())
        try:
            for phone, history in to_check:
                if phone.name in self.read:
                    # Whether its kind goes on depends on it.
                    await self._check(phone, history)
                else:
                    self._task(self._check(phone, history))
            await self._loop()
            await self._end()
        finally:
            await self._cancel({watcher, ticker})
        if self._broken is not None:
            raise self._broken
        return self._conductor.stopped

    async def _cancel(self, more: set[asyncio.Task[None]]) -> None:
        for task in self._busy | more:
            task.cancel()
        await asyncio.gather(*self._busy, *more, return_exceptions=True)

    async def _first_set(self) -> Served:
        found = await self.site.served()
        if found.document() != self.plan.served.document():
            raise CheckFailedError(
                "the servers hand out other lists than when the plan was made",
                next_step="plan again; nothing was pressed",
            )
        return found

    def _begin(self, histories: Mapping[str, History]) -> list[tuple[Planned, History]]:
        """Sort the phones by what was done to them before; return those to be checked only."""
        press, check, proved = [], [], []
        for phone in self.plan.phones:
            history = histories.get(phone.name, History())
            if history.is_done and history.result is not None:
                self.results[phone.name] = history.result
                if history.result.outcome.is_proof:
                    proved.append(phone)
            elif history.confirmed:
                check.append((phone, history))
            elif history.unlocked:
                self.results[phone.name] = Result(Outcome.STOPPED, _LEFT_OPEN)
                if history.result is None or history.result.reason != _LEFT_OPEN:
                    self._write_outcome(phone, self.results[phone.name])
            else:
                press.append(phone)
        self._conductor = Conductor(press, proved)
        for name, outcome, why in self.plan.left_out:
            self.results[name] = Result(outcome, why)
            if name not in histories:
                self.log.write("outcome", {"phone": name, **self.results[name].document()})
        return check

    async def _loop(self) -> None:
        while True:
            for phone in self._conductor.start(self.time.now()):
                self._task(self._phone(phone))
            if not self._busy and (self._conductor.stopped or not self._conductor.waits):
                return
            self._changed.clear()
            await self._changed.wait()

    async def _tick(self) -> None:
        while True:
            await self.time.sleep(_TICK)
            self._changed.set()

    def _task(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._busy.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = self._broken or error
            what = "the evidence cannot be written" if isinstance(error, OSError) else type(error).__name__
            self._conductor.stop(f"{what}: {error}")
        self._changed.set()

    async def _phone(self, phone: Planned) -> None:
        under = _Under(phone)
        entries = [self.entries[name] for name in phone.entries]
        try:
            await self._pressed(phone, entries, under)
        except Exception:
            # Whatever broke, be it that nothing can be written down any more: nobody is left inside a menu.
            if under.pressed and not under.sent:
                await self.hands.press(phone.url, entries[0].home)
            raise

    async def _pressed(self, phone: Planned, entries: list[Entry], under: _Under) -> None:
        found = await self._drive(walk(phone, entries, lambda: self._served, self.named(phone), self.stranger), under)
        if isinstance(found, Sent):
            under.sent = True
            self._conductor.sent(phone)
            self._changed.set()
            found = await self._drive(self._proof(phone, found.before).run(self.time.now()), under)
        if self._conductor.ended(phone, found, self.time.now(), pressed=under.pressed):
            self._outcome(phone, found)

    async def _check(self, phone: Planned, history: History) -> None:
        before = history.before or Note(phone.ctl, phone.itl, ())
        found = await self._drive(self._proof(phone, before).run(self.time.now(), first=0.0), _Under(phone))
        if found.outcome is Outcome.WRONG_LIST:
            self._conductor.stop(f"{phone.name} holds a list that nobody should hand out: find out who answers TFTP")
        self._conductor.checked(phone, found)
        self._outcome(phone, found)

    async def _again(self, phone: Planned, history: Note) -> None:
        proof = self._proof(phone, history, patience=AGAIN)
        found = await self._drive(proof.run(self.time.now(), first=0.0), _Under(phone))
        if found.outcome is not Outcome.LATE:
            self._outcome(phone, found)

    def _proof(self, phone: Planned, before: Note, **more: float) -> Proof:
        nodes = {node for name, url in self.plan.nodes.items() for node in (name, _host(url))}
        read = self.read.get(phone.name, "")
        return Proof(phone, before, lambda: self._served, self.plan.served, nodes, read, **more)

    async def _drive(self, steps: Walk[T], under: _Under) -> T:
        value: Any = None
        try:
            while True:
                value = await self._do(steps.send(value), under)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _do(self, action: Action, under: _Under) -> Any:
        phone = under.phone
        match action:
            case Look(path, login):
                return await self.hands.get(phone.url, path, login=login)
            case Press():
                return await self._press(action, under)
            case Pause(seconds):
                await self.time.sleep(seconds)
                return self.time.now()
            case Note():
                self._befores[phone.name] = action
                self.log.write("look", {"phone": phone.name, **_said(action)})
            case Restart():
                told = await self.site.restart(phone.name)
                self.log.write("restart", {"phone": phone.name, "told": told})
                return told
            case Fetch(name):
                return await self._fetched(name)
        return None

    async def _fetched(self, name: str) -> Served:
        try:
            if name:
                return await self.site.served_to(name)
            await self._fetch()
        except MixedModeError as error:
            self.stop(f"the servers' lists cannot be fetched: {error}")
            return Served({})
        return self._served

    async def _press(self, key: Press, under: _Under) -> Taken | None:
        if self._conductor.stopped and not key.leaves:
            return None
        if key.confirm and self.picture is not None and self._conductor.is_first(under.phone):
            self.log.write("picture", {"phone": under.phone.name, **(await self.picture(under.phone))})
            if self._conductor.stopped:
                return None
        said = {"phone": under.phone.name, "key": key.uri, "entry": key.entry}
        marks = {name: True for name in ("confirm", "unlock", "leaves") if getattr(key, name)}
        self.log.write("key", {**said, **marks}, durable=key.confirm or key.unlock)
        under.pressed = True
        answer = await self.hands.press(under.phone.url, key.uri)
        found = taken(answer)
        self.log.write("answer", {**said, "status": answer.status, "taken": found.ok, "why": found.why})
        return found

    def _outcome(self, phone: Planned, result: Result) -> None:
        self.results[phone.name] = result
        self._write_outcome(phone, result)
        self.on_result(phone, result)

    def _write_outcome(self, phone: Planned, result: Result) -> None:
        said = {"phone": phone.name, "model": phone.model, "load": phone.load, "url": phone.url}
        before = {"ctl_before": phone.ctl, "itl_before": phone.itl, "source": phone.source, "seen": phone.time}
        self.log.write("outcome", {**said, **before, **result.document()}, durable=True)

    async def _watch(self, registered: int | None) -> None:
        while True:
            await self.time.sleep(WATCH)
            try:
                await self._fetch()
                now = await self.site.registered() if registered is not None else None
            except MixedModeError as error:
                self.stop(f"the servers' lists cannot be fetched: {error}")
                return
            if now is not None and registered is not None and now + len(self._busy) < registered * _KEPT:
                self.stop(f"{now} phones are registered, {registered} were")

    async def _fetch(self) -> None:
        found = await self.site.served()
        if found.document() != self._served.document():
            self._served = found
            self.log.write("set", {"served": found.document()}, durable=True)
            self.stop("the servers hand out other lists than before")

    async def _end(self) -> None:
        """Look once more at who was late, name who was not begun, and fetch the lists a last time."""
        if self._broken is None:
            late = [each for each in self.plan.phones if self._is_late(each)]
            for phone in late:
                self._task(self._again(phone, self._befores.get(phone.name) or Note(phone.ctl, phone.itl, ())))
            while self._busy:
                self._changed.clear()
                await self._changed.wait()
        for phone in self._conductor.left():
            was_busy = self._conductor.in_use(phone)
            outcome = Outcome.IN_USE if was_busy else Outcome.STOPPED
            self._outcome(phone, Result(outcome, "somebody spoke" if was_busy else self._conductor.stopped))
        try:
            await self._fetch()
        except MixedModeError as error:
            self._conductor.stop(f"the servers' lists cannot be fetched: {error}")
        counts = Counter(result.outcome.value for result in self.results.values())
        self.log.write("end", {"stopped": self._conductor.stopped, "outcomes": dict(counts)}, durable=True)

    def _is_late(self, phone: Planned) -> bool:
        found = self.results.get(phone.name)
        return found is not None and found.outcome is Outcome.LATE


def _said(note: Note) -> dict[str, Any]:
    return {"ctl": note.ctl, "itl": note.itl, "messages": list(note.messages), "alarm": note.alarm}


def _host(url: str) -> str:
    from urllib.parse import urlsplit

    return urlsplit(url).hostname or ""
