"""Steps of operations, and what a step may use.

Rules that every step keeps:

1. Running it again after it was cut off at any point ends in the same state.
2. It changes the database only through :meth:`StepContext.transaction`, which fails once the lock is lost.
3. What a later step, an undo or a resume needs, it puts into the journal (``memory``, :meth:`StepContext.keep`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import update
from sqlalchemy.orm import Session

from mixedmode.cluster.engine import lock
from mixedmode.cluster.engine.memory import Memory
from mixedmode.cluster.engine.results import DONE
from mixedmode.cluster.store.schema import OperationFileRow, OperationRow, OperationStepRow
from mixedmode.cluster.store.state import ClusterState


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
