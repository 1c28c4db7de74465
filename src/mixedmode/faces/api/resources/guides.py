"""Guided procedures: which there are, how far their runs are, and going on with them.

Rules:

1. A step that changes trust is foreseen anew before it is begun: what somebody agreed to may not be so any more.
2. A step goes on by itself when the answer has been sent; the run tells how it ended. Programs give no passwords of
   tokens: what the CTL Client signs is done with it, and the step is told to be done already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.store.guide_runs import KeptRun
from mixedmode.control.acts import GUIDE
from mixedmode.errors import UsageError
from mixedmode.faces.api.endpoint import STRICT, Call, Endpoint, Handler, Reply
from mixedmode.faces.api.problems import WOULD_LOSE
from mixedmode.faces.web.guided.acting import MOST_SECONDS, carry_on, foresee_on, guide_of
from mixedmode.faces.web.guided.view import current_of
from mixedmode.faces.web.kit.problems import Problem
from mixedmode.guides.guide import Guide
from mixedmode.guides.kept import Opened
from mixedmode.pki.certificates.certificates import Certificate
from mixedmode.procedures.catalogue import PROCEDURES
from mixedmode.procedures.facts import Token
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


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is wanted."""

    __pydantic_config__ = STRICT

    procedure: Annotated[str, Field(min_length=1, max_length=64, description="Its name, as the guides list has it.")]
    certificates: Annotated[
        dict[str, Annotated[str, Field(max_length=16384)]] | None,
        Field(description="Of the security tokens, as PEM: " + ", ".join(each.name.lower() for each in Token) + "."),
    ] = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is accepted."""

    __pydantic_config__ = STRICT

    lose_at_most: Annotated[
        int, Field(ge=0, le=10_000_000, description="Refuse it if it would freeze or lock out more phones than this.")
    ] = 0


@dataclass(frozen=True, slots=True)
class StepAsked(Accepted):
    """How a step is begun."""

    __pydantic_config__ = STRICT

    done_already: Annotated[bool, Field(description="It was done elsewhere: only look whether it is so.")] = False
    canary_seconds: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_SECONDS,
            description="Where phones are reset: one of each kind first, which has so long to show the new list.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Why:
    """Why a step is left out."""

    __pydantic_config__ = STRICT

    why: Annotated[str, Field(max_length=500, description="For those who read the run later.")] = ""


def _guide(call: Call) -> Guide:
    return guide_of(call.desk)


def _procedures(_call: Call) -> Reply:
    found = (PROCEDURES[name] for name in GUIDED)
    return Reply([Procedure(each.name, each.title, each.about, each.source, len(each.steps)) for each in found])


def _run(kept: KeptRun) -> Run:
    return Run(kept.number, kept.procedure, kept.state, kept.is_open, kept.planned, dict(kept.document))


def _runs(call: Call) -> Reply:
    return Reply([_run(each) for each in _guide(call).latest(_LATEST)])


def _number(call: Call, name: str, what: str) -> int:
    number = call.number(name)
    if number is None:
        raise NotFoundError(f"there is no {what} {call.values[name][:20]!r}", next_step="list the runs")
    return number


def _opened(call: Call, guide: Guide) -> Opened:
    """Return the run that the address names, after what became of it without anybody's doing here."""
    return call.wait(guide.look(_number(call, "number", "run")))


def _step(call: Call, opened: Opened) -> int:
    at = _number(call, "step", "step") - 1
    if not 0 <= at < len(opened.steps):
        raise NotFoundError(f"run {opened.number} has no step {at + 1}", next_step=f"1 to {len(opened.steps)}")
    return at


def _one(call: Call) -> Reply:
    return Reply(_run(_opened(call, _guide(call)).kept))


def _now(call: Call, number: int) -> Reply:
    call.desk.frame.forget()
    kept = _guide(call).open(number).kept
    return Reply(_run(kept), headers={"location": f"/api/v1/guides/runs/{number}"})


def _plan(call: Call) -> Reply:
    guide, sent = _guide(call), call.sent(NewRun)
    if sent.procedure not in GUIDED:
        raise NotFoundError(f"there is no procedure {sent.procedure!r}", next_step="list the guides")
    opened = guide.plan(call.principal, sent.procedure, _certificates(sent.certificates or {}))
    foresee_on(call, guide, opened.number)
    return _now(call, opened.number)


