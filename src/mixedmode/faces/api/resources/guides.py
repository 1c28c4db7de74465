"""Guided procedures: which there are, and how far their runs are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.store.guide_runs import KeptRun
from mixedmode.faces.api.endpoint import Call, Endpoint, Reply
from mixedmode.guides.guide import Guide
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.names import GUIDED

_TAG: Final = "guides"
_LATEST: Final = 100


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure.

    Attributes:
        about: When it is needed, and what it does.
        source: Where it is described.
        steps: How many it has.
    """

    name: str
    title: str
    about: str
    source: str
    steps: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a procedure.

    Attributes:
        state: `planned`, `running`, `ended`, `stopped` or `dropped`.
        is_open: Whether it goes on.
        document: All that is known of it: steps, findings, forecast.
    """

    number: int
    procedure: str
    state: str
    is_open: bool
    planned: datetime
    document: dict[str, Any]


def _guide(call: Call) -> Guide:
    return Guide(call.cluster, call.desk.services)


def _procedures(_call: Call) -> Reply:
    found = (PROCEDURES[name] for name in GUIDED)
    return Reply([Procedure(each.name, each.title, each.about, each.source, len(each.steps)) for each in found])


def _run(kept: KeptRun) -> Run:
    return Run(kept.number, kept.procedure, kept.state, kept.is_open, kept.planned, dict(kept.document))


def _runs(call: Call) -> Reply:
    return Reply([_run(each) for each in _guide(call).latest(_LATEST)])


def _one(call: Call) -> Reply:
    number = call.values["number"]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFoundError(f"there is no run {number[:20]!r}", next_step="list the runs")
    return Reply(_run(_guide(call).open(int(number)).kept))


ENDPOINTS: Final = (
    Endpoint("GET", "/guides", "listGuides", "List the guided procedures.", _procedures, _TAG, list[Procedure]),
    Endpoint(
        "GET", "/guides/runs", "listGuidedRuns", "List the latest runs, the newest first.", _runs, _TAG, list[Run]
    ),
    Endpoint("GET", "/guides/runs/{number}", "getGuidedRun", "Show how far a run is.", _one, _TAG, Run),
)
