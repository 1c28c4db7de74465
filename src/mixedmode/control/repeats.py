"""Requests with a key of their sender's: done once, and answered alike however often they are repeated.

Rules:

1. The key and a hash of the request are written before anything is done. Who comes second waits, or is told the answer;
   who comes with another request under the same key is refused.
2. The answer is kept with the key for :data:`KEPT`, so it outlives the node's process. An answer that says that nothing
   was done is not kept: its key is free again.
3. A process that died left its key without an answer. If the journal has the operation that it began, that is the
   answer; if not, nothing was begun, and the next one does it.
4. Keys are their sender's own: nobody reads the answer to another's request.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from mixedmode.cluster.engine.documents import document_of
from mixedmode.cluster.engine.lock import process_identity
from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import Entry
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.schema import OperationRow
from mixedmode.cluster.store.schema_api import ApiRequestRow
from mixedmode.errors import UsageError

KEPT: Final = timedelta(days=7)
LONGEST_KEY: Final = 255
_ABANDONED: Final = timedelta(minutes=15)
"""After which a process of another host counts as dead; operations are shorter."""


class KeyReusedError(UsageError):
    """The key was used for another request."""

    default_code = "key-reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered.

    Attributes:
        status: HTTP's number.
        headers: Those that belong to the answer.
        body: Its bytes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """It is this request's turn to be done.

    Attributes:
        id: Of its row.
        owner: Proof that it is ours.
        taken_over: When the process began that died over the same request; None if none did.
    """

    id: str
    owner: str
    taken_over: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The same request is being done now."""


@dataclass(slots=True)
class Repeats:
    """The requests of one cluster that have a key.

    Attributes:
        cluster: The cluster.
    """

    cluster: Cluster
    _mine: set[str] = field(default_factory=set)

    def begin(self, principal: Principal, key: str, request: bytes) -> Turn | Answer | Waiting:
        """Say whose turn it is (rule 1).

        Args:
            principal: Who asks.
            key: As he sent it.
            request: All of the request that makes it another one.

        Raises:
            KeyReusedError: The key was another request's.
            DatabaseError: The database does not answer.
        """
        name = hashlib.sha256(repr((principal.node, principal.user, key)).encode()).hexdigest()
        wanted = hashlib.sha256(request).hexdigest()
        owner, now = f"{process_identity()}/{secrets.token_hex(8)}", self.cluster.now()
        self._mine.add(owner)
        try:
            found = self._begin(name, wanted, owner, principal, now)
        except BaseException:
            self._mine.discard(owner)
            raise
        if not isinstance(found, Turn):
            self._mine.discard(owner)
        return found

    def _begin(
        self, name: str, wanted: str, owner: str, principal: Principal, now: datetime
    ) -> Turn | Answer | Waiting:
        with self.cluster.database.write() as session:
            session.execute(delete(ApiRequestRow).where(ApiRequestRow.started < now - KEPT))
            row = session.get(ApiRequestRow, name, with_for_update=True)
            if row is None:
                row = ApiRequestRow(
                    id=name, username=principal.user, request=wanted, owner=owner, started=now, headers={}
                )
                try:
                    with session.begin_nested():
                        session.add(row)
                except IntegrityError:  # PostgreSQL: another came between the look and the write
                    return Waiting()
                return Turn(name, owner)
            if row.request != wanted:
                raise KeyReusedError(
                    "this Idempotency-Key was used for another request",
                    next_step="send the same request again, or take a new key",
                )
            if row.status is not None:
                return Answer(row.status, {str(k): str(v) for k, v in row.headers.items()}, row.body or b"")
            if not self._is_dead(row, now):
                return Waiting()
            row.owner = owner
            return Turn(name, owner, row.started)

    def end(self, turn: Turn, answer: Answer) -> None:
        """Keep the answer (rule 2)."""
        values: dict[str, Any] = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        try:
            with self.cluster.database.write() as session:
                mine = (ApiRequestRow.id == turn.id) & (ApiRequestRow.owner == turn.owner)
                session.execute(update(ApiRequestRow).where(mine).values(**values))
        finally:
            # If the answer could not be kept, the next request finds in the journal what was done.
            self._mine.discard(turn.owner)

    def forget(self, turn: Turn) -> None:
        """Free the key: nothing was done under it."""
        self._mine.discard(turn.owner)
        with self.cluster.database.write() as session:
            mine = (ApiRequestRow.id == turn.id) & (ApiRequestRow.owner == turn.owner)
            session.execute(delete(ApiRequestRow).where(mine))

    def begun(self, turn: Turn, principal: Principal, operation: Operation) -> Entry | None:
        """Return the operation that a dead process began for the same request, None if it began none (rule 3)."""
        if turn.taken_over is None:
            return None
        journal, wanted = self.cluster.operations.journal, document_of(operation)
        query = select(OperationRow.id).where(
            OperationRow.name == operation.title,
            OperationRow.username == principal.user,
            OperationRow.started >= turn.taken_over,
        )
        with self.cluster.database.read() as session:
            numbers = session.scalars(query.order_by(OperationRow.id)).all()
        entries = (journal.entry(number) for number in numbers)
        return next((each for each in entries if {**each.arguments, **_given(wanted)} == each.arguments), None)

    def _is_dead(self, row: ApiRequestRow, now: datetime) -> bool:
        process = row.owner.rpartition("/")[0]
        boot, _, rest = process.partition(":")
        here = process_identity()
        if boot != here.partition(":")[0]:
            return now - row.started > _ABANDONED
        if process == here:
            return row.owner not in self._mine
        return process_identity(int(rest.partition(":")[0])) != process


def _given(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that were given; those that the cluster fills in are not there yet."""
    return {name: value for name, value in document.items() if value not in (None, "")}
