"""Carries a step to its end, and finds out what became of those that nobody carries any more.

Rules:

1. While a step is done its doer says so every few seconds. One that falls silent was cut off; what it left is judged
   by the journal of operations and by the step's own statements (:func:`.machine.advance`).
2. A step that somebody did elsewhere since it was its turn, at a prompt or with a CTL Client, is found in the journal
   and counts as his.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mixedmode.canary.trial import WITHIN
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import DONE, RUNNING, UNDOING, Entry
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import ClusterBusyError
from mixedmode.cluster.store.guide_runs import BEAT_SECONDS, SILENT
from mixedmode.control.acts import GUIDE
from mixedmode.control.door import Control
from mixedmode.control.services import ServiceControl
from mixedmode.errors import MixedModeError
from mixedmode.guides.canary import CanaryRefusedError, OwnCanary, shown_while
from mixedmode.guides.hands import Hands, Inserted
from mixedmode.guides.kept import Opened, RunKeeper
from mixedmode.guides.looking import after_step
from mixedmode.guides.outlooks import operation_of, title_of
from mixedmode.guides.restarts import NotDoneError
from mixedmode.procedures.guided.events import CutOff, Do, Event, Finish, Order, Start, Stop, Told, Undoing
from mixedmode.procedures.guided.machine import StaleError
from mixedmode.procedures.guided.run import Person, RunState, StepState
from mixedmode.procedures.steps import Act, ImportToken, ResetPhones

_ME: Final = secrets.token_hex(8)
"""This process, as runs name who does a step."""
_mine: set[str] = set()
"""The attempts that this process is at."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A step that has been begun and is to be carried to its end.

    Attributes:
        number: Of the run.
        order: What is to be done.
        principal: In whose name.
        inserted: Tokens of this host.
        canary: Seconds that one phone of each kind has to show the new list before others are reset; None tries none.
    """

    number: int
    order: Order
    principal: Principal
    inserted: Inserted | None = None
    canary: float | None = None


class Carrier:
    """Carries steps.

    Args:
        cluster: The cluster, as administrators change it.
        keeper: Of its runs.
        services: The hands on services.
        patience: Seconds that nodes may take to follow.
    """

    def __init__(
        self, cluster: Cluster, keeper: RunKeeper, services: ServiceControl | None, *, patience: float
    ) -> None:
        self._cluster, self._keeper = cluster, keeper
        self._control = Control(cluster)
        self._services = services
        self._patience = patience

    def ticket(
        self, principal: Principal, number: int, event: Event, attempt: str,
        inserted: Inserted | None = None, canary: float | None = None,
    ) -> Ticket:  # fmt: skip
        """Begin what an event asks for.

        Raises:
            StaleError: The run is elsewhere.
        """
        _mine.add(attempt)
        try:
            _, order = self._keeper.happen(number, event, doer=_ME)
        except BaseException:
            _mine.discard(attempt)
            raise
        if order is None:
            raise StaleError("there is nothing to do", next_step="look at the run")
        return Ticket(number, order, principal, inserted, canary)

    async def carry(self, ticket: Ticket) -> Opened:
        """Carry a step to its end, whatever that is; who is cancelled leaves it to :meth:`look`.

        Raises:
            DatabaseError: How it ended cannot be written; :meth:`look` finds out later.
        """
        order, number = ticket.order, ticket.number
        beating = asyncio.create_task(self._beat(number))
        try:
            opened = await asyncio.to_thread(self._keeper.open, number)
            finish, stops = await self._done(opened, ticket)
            opened, _ = await asyncio.to_thread(self._keeper.happen, number, finish)
            if stops:
                opened, _ = await asyncio.to_thread(self._keeper.happen, number, Stop(self._cluster.now()))
        finally:
            beating.cancel()
            _mine.discard(order.attempt)
        record = opened.run.steps[order.step]
        outcome = "failed" if record.state is StepState.FAILED else "done"
        what = "take back" if isinstance(order, Undoing) else "step"
        with contextlib.suppress(MixedModeError):  # the run has it, and it is ended
            await asyncio.to_thread(
                lambda: self._control.note(
                    ticket.principal, GUIDE, outcome, run=number, what=what, step=order.step + 1, problem=record.problem
                )
            )
        return opened

    async def _done(self, opened: Opened, ticket: Ticket) -> tuple[Finish, bool]:
        """Return how a step ended, and whether the run ends with it."""
        order, step = ticket.order, opened.steps[ticket.order.step]
        hands = Hands(self._cluster, ticket.principal, self._services, patience=self._patience)
        said: tuple[str, ...] = ()
        problem, stops = "", False
        try:
            if isinstance(order, Undoing):
                if step.undo.act is not None:
                    said = await hands.do(step.undo.act, opened.run.choices)
                return Finish(order.attempt, self._cluster.now(), said), False
            if isinstance(step.act, ResetPhones) and ticket.canary is not None:
                said = await self._tried(opened, ticket, hands)
            if isinstance(order, Do) or ticket.inserted is not None:
                said = (*said, *await hands.do(step.act, opened.run.choices, ticket.inserted))
        except CanaryRefusedError as error:
            said, problem, stops = error.said, error.diagnostics(), error.stops
        except NotDoneError as error:
            said, problem = error.said, error.what
        except (MixedModeError, OSError, TimeoutError) as error:
            problem = error.diagnostics() if isinstance(error, MixedModeError) else str(error) or type(error).__name__
        if problem:
            return Finish(order.attempt, self._cluster.now(), said, (), problem), stops
        findings = await after_step(self._cluster, opened.run, step, said or None)
        return Finish(order.attempt, self._cluster.now(), said, findings), False

    async def _tried(self, opened: Opened, ticket: Ticket, hands: Hands) -> tuple[str, ...]:
        """Reset one phone of each kind, and wait until each shows the new list; return what was said of it.

        Raises:
            CanaryRefusedError: One does not.
        """

        async def show(said: tuple[str, ...]) -> None:
            with contextlib.suppress(MixedModeError):  # what it says now is said again soon
                await asyncio.to_thread(self._keeper.happen, ticket.number, Told(ticket.order.attempt, said))

        canary = OwnCanary(self._cluster, ticket.principal, hands, within=ticket.canary or WITHIN)
        return await shown_while(canary, opened.run.before.ctl, show)

    async def _beat(self, number: int) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with contextlib.suppress(MixedModeError):
                await asyncio.to_thread(self._keeper.runs.beat, number, _ME, self._cluster.now())

    async def look(self, number: int) -> Opened:
        """Return a run, after what became of it without anybody's doing (rules 3 and 4)."""
        opened = await asyncio.to_thread(self._keeper.open, number)
        if opened.run.state is not RunState.RUNNING:
            return opened
        with contextlib.suppress(StaleError, ClusterBusyError):
            if opened.run.doing is not None:
                return await self._settle(opened)
            return await self._found(opened)
        return await asyncio.to_thread(self._keeper.open, number)

    async def _settle(self, opened: Opened) -> Opened:
        at, record = next((at, each) for at, each in enumerate(opened.run.steps) if each.state is StepState.DOING)
        kept, now = opened.kept, self._cluster.now()
        ours = kept.doer == _ME
        alive = record.attempt in _mine if ours else kept.beat is not None and now - kept.beat < SILENT
        if alive:
            return opened
        step = opened.steps[at]
        act = step.undo.act if record.taking_back and step.undo.act is not None else step.act
        entry = await asyncio.to_thread(self._journal, act, record.began or now)
        if entry is not None and entry.state in {RUNNING, UNDOING}:
            return opened  # whoever comes next finishes it or takes it back, and then it is known
        known = title_of(act, self._cluster.publisher.name) != ""
        carried = (entry is not None and entry.state == DONE) if known else None
        findings = await after_step(self._cluster, opened.run, step, None)
        return (
            await asyncio.to_thread(self._keeper.happen, kept.number, CutOff(record.attempt, now, carried, findings))
        )[0]

    async def _found(self, opened: Opened) -> Opened:
        at = opened.run.current
        if at is None:
            return opened
        entry = await asyncio.to_thread(self._journal, opened.steps[at].act, opened.since)
        if entry is None or entry.state != DONE:
            return opened
        attempt, who = secrets.token_hex(8), entry.principal
        start = Start(at, Person(who.user, who.source), entry.started, attempt, done_already=True)
        _mine.add(attempt)
        try:
            opened, _ = await asyncio.to_thread(lambda: self._keeper.happen(opened.number, start, doer=_ME))
            findings = await after_step(self._cluster, opened.run, opened.steps[at], None)
            ended = Finish(attempt, entry.ended or self._cluster.now(), tuple(entry.memory.changes), findings)
            return (await asyncio.to_thread(self._keeper.happen, opened.number, ended))[0]
        finally:
            _mine.discard(attempt)

    def _journal(self, act: Act, since: datetime) -> Entry | None:
        """Return the newest operation since a moment that an act is, None if there is none."""
        publisher = self._cluster.publisher.name
        title = title_of(act, publisher)
        if not title:
            return None
        operation = operation_of(act, publisher)
        wanted: dict[str, object] = {"unit": "Phone-SAST-trust"} if isinstance(act, ImportToken) else {}
        if operation is not None:
            wanted = {
                name: value for name in ("unit", "name") if isinstance(value := getattr(operation, name, None), str)
            }
        for entry in reversed(self._control.history()):
            fits = all(entry.arguments.get(name) == value for name, value in wanted.items())
            if entry.name == title and entry.started >= since and fits:
                return entry
        return None
