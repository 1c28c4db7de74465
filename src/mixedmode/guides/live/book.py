"""A run on a cluster from outside: its file, moved on by the machine of :mod:`mixedmode.procedures.guided`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from mixedmode.errors import UsageError
from mixedmode.guides.live.kept import Kept, RunFile
from mixedmode.guides.live.seeing.situation import Marks, Situation
from mixedmode.procedures.checks import Finding
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.guided.events import (
    Begin,
    Chosen,
    CutOff,
    Event,
    Finish,
    Foreseen,
    LeaveOut,
    Start,
    Stop,
    TakeBack,
)
from mixedmode.procedures.guided.machine import advance, planned
from mixedmode.procedures.guided.run import Person, Run, RunState, StepRecord, StepState
from mixedmode.procedures.steps import Step

OPEN = frozenset({RunState.PLANNED, RunState.RUNNING})


class Book:
    """The run of one file.

    Args:
        file: The file.
        procedure: What is run.
        nodes: Names of the cluster's nodes, the publisher first.
        who: Who goes on with it.
        now: The time, UTC.
    """

    def __init__(
        self, file: RunFile, procedure: Procedure, nodes: Sequence[str], who: Person, now: Callable[[], datetime]
    ) -> None:
        self.file, self.procedure, self.nodes = file, procedure, tuple(nodes)
        self.who, self.now = who, now
        self._kept: Kept | None = None

    @property
    def kept(self) -> Kept:
        """The run.

        Raises:
            UsageError: There is none.
        """
        if self._kept is None:
            self._kept = self.file.read()
        if self._kept is None:
            raise UsageError("there is no run", where=str(self.file.path), next_step="begin one")
        return self._kept

    @property
    def run(self) -> Run:
        """How far it is."""
        return self.kept.run

    @property
    def steps(self) -> tuple[Step, ...]:
        """What is done."""
        return self.procedure.own_steps()

    def record(self, at: int) -> StepRecord:
        """Return what has become of a step."""
        return self.run.steps[at]

    def again(self) -> Kept:
        """Read it anew: a command that goes out is written down by who types it."""
        self._kept = None
        return self.kept

    def keep(self, kept: Kept) -> Kept:
        """Write it."""
        self._kept = self.file.write(kept)
        return kept

    def plan(
        self, seen: Situation, facts: Any, judged: tuple[Finding, ...], choices: Mapping[str, str], forecast: Any
    ) -> Kept:
        """Begin a book; nothing is begun on the cluster."""
        run = planned(self.procedure, self.who, self.now(), facts, judged, choices)
        run, _ = advance(self.procedure, run, Foreseen(forecast))
        serving = tuple(each.name for each in seen.nodes if not each.no_files)
        return self.keep(Kept(self.nodes, run, seen.marks, serving=serving))

    def happen(self, event: Event, **changes: Any) -> Kept:
        """Let something happen to the run.

        Raises:
            StaleError: It does not fit the run as it is.
        """
        run, _ = advance(self.procedure, self.run, event)
        return self.keep(replace(self.kept, run=run, **changes))

    def begin(self, lost: int) -> Kept:
        """Begin the run."""
        return self.happen(Begin(self.now(), lost))

    def start(self, at: int, marks: Marks | None = None, *, by_hand: bool = False) -> str:
        """Begin a step, of which nothing is typed yet; return the attempt."""
        attempt = secrets.token_hex(8)
        event = Start(at, self.who, self.now(), attempt, done_already=by_hand)
        self.happen(event, typed="", **({} if marks is None else {"marks": marks}))
        return attempt

    def take_back(self, at: int, marks: Marks) -> str:
        """Begin to take a step back."""
        attempt = secrets.token_hex(8)
        self.happen(TakeBack(at, self.who, self.now(), attempt), typed="", marks=marks)
        return attempt

    def finish(
        self, attempt: str, said: Sequence[str], findings: Sequence[Finding], problem: str, marks: Marks | None = None
    ) -> Kept:
        """End a step."""
        event = Finish(attempt, self.now(), tuple(said), tuple(findings), problem)
        return self.happen(event, typed="", **({} if marks is None else {"marks": marks}))

    def settle(self, at: int, *, done: bool, findings: Sequence[Finding] = (), marks: Marks | None = None) -> Kept:
        """End a step whose end nobody saw, as it was found out, or decided."""
        record = self.record(at)
        self.happen(
            CutOff(record.attempt, self.now(), done, tuple(findings)),
            typed="",
            **({} if marks is None else {"marks": marks}),
        )
        after = self.record(at)
        what = "taken back" if record.taking_back else "done"
        problem = f"its end was not seen; it was {what} all the same" if done else f"it was not {what}"
        steps = list(self.run.steps)
        steps[at] = replace(after, problem=problem)
        return self.keep(replace(self.kept, run=replace(self.run, steps=tuple(steps))))

    def leave_out(self, at: int, why: str = "") -> Kept:
        """Leave a step out."""
        return self.happen(LeaveOut(at, self.who, self.now(), why))

    def choose(self, choices: Mapping[str, str]) -> Kept:
        """Keep what was chosen."""
        return self.happen(Chosen(choices))

    def stop(self, *, alone: bool = False) -> Kept:
        """Stop the run where it is.

        Args:
            alone: Whether no other process goes on with it: a step that is being done was left by one that has ended.

        Raises:
            StaleError: A step is being done.
        """
        doing = [at for at, each in enumerate(self.run.steps) if each.state is StepState.DOING]
        for at in doing if alone else ():
            self.happen(CutOff(self.record(at).attempt, self.now(), False), typed="")
            steps = list(self.run.steps)
            steps[at] = replace(self.record(at), problem="its end was not seen, and the run was stopped")
            self.keep(replace(self.kept, run=replace(self.run, steps=tuple(steps))))
        return self.happen(Stop(self.now()))
