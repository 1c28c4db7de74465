"""What the engine tells of operations: plans, results, entries of the journal and of the audit log. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mixedmode.cluster.engine.memory import Document, Memory
from mixedmode.cluster.engine.principal import Principal
from mixedmode.errors import MixedModeError

RUNNING = "running"
UNDOING = "undoing"
DONE = "done"
UNDONE = "undone"
"""States of operations and of steps, as the journal writes them."""


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
        done = outcome == DONE
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


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation in the journal; ``steps`` are (name, state)."""

    number: int
    name: str
    arguments: Document
    state: str
    principal: Principal
    started: datetime
    ended: datetime | None
    memory: Memory
    steps: tuple[tuple[str, str], ...]
    error: str


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry of the audit log.

    Attributes:
        user: Who.
        source: His address, ``console``, or ``local`` of the program itself.
        level: His privilege level; None in entries of earlier releases.
        node: The node where he asked, or which it is about; None if there is none.
        operation: Its number in the journal, None if it is no operation.
    """

    number: int
    moment: datetime
    user: str
    source: str
    level: int | None
    node: str | None
    action: str
    outcome: str
    operation: int | None
    details: Mapping[str, Any]
