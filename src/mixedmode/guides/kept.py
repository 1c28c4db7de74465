"""Guided runs as the database keeps them, read and written through the machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import ClusterBusyError, NotFoundError
from mixedmode.cluster.store.guide_runs import GuideRuns, KeptRun
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.definition import Procedure
from mixedmode.procedures.guided.document import document_of, run_of
from mixedmode.procedures.guided.events import Event, Order
from mixedmode.procedures.guided.machine import advance
from mixedmode.procedures.guided.run import OVER, Run, RunState
from mixedmode.procedures.names import GUIDED
from mixedmode.procedures.steps import Step

_TRIES: Final = 8


def guided(name: str) -> Procedure:
    """Return a procedure that people are guided through.

    Raises:
        NotFoundError: There is none of this name.
    """
    if name not in GUIDED:
        raise NotFoundError(f"there is no guided procedure {name!r}", next_step=f"one of: {', '.join(GUIDED)}")
    return PROCEDURES[name]


@dataclass(frozen=True, slots=True)
class Opened:
    """A run, read.

    Attributes:
        kept: As the database has it.
        run: How far it is.
        procedure: Its definition.
    """

    kept: KeptRun
    run: Run
    procedure: Procedure

    @property
    def number(self) -> int:
        """Its number."""
        return self.kept.number

    @property
    def steps(self) -> tuple[Step, ...]:
        """The procedure's own steps."""
        return self.procedure.own_steps()

    @property
    def since(self) -> datetime:
        """Since when it is the current step's turn."""
        ends = [each.ended for each in self.run.steps if each.state in OVER and each.ended]
        return max([*ends, self.run.began or self.run.planned])


class RunKeeper:
    """The runs of a cluster.

    Args:
        cluster: The cluster, as administrators change it.

    Attributes:
        runs: As the database has them.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.runs = GuideRuns(cluster.database)

    def open(self, number: int) -> Opened:
        """Return a run.

        Raises:
            NotFoundError: There is none of this number.
            MalformedError: It cannot be read.
        """
        return self.read(self.runs.find(number))

    def open_one(self) -> Opened | None:
        """Return the run that is open, None if none is."""
        kept = self.runs.open_one()
        return None if kept is None else self.read(kept)

    def read(self, kept: KeptRun) -> Opened:
        """Return a run.

        Raises:
            MalformedError: It cannot be read.
        """
        return Opened(kept, run_of(kept.document), guided(kept.procedure))

    def happen(self, number: int, event: Event, doer: str = "") -> tuple[Opened, Order | None]:
        """Let something happen to a run, however often somebody else writes meanwhile.

        Args:
            number: Of the run.
            event: What happens.
            doer: The process that does a step from now on.

        Returns:
            The run, and what is to be done.

        Raises:
            StaleError: It does not fit the run as it is.
            ClusterBusyError: Another run is open.
        """
        for _ in range(_TRIES):
            opened = self.open(number)
            run, order = advance(opened.procedure, opened.run, event)
            doing = run.doing is not None
            written = self.runs.write(
                opened.kept,
                run.state.value,
                document_of(run),
                is_open=run.state is RunState.RUNNING,
                beat=self._cluster.now() if doing else None,
                doer=(doer or opened.kept.doer) if doing else "",
            )
            if written:
                return self.open(number), order
        raise ClusterBusyError("others go on with this run at the same time", next_step="try again")
