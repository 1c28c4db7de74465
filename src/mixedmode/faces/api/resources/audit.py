"""The audit log: who did what, and who was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from mixedmode.control.acts import SHOW_AUDIT
from mixedmode.control.audit_log import OUTCOMES, Wanted, moment
from mixedmode.faces.api.endpoint import LAX, Call, Endpoint, Reply


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

    since: Annotated[
        str | None, Field(max_length=40, description="From then on: 30m, 2h, 7d, or a date such as 2026-11-26T10:00.")
    ] = None
    user: Annotated[str | None, Field(max_length=128, description="Of this account.")] = None
    action: Annotated[str | None, Field(max_length=128, description="Whose action begins so, such as utils ctl.")] = (
        None
    )
    outcome: Annotated[str | None, Field(max_length=32, description=f"One of {', '.join(OUTCOMES)}, or CAPF's.")] = None
    last: Annotated[int, Field(ge=1, le=10_000, description="So many, the newest ones.")] = 100


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


ENDPOINTS: Final = (
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
