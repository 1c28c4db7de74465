"""Runs operations: check, plan, lock, journal each step, finish or take back; and resumes after a crash.

Rules:

1. Before its committing step an operation that fails or was killed is undone, step by step from the last; after
   it, it is carried to its end. The committing step's changes and its mark in the journal are one transaction,
   so there is nothing in between. Either way the cluster is in a state that an administrator knows.
2. A refusal changes nothing and is audited; who has not the level that an operation needs is refused before all else.
3. Whoever starts an operation first finishes what a dead process left behind.
4. A database that goes away ends the operation, and this process knows that it did: whatever comes first when the
   database is back, the node's own look (:meth:`Operations.settle`) or the next operation, finishes or undoes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from mixedmode.cluster.engine import lock
from mixedmode.cluster.engine.documents import Kinds, document_of, operation_of
from mixedmode.cluster.engine.heartbeat import Heartbeat
from mixedmode.cluster.engine.journal import Journal
from mixedmode.cluster.engine.lock import Holding
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import SYSTEM, Principal
from mixedmode.cluster.engine.results import DONE, RUNNING, UNDOING, UNDONE, Entry, OperationResult, Plan
from mixedmode.cluster.engine.steps import Step, StepContext
from mixedmode.cluster.model.errors import (
    ClusterBusyError,
    DatabaseError,
    LockLostError,
    NotFoundError,
    OperationFailedError,
    PrivilegeError,
    PublisherOnlyError,
)
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.cluster.publishing.preview import Preview, preview
from mixedmode.cluster.store.state import ClusterState
from mixedmode.errors import MixedModeError


class Operations:
    """The operations of a cluster.

    Args:
        state: The cluster.
        kinds: Of operation, that journals may hold.
    """

    def __init__(self, state: ClusterState, kinds: Kinds) -> None:
        self._state = state
        self.kinds = kinds
        self.journal = Journal(state)

    def kind(self, title: str) -> type[Operation]:
        """Return a kind of operation.

        Raises:
            NotFoundError: There is none of that title.
        """
        found = self.kinds.get(title)
        if found is None:
            known = "; ".join(self.kinds)
            raise NotFoundError(f"there is no operation {title!r}", next_step=f"one of: {known}")
        return found

    def authorize(
        self, principal: Principal, action: str, level: int, details: Mapping[str, object] | None = None
    ) -> None:
        """Refuse who has not the level that something needs, and write it down (rule 2).

        Args:
            principal: Who asks.
            action: What for, as the audit log names it.
            level: That it needs.
            details: For the audit log.

        Raises:
            PrivilegeError: He may not.
        """
        if principal.level >= level:
            return
        error = PrivilegeError.of(principal.user, principal.level, needed=level, action=action)
        try:
            self.journal.not_allowed(action, {**(details or {}), "error": str(error)}, principal)
        except DatabaseError as lost:
            # He is refused all the same, and is not to be told to try again.
            raise error from lost
        raise error

    def _admit(self, operation: Operation, principal: Principal) -> None:
        """Refuse who has not the level for an operation, also to look at what it would do."""
        self.authorize(principal, operation.title, operation.privilege, {"arguments": document_of(operation)})

    def plan(self, operation: Operation, principal: Principal = SYSTEM) -> Plan:
        """Return what an operation would do now, and why it would be refused if it would."""
        title = operation.title
        warnings: list[str] = []
        refusal: MixedModeError | None = None
        try:
            self._admit(operation, principal)
            operation = self._ready(operation)
            warnings = operation.check(self._state)
            steps = operation.plan(self._state)
        except MixedModeError as error:
            refusal, steps = error, []
        return Plan(title, tuple(step.name for step in steps), tuple(warnings), refusal)

    def preview(self, operation: Operation, principal: Principal = SYSTEM) -> Preview:
        """Return the files and certificates that an operation would publish now; nothing is written, nothing signed.

        Raises:
            MixedModeError: It would be refused.
        """
        self._admit(operation, principal)
        operation = self._ready(operation)
        operation.check(self._state)
        before = outlook(self._state)
        return preview(before, operation.foresee(before))

    def run(self, operation: Operation, principal: Principal) -> OperationResult:
        """Run an operation to its end.

        Args:
            operation: What is to be done.
            principal: Who asks, and at which node; the publisher if he names none.

        Raises:
            PrivilegeError: Who asks has not the level for it.
            UsageError: A field of it is missing, or out of its limits.
            PublisherOnlyError: It was asked for on a subscriber.
            PreconditionError: Something must be put right first.
            ClusterBusyError: Another operation runs.
            OperationFailedError: A step failed; all was taken back.
        """
        self._admit(operation, principal)
        self._resume_left(principal)
        try:
            self._check_place(operation, principal.node)
            operation = self._ready(operation)
            warnings = operation.check(self._state)
            steps = operation.plan(self._state)
        except MixedModeError as error:
            self.journal.refused(operation, principal, str(error))
            raise
        place = principal.node or self._state.publisher.name
        with lock.work() as holding:
            number = self.journal.begin(operation, principal, steps, warnings, holding=holding, node=place)
            with self._held(holding, operation.title):
                return self._carry(self.journal.entry(number), steps, holding, resumed_by=None)

    def resume_or_rollback(self, principal: Principal = SYSTEM) -> OperationResult | None:
        """Finish or undo what a dead process left unfinished; return what became of it, None if there was nothing.

        Raises:
            PrivilegeError: Who asks has not the level for what was left.
            ClusterBusyError: An operation is running now.
            OperationFailedError: It cannot be undone yet; the next try goes on with it.
        """
        holder = self.journal.holder()
        if holder is not None and (left := self.kinds.get(holder.operation)) is not None:
            self.authorize(principal, left.title, left.privilege)
        return self._resume_left(principal)

    def _resume_left(self, principal: Principal) -> OperationResult | None:
        """Finish or undo what was left, whoever asked for what comes next (rule 3)."""
        with lock.work() as holding:
            entry = self.journal.adopt(holding)
            if entry is None:
                return None
            with self._held(holding, entry.name):
                return self._resume(entry, holding, principal)

    def settle(self, *, only_ours: bool = False) -> OperationResult | None:
        """Finish or undo an operation that was cut off; leave one that runs alone.

        For processes that live on: they look every few seconds, so that nobody has to ask for an operation first.

        Args:
            only_ours: Leave operations of other processes to the publisher.

        Raises:
            MixedModeError: It cannot be finished or undone yet.
        """
        holder = self.journal.holder()
        if holder is None or not holder.is_dead or (only_ours and not holder.is_ours):
            return None
        try:
            return self._resume_left(SYSTEM)
        except (ClusterBusyError, LockLostError):
            return None  # somebody else was faster

    @contextmanager
    def _held(self, holding: Holding, name: str) -> Iterator[None]:
        """Work under the lock; however that ends, it leaves no lock that only a restart of this process frees."""
        try:
            with Heartbeat(self._state.database, holding, self._state.now):
                yield
        except LockLostError:
            raise
        except BaseException as error:
            # Even a cancelled thread must leave the operation to the next resume.
            self._abandon_quietly(holding)
            if isinstance(error, DatabaseError):
                raise DatabaseError(
                    f"{name} was cut off: the database went away",
                    where=error.where,
                    why=error.why,
                    next_step="it is finished or undone when the database is back; mixedmode node status shows it",
                ) from error
            raise

    def _resume(self, entry: Entry, holding: Holding, principal: Principal) -> OperationResult:
        for node in self._state.nodes():
            self._state.folder(node.name).clean()
        try:
            steps = operation_of(self.kind(entry.name), entry.arguments).plan(self._state)
        except DatabaseError:
            raise
        except MixedModeError:
            steps = []
        known = len(steps) == len(entry.steps) and all(
            name in {step.name, step.formerly} for step, (name, _) in zip(steps, entry.steps, strict=True)
        )
        if not known:
            raise OperationFailedError(
                f"operation {entry.number} ({entry.name}) was begun by another release and cannot be finished",
                where=self._state.database.label,
                next_step="start the release that began it; it finishes or undoes it",
            )
        return self._carry(entry, steps, holding, resumed_by=principal)

    def _ready(self, operation: Operation) -> Operation:
        """Return an operation with all that it needs, its fields checked."""
        operation_of(self.kind(operation.title), document_of(operation))
        return operation.complete(self._state)

    def _check_place(self, operation: Operation, node: str) -> None:
        if not node or not operation.publisher_only:
            return
        publisher = self._state.publisher.name
        if node.lower() != publisher.lower():
            raise PublisherOnlyError(
                f"{operation.title} can be run on the publisher only",
                where=node,
                next_step=f"log in to {publisher} and run it there",
            )

    def _carry(
        self, entry: Entry, steps: list[Step], holding: Holding, *, resumed_by: Principal | None
    ) -> OperationResult:
        context = StepContext(self._state, entry.number, entry.memory, holding)
        committed = any(step.commits and state == DONE for step, (_, state) in zip(steps, entry.steps, strict=True))
        forward = resumed_by is None or (entry.state == RUNNING and committed)
        failure: MixedModeError | None = None
        if forward:
            failure = self._forward(entry, steps, context, holding)
            if failure is None:
                self.journal.end(entry, DONE, holding, context.memory, resumed_by=resumed_by)
                return OperationResult.of_memory(entry.number, entry.name, DONE, context.memory)
            self.journal.turn_back(entry.number, holding, str(failure))
            entry = replace(self.journal.entry(entry.number), memory=context.memory)
        elif entry.state == RUNNING:
            self.journal.turn_back(entry.number, holding, "the operation was cut off before it was committed")
            entry = self.journal.entry(entry.number)
        self._backward(entry, steps, context, holding)
        self.journal.end(entry, UNDONE, holding, context.memory, resumed_by=resumed_by)
        if failure is not None:
            raise OperationFailedError(
                f"{entry.name} failed and was undone: {failure.what}",
                where=failure.where,
                why=failure.why,
                next_step=failure.next_step or "put the cause right and run it again",
                code=failure.code,
            ) from failure
        return OperationResult.of_memory(entry.number, entry.name, UNDONE, context.memory)

    def _forward(
        self, entry: Entry, steps: list[Step], context: StepContext, holding: Holding
    ) -> MixedModeError | None:
        committed = False
        for position, (step, (_, state)) in enumerate(zip(steps, entry.steps, strict=True)):
            if state != DONE:
                try:
                    self.journal.step(entry.number, position, RUNNING, holding)
                    context.committing = position if step.commits else None
                    step.run(context)
                    context.committing = None
                    self.journal.step(entry.number, position, DONE, holding, context.memory)
                except LockLostError:
                    raise
                except MixedModeError as error:
                    if committed:
                        raise
                    # The database may have gone away after it had kept the transaction, with only its answer lost.
                    if not (step.commits and self.journal.has_committed(entry.number, position, holding)):
                        return error
                    context.committing = None
            committed = committed or step.commits
        return None

    def _backward(self, entry: Entry, steps: list[Step], context: StepContext, holding: Holding) -> None:
        touched = {DONE, RUNNING, UNDOING}
        for position in reversed(range(len(steps))):
            step, state = steps[position], entry.steps[position][1]
            if state in touched and step.undo is not None:
                self.journal.step(entry.number, position, UNDOING, holding)
                step.undo(context)
            if state in touched:
                self.journal.step(entry.number, position, UNDONE, holding, context.memory)

    def _abandon_quietly(self, holding: Holding) -> None:
        try:
            self.journal.abandon(holding)
        except MixedModeError:
            return  # the database is gone too: that nobody in this process works under the token is enough
