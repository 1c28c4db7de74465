"""What answers of several resources are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mixedmode.cluster.engine.results import OperationResult
from mixedmode.faces.api.endpoint import Reply

CSV: Final = "text/csv"


@dataclass(frozen=True, slots=True)
class Restart:
    """A service that must be restarted for a change to be served."""

    node: str
    service: str


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation did.

    Attributes:
        operation: Its number in the journal.
        title: As administrators know it.
        outcome: `done` or `undone`.
        changes: One line each.
        restart: Services to be restarted.
        undelivered: By node, why it has not got its file yet; it gets it when it returns.
        warnings: What was warned of.
    """

    operation: int
    title: str
    outcome: str
    changes: list[str]
    restart: list[Restart]
    undelivered: dict[str, str]
    warnings: list[str]


def done(result: OperationResult) -> Reply:
    """Return the answer that tells what an operation did."""
    return Reply(
        Done(
            result.operation,
            result.name,
            result.outcome,
            list(result.changes),
            [Restart(*pair) for pair in result.restart],
            dict(result.undelivered),
            list(result.warnings),
        )
    )
