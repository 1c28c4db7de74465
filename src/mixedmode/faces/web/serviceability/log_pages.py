"""Alarms and the audit log: what is wrong now, what failed or was refused, and who did what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, select

from mixedmode.cluster.store.schema import AuditRow
from mixedmode.cluster.store.state import utc_now
from mixedmode.control.acts import SHOW_AUDIT
from mixedmode.control.audit_log import moment as moment_of
from mixedmode.control.audit_log import what
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table, contains, equals

AUDIT_PATH: Final = "/ccmservice/audit"
ALARMS_PATH: Final = "/ccmservice/alarms"


def _what(row: Any) -> str:
    return what(row)[:400]


def _since(text: str) -> ColumnElement[bool]:
    try:
        return AuditRow.moment >= moment_of(text, utc_now())
    except UsageError:
        return AuditRow.id < 0  # a moment that is none lets nothing through; the page says so


_NODE: Final = AuditRow.details["node"].as_string()
_OUTCOMES: Final = ("started", "done", "undone", "failed", "refused", "locked", "ended", "installed", "removed")
_ALARMING: Final = ("failed", "refused", "locked", "undone")
_COLUMNS: Final = (
    Column("time", "Time", AuditRow.id, lambda row: row.moment.isoformat(timespec="seconds")),
    Column("person", "Person", AuditRow.username, lambda row: row.username),
    Column("address", "From", AuditRow.source, lambda row: row.source, low=True),
    Column("act", "Act", AuditRow.action, lambda row: row.action),
    Column("outcome", "Outcome", AuditRow.outcome, lambda row: row.outcome),
    Column("node", "Node", _NODE, lambda row: row.details.get("node", ""), low=True),
    Column("what", "What", None, _what, sorts=False),
)
AUDIT: Final = Table(
    "audit entries",
    _COLUMNS,
    (
        Filter("person", "Person", contains(AuditRow.username)),
        Filter("act", "Act", contains(AuditRow.action)),
        Filter(
            "outcome",
            "Outcome",
            equals(AuditRow.outcome),
            choices=tuple((each, each) for each in _OUTCOMES),
        ),
        Filter("node", "Node", equals(_NODE)),
        Filter("since", "Since (2h, 7d, 2026-11-26)", _since),
    ),
    sort="-time",
    tie=AuditRow.id,
)
ALARMS: Final = Table(
    "past alarms",
    _COLUMNS,
    (
        Filter(
            "outcome",
            "Outcome",
            equals(AuditRow.outcome),
            choices=tuple((each, each) for each in _ALARMING),
        ),
        Filter("since", "Since (2h, 7d, 2026-11-26)", _since),
    ),
    sort="-time",
    tie=AuditRow.id,
)
ALARMING: Final = AuditRow.outcome.in_(_ALARMING)
ROWS: Final = select(
    AuditRow.id,
    AuditRow.moment,
    AuditRow.username,
    AuditRow.source,
    AuditRow.action,
    AuditRow.outcome,
    AuditRow.operation,
    AuditRow.details,
)


def audit(ask: Ask) -> Answer:
    """Show the audit log."""
    ask.control.allow(ask.principal, SHOW_AUDIT)
    if ask.wants_csv:
        return Csv("audit-log", AUDIT.header, _rows(ask, AUDIT, ROWS))
    with ask.cluster.database.read() as session:
        sheet = AUDIT.of_database(session, ROWS, AUDIT_PATH, ask.query)
    return View("ccmservice/audit.html", {"sheet": sheet, "what": _what, "wrong": _wrong_since(ask)})


def alarms(ask: Ask) -> Answer:
    """Show what is wrong now, and what failed or was refused."""
    may = ask.may(SHOW_AUDIT.level)
    query = ROWS.where(ALARMING)
    if ask.wants_csv:
        ask.control.allow(ask.principal, SHOW_AUDIT)
        return Csv("alarms", ALARMS.header, _rows(ask, ALARMS, query))
    checked = ask.query.get("check", "")
    cards = ask.desk.cards.get(anew=bool(checked))
    sheet = None
    if may:
        with ask.cluster.database.read() as session:
            sheet = ALARMS.of_database(session, query, ALARMS_PATH, ask.query)
    return View(
        "ccmservice/alarms.html",
        {
            "cards": cards,
            "checked": checked,
            "holds": any(each.finding.id == checked for each in cards),
            "sheet": sheet,
            "what": _what,
            "level": SHOW_AUDIT.level,
            "wrong": _wrong_since(ask),
        },
    )


def _rows(ask: Ask, table: Table, query: Any) -> Iterator[Sequence[object]]:
    with ask.cluster.database.read() as session:
        yield from table.csv_of_database(session, query, ask.query)


def _wrong_since(ask: Ask) -> str:
    """Return what is wrong with the moment that was asked for; empty if nothing is."""
    text = ask.query.get("since", "").strip()
    try:
        if text:
            moment_of(text, ask.cluster.now())
    except MixedModeError as error:
        return f"{error}. {error.next_step or ''}"
    return ""
