"""The journal: operations that ran, and the one that runs, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mixedmode.cluster.engine.results import Entry
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.faces.api.endpoint import Call, Endpoint, Listing, Paged, Reply, listing

_TAG: Final = "operations"
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """A step; `state` is empty before it runs."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Run:
    """An operation that was run.

    Attributes:
        fields: What was asked for.
        state: `running`, `undoing`, `done` or `undone`.
        changes: One line each.
        error: Why it was undone.
    """

    number: int
    title: str
    fields: dict[str, Any]
    state: str
    user: str
    source: str
    node: str
    started: datetime
    ended: datetime | None
    steps: list[Step]
    changes: list[str]
    warnings: list[str]
    undelivered: dict[str, str]
    error: str | None


def _run(each: Entry) -> Run:
    return Run(
        each.number,
        each.name,
        dict(each.arguments),
        each.state,
        each.principal.user,
        each.principal.source,
        each.principal.node,
        each.started,
        each.ended,
        [Step(name, state) for name, state in each.steps],
        list(each.memory.changes),
        list(each.memory.warnings),
        dict(each.memory.undelivered),
        each.error or None,
    )


def _journal(call: Call) -> Reply:
    return listing((_run(each) for each in reversed(call.control.history(_MOST))), call)


def _one(call: Call) -> Reply:
    number = call.number("number")
    found = None if number is None else call.control.entry(number)
    if found is None:
        asked = call.values["number"][:20]
        raise NotFoundError(f"the journal has no operation {asked!r}", next_step="list the journal")
    return Reply(_run(found))


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/journal",
        "listRuns",
        "List the operations that ran, the newest first.",
        _journal,
        _TAG,
        Listing[Run],
        query=Paged,
        about=f"The last {_MOST}; the audit log has all.",
    ),
    Endpoint(
        "GET",
        "/journal/{number}",
        "getRun",
        "Show an operation that ran or runs, step by step.",
        _one,
        _TAG,
        Run,
    ),
)
