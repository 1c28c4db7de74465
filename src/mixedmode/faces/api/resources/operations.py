"""Every operation of the cluster, by its name: its fields, plan and preview, what phones would do, and running it.

An operation's name in an address is its title with dashes for blanks, in lower case. Its schema is made of its own
dataclass, as forms are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.operations import OPERATIONS
from mixedmode.cluster.operations.ctl_upload import InstallCtl
from mixedmode.cluster.publishing.preview import document
from mixedmode.control.door import Control
from mixedmode.faces.api.endpoint import LAX, Call, Endpoint, Reply
from mixedmode.faces.api.foreseeing import Foreseen, foreseen
from mixedmode.faces.api.problems import WOULD_LOSE
from mixedmode.faces.api.shared import Done, done
from mixedmode.faces.web.kit.problems import Problem, problem_of

_TAG: Final = "operations"
_OBJECT: Final[dict[str, Any]] = {"type": "object"}
_NOT_BY_NAME: Final = frozenset({InstallCtl.title})
"""What needs more than its fields: the signed list itself, which ``POST /lists/ctl`` takes."""
_HEAVY: Final = 20.0


@dataclass(frozen=True, slots=True)
class About:
    """An operation.

    Attributes:
        name: In addresses.
        title: As administrators know it.
        level: That an account needs.
        publisher_only: Whether it may be asked for at the publisher only.
        fields: The JSON schema of its fields.
    """

    name: str
    title: str
    level: int
    publisher_only: bool
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """What an operation would do now.

    Attributes:
        steps: One line each.
        warnings: What you should know first.
        refusal: Why it would be refused, as a problem document; null if it would not.
    """

    title: str
    steps: list[str]
    warnings: list[str]
    refusal: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Limit:
    """Under which condition it is run."""

    __pydantic_config__ = LAX

    lose_at_most: Annotated[
        int | None,
        Field(
            ge=0,
            le=10_000_000,
            description="Foresee it first, and refuse it if it would freeze or lock out more phones than this.",
        ),
    ] = None


def slug(title: str) -> str:
    """Return an operation's name in addresses."""
    return title.lower().replace(" ", "-")


def kinds() -> dict[str, type[Operation]]:
    """Return every operation that has an endpoint, by its name in addresses."""
    return {slug(title): kind for title, kind in OPERATIONS.items() if title not in _NOT_BY_NAME}


def fields_of(control: Control, kind: type[Operation]) -> dict[str, Any]:
    """Return the schema of the fields that somebody gives."""
    schema: dict[str, Any] = dict(control.schema(kind.title))
    properties: Mapping[str, Any] = schema.get("properties", {})
    given = {name: about for name, about in properties.items() if not about.get("readOnly")}
    return {**schema, "properties": given, "additionalProperties": False}


def endpoints(control: Control) -> list[Endpoint]:
    """Return the endpoints."""
    found = [
        Endpoint("GET", "/operations", "listOperations", "List the operations.", _operations, _TAG, list[About]),
        Endpoint("GET", "/operations/running", "getRunning", "Say which runs now.", _running, _TAG, _RUNNING),
    ]
    for name, kind in kinds().items():
        found += _of(name, kind, fields_of(control, kind))
    return found


_RUNNING: Final[dict[str, Any]] = {
    "description": "Who works on what, or null if nothing runs.",
    "type": ["object", "null"],
    "properties": {
        **{name: {"type": "string"} for name in ("operation", "user", "source", "node", "host", "since", "state")},
        "number": {"type": ["integer", "null"], "description": "In the journal."},
    },
}


def _of(name: str, kind: type[Operation], fields: dict[str, Any]) -> list[Endpoint]:
    def operation(call: Call) -> Operation:
        return call.control.operation(kind.title, call.body)

    def show(call: Call) -> Reply:
        return Reply(_about(name, kind, call.control))

    def plan(call: Call) -> Reply:
        found = call.control.plan(call.principal, operation(call))
        refusal = None if found.refusal is None else problem_of(found.refusal).document()
        return Reply(Planned(found.name, list(found.steps), list(found.warnings), refusal))

    def preview(call: Call) -> Reply:
        return Reply(document(call.control.preview(call.principal, operation(call))))

    def forecast(call: Call) -> Reply:
        return Reply(foreseen(call, operation(call)))

    def run(call: Call) -> Reply:
        wanted, most = operation(call), call.asked(Limit).lose_at_most
        if most is not None:
            lost = foreseen(call, wanted)
            if lost.lost > most:
                raise Problem(
                    409,
                    f"It would freeze or lock out {lost.lost:,} phones, and you allow {most:,}. Nothing was done.",
                    f"Among them: {', '.join(lost.names)}.",
                    f"Look at /api/v1/operations/{name}/forecast, or allow more.",
                    WOULD_LOSE,
                )
        return done(call.run_operation(wanted))

    address, title = f"/operations/{name}", kind.title
    said = "".join(word.capitalize() for word in name.split("-"))
    needs = bool(fields.get("required"))
    level = kind.privilege

    def asking(act: str, what: str, answer: Any, returns: Any, cost: float) -> Endpoint:
        return Endpoint(
            "POST",
            f"{address}/{act}",
            f"{act}{said}",
            what.format(title=title),
            answer,
            _TAG,
            returns,
            level=level,
            body=fields,
            needs_body=needs,
            cost=cost,
            about="Changes nothing.",
        )

    return [
        Endpoint("GET", address, f"show{said}", f"Show the fields of {title}.", show, _TAG, About),
        asking("plan", "Say what {title} would do now, and whether it would be refused.", plan, Planned, 2),
        asking("preview", "Show the lists and certificates that {title} would publish.", preview, _OBJECT, 5),
        asking("forecast", "Say what every phone would do after {title}.", forecast, Foreseen, _HEAVY),
        Endpoint(
            "POST",
            address,
            f"run{said}",
            f"Run {title}.",
            run,
            _TAG,
            Done,
            level=level,
            query=Limit,
            body=fields,
            needs_body=needs,
            body_bytes=1 << 20,
            keyed=True,
            cost=5,
            about="It is carried to its end, whether or not you wait for the answer.",
            act=title,
        ),
    ]


def _about(name: str, kind: type[Operation], control: Control) -> About:
    return About(name, kind.title, kind.privilege, kind.publisher_only, fields_of(control, kind))


def _operations(call: Call) -> Reply:
    return Reply([_about(name, kind, call.control) for name, kind in kinds().items()])


def _running(call: Call) -> Reply:
    return Reply(call.control.running())
