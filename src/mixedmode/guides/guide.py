"""Goes through a run with whoever asks: plans it, begins it, has its steps done, stops it, takes steps back.

Rules:

1. A run is in the cluster's database and nowhere else: whoever reads it there goes on with it, in a browser or a
   terminal, on any node.
2. Everything that acts passes the door in the name of the person who asks, and is audited: operations by the engine,
   what is decided about a run as ``guide``.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.guide_runs import KeptRun
from mixedmode.control.acts import GUIDE
from mixedmode.control.door import Control
from mixedmode.control.services import ServiceControl
from mixedmode.errors import CheckFailedError, MixedModeError
from mixedmode.guides.carrying import Carrier, Ticket
from mixedmode.guides.foresight import foresee
from mixedmode.guides.hands import Inserted
from mixedmode.guides.kept import Opened, RunKeeper, guided
from mixedmode.guides.lists import choices_of
from mixedmode.guides.looking import before_it
from mixedmode.guides.outlooks import operation_of
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.facts import Token
from mixedmode.procedures.guided.document import document_of
from mixedmode.procedures.guided.events import Begin, Chosen, Foreseen, LeaveOut, Start, Stop, TakeBack
from mixedmode.procedures.guided.machine import planned
from mixedmode.procedures.guided.run import Person, StepState
from mixedmode.procedures.steps import ResetPhones

_WATCHED: Final = timedelta(hours=1)


class Guide:
    """The guided runs of a cluster.

    Args:
        cluster: The cluster, as administrators change it.
        services: The hands on services; by default orders in the database.
        patience: Seconds that nodes may take to follow.
    """

    def __init__(self, cluster: Cluster, services: ServiceControl | None = None, *, patience: float = 30.0) -> None:
        self.cluster = cluster
        self.control = Control(cluster)
        self._keeper = RunKeeper(cluster)
        self._carrier = Carrier(cluster, self._keeper, services, patience=patience)
        self.runs = self._keeper.runs

    def plan(self, principal: Principal, name: str, tokens: Mapping[Token, Certificate] | None = None) -> Opened:
        """Plan a run: look at what must be so before, but not yet at the phones (:meth:`foresee` does).

        Raises:
            NotFoundError: There is no such procedure.
            PrivilegeError: The person may not.
        """
        procedure = guided(name)
        self.control.allow(principal, GUIDE, procedure=name, what="plan")
        choices = choices_of(tokens or {})
        before, judged, known = before_it(self.cluster, procedure, choices, self._refusal(principal, procedure))
        now = self.cluster.now()
        run = planned(procedure, _person(principal), now, before, judged, {**known, **choices})
        number = self.runs.add(name, run.state.value, document_of(run), now)
        self.control.note(principal, GUIDE, "done", procedure=name, what="plan", run=number)
        return self.open(number)

    def _refusal(self, principal: Principal, procedure: Procedure) -> Finding | None:
        """Return whether the cluster would take the first operation now, None if that cannot be told before."""
        publisher = self.cluster.publisher.name
        operations = (operation_of(step.act, publisher) for step in procedure.own_steps())
        first = next((each for each in operations if each is not None), None)
        if first is None:
            return None
        refusal = self.control.plan(principal, first).refusal
        why = "" if refusal is None else " ".join(filter(None, (refusal.what, refusal.why, refusal.next_step)))
        return Finding(f"the cluster takes {first.title!r} now", refusal is None, why)

    def foresee(self, number: int) -> Opened:
        """Work out what every phone would do by the end of a run; takes its time with many phones."""
        opened = self.open(number)
        at = opened.run.current
        left = opened.steps if at is None else opened.steps[at:]
        try:
            forecast = foresee(self.cluster, left, opened.run.choices)
        except MixedModeError as error:
            forecast = {"made": self.cluster.now().isoformat(), "problem": str(error), "lost": 0}
        return self._keeper.happen(number, Foreseen(forecast))[0]

    def begin(self, principal: Principal, number: int, lost: int) -> Opened:
        """Begin a run that was planned.

        Args:
            principal: Who asks.
            number: Of the run.
            lost: How many phones would be lost, as he was told.

        Raises:
            CheckFailedError: A precondition does not hold, more phones would be lost, or another run is open.
            PrivilegeError: He may not.
        """
        opened = self.open(number)
        broken = [each for each in opened.run.judged if each.held is False]
        if broken:
            raise CheckFailedError(
                f"it cannot begin: not so: {broken[0].what}",
                why=broken[0].detail or None,
                next_step="put that right, and plan it anew",
            )
        if not opened.run.forecast:
            raise CheckFailedError("what every phone would do is not worked out yet", next_step="wait for it")
        now_lost = int(opened.run.forecast.get("lost", 0))
        if now_lost > lost:
            raise CheckFailedError(f"{now_lost} phones would be lost, not {lost}", next_step="look at them")
        self.control.allow(principal, GUIDE, run=number, what="begin")
        opened, _ = self._keeper.happen(number, Begin(self.cluster.now(), lost))
        self.control.note(
            principal, GUIDE, "started", procedure=opened.procedure.name, what="begin", run=number, lost=lost
        )
        return opened

    def start(
        self, principal: Principal, number: int, step: int, *, done_already: bool = False,
        inserted: Inserted | None = None, tokens: Mapping[Token, Certificate] | None = None,
        canary: float | None = None,
    ) -> Ticket:  # fmt: skip
        """Begin a step; :meth:`carry` brings it to its end.

        Args:
            principal: Who asks.
            number: Of the run.
            step: From 0.
            done_already: It was done elsewhere: only look.
            inserted: Tokens of this host.
            tokens: Certificates of tokens that are known from now on.
            canary: Reset one phone of each kind first, and go on if each shows the new list in so many seconds.

        Raises:
            StaleError: The run is elsewhere.
            PrivilegeError: He may not.
        """
        self.control.allow(principal, GUIDE, run=number, what="step", step=step + 1)
        if tokens:
            self.choose(number, tokens)
        attempt = secrets.token_hex(8)
        event = Start(step, _person(principal), self.cluster.now(), attempt, done_already)
        return self._carrier.ticket(principal, number, event, attempt, inserted, canary)

    def take_back(self, principal: Principal, number: int, step: int) -> Ticket:
        """Begin to take a step back; :meth:`carry` brings it to its end.

        Raises:
            UsageError: That step cannot be taken back.
            PrivilegeError: He may not.
        """
        self.control.allow(principal, GUIDE, run=number, what="take back", step=step + 1)
        attempt = secrets.token_hex(8)
        return self._carrier.ticket(
            principal, number, TakeBack(step, _person(principal), self.cluster.now(), attempt), attempt
        )

    def choose(self, number: int, tokens: Mapping[Token, Certificate]) -> None:
        """Keep the certificates of tokens."""
        self._keeper.happen(number, Chosen(choices_of(tokens)))

    async def carry(self, ticket: Ticket) -> Opened:
        """Carry a step to its end, whatever that is; who is cancelled leaves it to :meth:`look`.

        Raises:
            DatabaseError: How it ended cannot be written; :meth:`look` finds out later.
        """
        return await self._carrier.carry(ticket)

    async def look(self, number: int) -> Opened:
        """Return a run, after what became of it without anybody's doing here."""
        return await self._carrier.look(number)

    def open(self, number: int) -> Opened:
        """Return a run.

        Raises:
            NotFoundError: There is none of this number.
            MalformedError: It cannot be read.
        """
        return self._keeper.open(number)

    def open_one(self) -> Opened | None:
        """Return the run that is open, None if none is."""
        return self._keeper.open_one()

    def note_phones(self, opened: Opened, sha1: str) -> None:
        """Note how many phones are in step, from the first reset of a run on until an hour after its end.

        Args:
            opened: The run.
            sha1: Of the published CTL.
        """
        now, ended = self.cluster.now(), opened.run.ended
        resets = (
            record.state is not StepState.OPEN
            for step, record in zip(opened.steps, opened.run.steps, strict=True)
            if isinstance(step.act, ResetPhones)
        )
        if sha1 and any(resets) and (ended is None or now - ended < _WATCHED):
            self.runs.sample(opened.number, now, sha1)

    def latest(self, number: int = 25) -> list[KeptRun]:
        """Return so many runs, the newest first."""
        return self.runs.latest(number)

    def leave_out(self, principal: Principal, number: int, step: int, why: str = "") -> Opened:
        """Leave a step out, or go on although what must hold after it does not.

        Raises:
            StaleError: The run is elsewhere.
            PrivilegeError: He may not.
        """
        self.control.allow(principal, GUIDE, run=number, what="leave out", step=step + 1)
        opened, _ = self._keeper.happen(number, LeaveOut(step, _person(principal), self.cluster.now(), why))
        self.control.note(principal, GUIDE, "done", run=number, what="leave out", step=step + 1, why=why)
        return opened

    def stop(self, principal: Principal, number: int) -> Opened:
        """Stop a run where it is, or drop one that was planned.

        Raises:
            StaleError: A step is being done, or it is over.
            PrivilegeError: He may not.
        """
        self.control.allow(principal, GUIDE, run=number, what="stop")
        opened, _ = self._keeper.happen(number, Stop(self.cluster.now()))
        self.control.note(principal, GUIDE, "done", run=number, what="stop")
        return opened


def _person(principal: Principal) -> Person:
    return Person(principal.user, principal.source)