def _certificates(given: dict[str, str]) -> dict[Token, Certificate]:
    known = {each.name.lower(): each for each in Token}
    for name, text in given.items():
        if name not in known:
            raise UsageError(f"there is no token {name!r}", where="certificates", next_step=", ".join(known))
        if "PRIVATE KEY" in text:
            raise UsageError("a private key was sent; nothing was kept", where="certificates")
    return {known[name]: Certificate.from_pem(text.encode()) for name, text in given.items()}


def _foresee(call: Call) -> Reply:
    guide = _guide(call)
    opened = _opened(call, guide)
    call.control.allow(call.principal, GUIDE, run=opened.number, what="forecast")
    foresee_on(call, guide, opened.number)
    return _now(call, opened.number)


def _begin(call: Call) -> Reply:
    guide = _guide(call)
    opened = _opened(call, guide)
    most = call.sent(Accepted).lose_at_most
    _check_lost(opened, most)
    guide.begin(call.principal, opened.number, most)
    return _now(call, opened.number)


def _do(call: Call) -> Reply:
    guide, sent = _guide(call), call.sent(StepAsked)
    opened = _opened(call, guide)
    at, current = _step(call, opened), current_of(opened)
    call.control.allow(call.principal, GUIDE, run=opened.number, what="step", step=at + 1)
    if current is not None and current.number == at + 1 and current.trust:
        opened = guide.foresee(opened.number)
        _check_lost(opened, max(sent.lose_at_most, opened.run.accepted))
    canary = None if sent.canary_seconds is None else float(sent.canary_seconds)
    ticket = guide.start(call.principal, opened.number, at, done_already=sent.done_already, canary=canary)
    carry_on(call, guide, ticket)
    return _now(call, opened.number)


def _check_lost(opened: Opened, most: int) -> None:
    lost = int(opened.run.forecast.get("lost", 0))
    if lost > most:
        raise Problem(
            409,
            f"{lost} phones would be lost, and {most} are accepted. Nothing was done.",
            "The forecast of the run names them.",
            "Save them first, or say lose_at_most.",
            WOULD_LOSE,
        )


def _leave_out(call: Call) -> Reply:
    guide = _guide(call)
    opened = _opened(call, guide)
    guide.leave_out(call.principal, opened.number, _step(call, opened), call.sent(Why).why.strip())
    return _now(call, opened.number)


def _take_back(call: Call) -> Reply:
    guide = _guide(call)
    opened = _opened(call, guide)
    carry_on(call, guide, guide.take_back(call.principal, opened.number, _step(call, opened)))
    return _now(call, opened.number)


def _stop(call: Call) -> Reply:
    guide = _guide(call)
    opened = _opened(call, guide)
    guide.stop(call.principal, opened.number)
    return _now(call, opened.number)


def _act(
    path: str, name: str, summary: str, answer: Handler, *, body: Any = None, status: int = 200, about: str = ""
) -> Endpoint:
    return Endpoint(
        "POST",
        f"/guides/runs{path}",
        name,
        summary,
        answer,
        _TAG,
        Run,
        status=status,
        level=GUIDE.level,
        body=body,
        needs_body=body is NewRun,
        keyed=True,
        cost=5,
        about=about,
        act=GUIDE.name,
    )


ENDPOINTS: Final = (
    Endpoint("GET", "/guides", "listGuides", "List the guided procedures.", _procedures, _TAG, list[Procedure]),
    Endpoint(
        "GET", "/guides/runs", "listGuidedRuns", "List the latest runs, the newest first.", _runs, _TAG, list[Run]
    ),
    Endpoint("GET", "/guides/runs/{number}", "getGuidedRun", "Show how far a run is.", _one, _TAG, Run),
    _act("", "planGuidedRun", "Plan a run; nothing is changed yet.", _plan, body=NewRun, status=201),
    _act("/{number}/forecast", "foreseeGuidedRun", "Foresee what phones will do, anew.", _foresee, status=202),
    _act("/{number}/begin", "beginGuidedRun", "Begin a run that was planned.", _begin, body=Accepted),
    _act(
        "/{number}/steps/{step}",
        "doGuidedStep",
        "Do a step, the first being 1; it goes on by itself.",
        _do,
        body=StepAsked,
        status=202,
        about="Trust is foreseen anew before. What the CTL Client signs is done with it, and is `done_already` here.",
    ),
    _act(
        "/{number}/steps/{step}/leave-out",
        "leaveOutGuidedStep",
        "Leave a step out, in your name.",
        _leave_out,
        body=Why,
    ),
    _act("/{number}/steps/{step}/take-back", "takeBackGuidedStep", "Take a step back.", _take_back, status=202),
    _act("/{number}/stop", "stopGuidedRun", "Stop a run where it is, or drop one that was planned.", _stop),
)
