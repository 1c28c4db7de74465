"""The vocabulary of operations: actors, steps, plans, results, and what a step may use.

Rules that every step keeps:

1. Running it again after it was cut off at any point ends in the same state.
2. It changes the database only through :meth:`StepContext.transaction`, which fails once the lock is lost.
3. What a later step, an undo or a resume needs, it puts into the journal (``memory``, :meth:`StepContext.keep`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import update
from sqlalchemy.orm import Session

from mixedmode.cluster.engine import lock
from mixedmode.cluster.engine.memory import Memory
from mixedmode.cluster.store.schema import OperationFileRow, OperationRow, OperationStepRow
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import MixedModeError


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, what he may, and from where.

    Attributes:
        user: Account name.
        source: Address, or ``console``.
        level: Of privilege: 0 may look, 1 may change, 4 may also reset, and export keys.
        node: The node where he asks; empty where there is none in particular.
    """

    user: str
    source: str = "console"
    level: int = 4
    node: str = ""


RUNNING = "running"
UNDOING = "undoing"
DONE = "done"
UNDONE = "undone"
"""States of operations and of steps, as the journal writes them."""

SYSTEM = Actor("system", "local", level=4)
"""The program itself, as when it resumes an operation at its start."""


class StepContext:
    """What a step works with.

    Attributes:
        state: The cluster.
        memory: What steps found out; saved after each step.
        committing: Position of the committing step while it runs: its transaction also marks it as done.
    """

    def __init__(
        self,
        state: ClusterState,
        operation: int,
        memory: Memory,
        holding: lock.Holding,
    ) -> None:
        self.state = state
        self.operation = operation
        self.memory = memory
        self._holding = holding
        self.committing: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Give a transaction that fails if the cluster's lock is no longer ours."""
        with self.state.database.write() as session:
            lock.hold(session, self._holding, self.state.now())
            yield session
            if self.committing is not None:
                session.execute(
                    update(OperationStepRow)
                    .where(
                        OperationStepRow.fkoperation == self.operation,
                        OperationStepRow.position == self.committing,
                    )
                    .values(state=DONE, ended=self.state.now())
                )
                session.execute(
                    update(OperationRow).where(OperationRow.id == self.operation).values(memory=self.memory.document())
                )

    def keep(self, files: Mapping[str, bytes | None]) -> None:
        """Put files into the journal."""
        with self.transaction() as session:
            for name, data in files.items():
                session.merge(OperationFileRow(fkoperation=self.operation, name=name, data=data))

    def kept(self, name: str) -> bytes | None:
        """Return a file of the journal; None if the file was absent, or is not in the journal."""
        with self.state.database.read() as session:
            row = session.get(OperationFileRow, (self.operation, name))
            return None if row is None else row.data

    def changed(self, what: str) -> None:
        """Note a change for the audit record, once."""
        if what not in self.memory.changes:
            self.memory.changes.append(what)

    def note_file(self, when: Literal["before", "after"], place: str, data: bytes | None) -> None:
        """Note a file's hash for the audit record.

        Args:
            when: What the operation replaces, or by what.
            place: Node and file name, such as ``pub/CTLFile.tlv``.
            data: Its content, None if there is none.
        """
        digest = None if data is None else hashlib.sha256(data).hexdigest()
        hashes = self.memory.sha256_before if when == "before" else self.memory.sha256_after
        hashes[place] = digest


StepAction = Callable[[StepContext], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of an operation.

    Attributes:
        name: One line for people.
        run: Does it.
        undo: Takes it back, also when it ran only in part.
        commits: Once this step is done the operation is carried to its end, whatever happens. It has exactly one
            transaction, and notes everything within.
        formerly: Its name in the journals of earlier releases, if it had another.
    """

    name: str
    run: StepAction
    undo: StepAction | None = None
    commits: bool = False
    formerly: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation would do.

    Attributes:
        name: Of the operation.
        steps: One line each.
        warnings: What the administrator should know first.
        refusal: Why it would be refused now, None if it would not.
    """

    name: str
    steps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    refusal: MixedModeError | None = None


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What an operation did.

    Attributes:
        operation: Its number in the journal.
        outcome: ``done`` or ``undone`` (a resumed one that had to be taken back).
        changes: One line each.
        restart: (node, service) that must be restarted for the change to be served.
        reload: Nodes whose TFTP service must serve its new ITL at once (after ``utils itl reset``).
        undelivered: By node, why it has not got its file yet; it gets it when it returns.
        warnings: What was warned of.
    """

    operation: int
    name: str
    outcome: str
    changes: tuple[str, ...] = ()
    restart: tuple[tuple[str, str], ...] = ()
    reload: tuple[str, ...] = ()
    undelivered: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @classmethod
    def of_memory(cls, operation: int, name: str, outcome: str, memory: Memory) -> OperationResult:
        """Return the result that the journal tells."""
        done = outcome == "done"
        return cls(
            operation,
            name,
            outcome,
            tuple(memory.changes) if done else (),
            tuple((node, service) for node, service in memory.restart) if done else (),
            tuple(memory.reload) if done else (),
            dict(memory.undelivered),
            tuple(memory.warnings),
        )
