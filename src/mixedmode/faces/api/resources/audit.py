"""What is wrong now, the alarms of the past, and the audit log: who did what, and who was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from mixedmode.cluster.store.schema import AuditRow
from mixedmode.control.acts import SHOW_AUDIT
from mixedmode.control.audit_log import OUTCOMES, Wanted, moment
from mixedmode.control.audit_log import what as what_of
from mixedmode.faces.api.endpoint import LAX, Call, Endpoint, Reply
from mixedmode.faces.web.serviceability.log_pages import ALARMING, ROWS

_Since = Annotated[
    str | None, Field(max_length=40, description="From then on: 30m, 2h, 7d, or a date such as 2026-11-26T10:00.")
]
_Last = Annotated[int, Field(ge=1, le=10_000, description="So many, the newest ones.")]


@dataclass(frozen=True, slots=True)
class Record:
    """An entry.

    Attributes:
        source: An address, `console`, or `local` of the program itself.
        operation: Its number in the journal, null if it is no operation.
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
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Which:
    """Which entries."""

    __pydantic_config__ = LAX

    since: _Since = None
    user: Annotated[str | None, Field(max_length=128, description="Of this account.")] = None
    action: Annotated[str | None, Field(max_length=128, description="Whose action begins so, such as utils ctl.")] = (
        None
    )
    outcome: Annotated[str | None, Field(max_length=32, description=f"One of {', '.join(OUTCOMES)}, or CAPF's.")] = None
    last: _Last = 100


def _audit(call: Call) -> Reply:
    asked = call.asked(Which)
    since = None if asked.since is None else moment(asked.since, call.cluster.now())
    wanted = Wanted(since, asked.user, asked.action, asked.outcome, asked.last)
    return Reply(
        [
            Record(
                each.number,
                each.moment,
                each.user,
                each.source,
                each.level,
                each.node,
                each.action,
                each.outcome,
                each.operation,
                dict(each.details),
            )
            for each in call.control.audit_log(call.principal, wanted)
        ]
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong now.

    Attributes:
        id: Names it for as long as it holds.
        kind: What it is about.
        severity: `critical`, `warning` or `notice`.
        what: One sentence.
        cause: Why that is bad.
        remedy: What to do, and what that will do.
        command: The same at the `admin:` prompt; null if there is none.
        node: Where; null for the whole cluster.
        subject: The service, unit or outcome that it is about.
        phones: How many phones it concerns; 0 if that is not known.
        page: The page where its remedy is.
    """

    id: str
    kind: str
    severity: str
    what: str
    cause: str
    remedy: str
    command: str | None
    node: str | None
    subject: str | None
    phones: int
    page: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """What failed or was refused.

    Attributes:
        outcome: `failed`, `refused`, `locked` or `undone`.
        what: What became of it, in words.
    """

    number: int
    moment: datetime
    user: str
    source: str
    action: str
    outcome: str
    what: str


@dataclass(frozen=True, slots=True)
class Past:
    """Which alarms."""

    __pydantic_config__ = LAX

    since: _Since = None
    last: _Last = 100


def _findings(call: Call) -> Reply:
    found = []
    for card in call.desk.cards.get():
        each = card.finding
        found.append(
            Finding(
                each.id,
                each.kind.value,
                each.severity.value,
                each.what,
                each.cause,
                each.remedy,
                each.command or None,
                each.node or None,
                each.subject or None,
                each.phones,
                card.path,
            )
        )
    return Reply(found)


def _alarms(call: Call) -> Reply:
    call.control.allow(call.principal, SHOW_AUDIT)
    asked = call.asked(Past)
    query = ROWS.where(ALARMING).order_by(AuditRow.id.desc()).limit(asked.last)
    if asked.since is not None:
        query = query.where(AuditRow.moment >= moment(asked.since, call.cluster.now()))
    with call.cluster.database.read() as session:
        rows: list[Any] = list(session.execute(query))
    return Reply(
        [
            Alarm(row.id, row.moment, row.username, row.source, row.action, row.outcome, what_of(row))
            for row in reversed(rows)
        ]
    )


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/findings",
        "listFindings",
        "Say what is wrong now, worst first, and what helps.",
        _findings,
        "findings",
        list[Finding],
    ),
    Endpoint(
        "GET",
        "/alarms",
        "listAlarms",
        "Show what failed or was refused, the newest last.",
        _alarms,
        "findings",
        list[Alarm],
        level=SHOW_AUDIT.level,
        act=SHOW_AUDIT.name,
        query=Past,
    ),
    Endpoint(
        "GET",
        "/audit-log",
        "listAuditRecords",
        "Show the audit log, the newest entry last.",
        _audit,
        "audit log",
        list[Record],
        level=SHOW_AUDIT.level,
        act=SHOW_AUDIT.name,
        query=Which,
    ),
)
