"""The door: whoever administers a cluster passes it, by whatever face, as a principal who may or may not.

Rules:

1. Nothing is done for who has not the level; that he asked is audited. The engine says so of operations, and of what
   else there is by the same words.
2. What changes the database or a node's disk has an audit entry. Of what is no operation the entry is written in the
   transaction that ends when the change is done: a database that is away keeps the change from being made. One that
   goes away between the two leaves a change without its entry; whoever asked is told of the error.
3. Faces read the cluster and its values freely; they have the engine, the journal and the operations' steps from here
   only (the import contracts hold that).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mixedmode.cluster.engine.documents import operation_of, schema_of
from mixedmode.cluster.engine.memory import Json
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import AuditRecord, Entry, OperationResult, Plan
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.publishing.preview import Preview
from mixedmode.control.acts import SHOW_AUDIT, Act
from mixedmode.control.audit_log import Wanted
from mixedmode.errors import MixedModeError

T = TypeVar("T")


class Control:
    """The door to one cluster.

    Args:
        cluster: The cluster, as administrators change it.
        is_copy: Whether its database is a subscriber's own, to be read only.
    """

    def __init__(self, cluster: Cluster, *, is_copy: bool = False) -> None:
        self._cluster = cluster
        if is_copy:
            cluster.operations.journal.is_copy = True

    @property
    def is_copy(self) -> bool:
        """Whether the database is a subscriber's own, to be read only."""
        return self._cluster.operations.journal.is_copy

    def plan(self, principal: Principal, operation: Operation) -> Plan:
        """Return what an operation would do now, and why it would be refused if it would."""
        return self._cluster.operations.plan(operation, principal)

    def operation(self, title: str, fields: Mapping[str, Json]) -> Operation:
        """Return the operation of a title and its fields.

        Raises:
            NotFoundError: There is none of that title.
            UsageError: A field is unknown, missing or of another type.
        """
        return operation_of(self._cluster.operations.kind(title), fields)

    def preview(self, principal: Principal, operation: Operation) -> Preview:
        """Return the files and certificates that an operation would publish now.

        Raises:
            PrivilegeError: The principal has not the level for it.
            MixedModeError: It would be refused.
        """
        return self._cluster.operations.preview(operation, principal)

    def run(self, principal: Principal, operation: Operation) -> OperationResult:
        """Run an operation to its end.

        Raises:
            PrivilegeError: The principal has not the level for it.
            MixedModeError: It was refused or failed; see :meth:`.engine.Operations.run`.
        """
        return self._cluster.operations.run(operation, principal)

    def end_what_was_left(self, principal: Principal) -> OperationResult | None:
        """Finish or undo what a dead process left; see :meth:`.engine.Operations.resume_or_rollback`."""
        return self._cluster.operations.resume_or_rollback(principal)

    def running(self) -> dict[str, object] | None:
        """Return who holds the cluster's lock and for which operation, None if nobody does."""
        holder = self._cluster.operations.journal.holder()
        return None if holder is None else holder.document()

    def schema(self, title: str) -> dict[str, Json]:
        """Return the JSON schema of an operation's fields: what a form or an API asks for.

        Raises:
            NotFoundError: There is none of that title.
        """
        return dict(schema_of(self._cluster.operations.kind(title)))

    def history(self, limit: int = 100) -> list[Entry]:
        """Return the latest operations, oldest first."""
        return self._cluster.operations.journal.history(limit)

    def entry(self, number: int) -> Entry | None:
        """Return an operation by its number in the journal, None if there is none."""
        return self._cluster.operations.journal.find(number)

    def allow(self, principal: Principal, act: Act, **details: object) -> None:
        """Refuse who may not (rule 1).

        Raises:
            PrivilegeError: He has not the level for it.
        """
        self._cluster.operations.authorize(principal, act.name, act.level, details)

    def do(self, principal: Principal, act: Act, change: Callable[[], T], **details: object) -> T:
        """Change something that is no operation of the cluster's: allowed, done and audited (rule 2).

        Args:
            principal: Who asks.
            act: What he does.
            change: Does it; must not use the database.
            details: For the audit log.

        Raises:
            PrivilegeError: He has not the level for it.
            DatabaseError: The database is away and nothing was changed; or it went away meanwhile, and the change is
                made, but its entry is lost or says that it failed.
        """
        self.allow(principal, act, **details)
        journal = self._cluster.operations.journal
        try:
            with journal.along(principal, act.name, details):
                return change()
        except (MixedModeError, OSError) as error:
            # What failed may have been done in part; if not even that can be entered, the first error says more.
            with contextlib.suppress(MixedModeError):
                journal.note(principal, act.name, "failed", {**details, "error": str(error)})
            raise

    def note(self, principal: Principal, act: Act, outcome: str, **details: object) -> None:
        """Write into the audit log what became of something that was allowed before."""
        self._cluster.operations.journal.note(principal, act.name, outcome, details)

    def audit_log(self, principal: Principal, wanted: Wanted) -> Sequence[AuditRecord]:
        """Return entries of the audit log, oldest first.

        Raises:
            PrivilegeError: The principal may not see them.
        """
        self.allow(principal, SHOW_AUDIT)
        return wanted.of(self._cluster.operations.journal)
