"""The LSC of every phone: until when it is valid, who issued it, and whether it proves the phone now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, case, false, func, or_, select

from mixedmode.cluster.query.lsc_report import LscStanding
from mixedmode.control.acts import ORDER_CAPF
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table, contains
from mixedmode.faces.web.reporting.whole import MOST_ON_PAPER
from mixedmode.faces.web.standing.lscs import Lscs
from mixedmode.faces.web.standing.rows import LSCS
from mixedmode.inventory.kinds import MODES

SOON_DAYS: Final = 90
_LOST: Final = (LscStanding.EXPIRED, LscStanding.REVOKED, LscStanding.OTHER_ISSUER, LscStanding.UNREADABLE)
_GOOD: Final = (LscStanding.VALID, LscStanding.EXPIRES_SOON)
_COLUMN: Final = LSCS.c
_SECONDS: Final = 86_400


def phone_certificates(ask: Ask) -> Answer:
    """Show the report."""
    lscs, now = ask.desk.lscs, ask.cluster.now()
    standing = standing_at(now)
    table = _table(standing, now)
    query = select(*_COLUMN, standing.label("standing"))
    if ask.wants_csv:
        lscs.now()
        return Csv("phone-certificates", table.header, _rows(lscs, table, query, ask.query))
    lscs.fresh()
    with lscs.read() as session:
        sheet = table.of_database(session, query, ask.path, ask.query)
        if ask.query.get("all") == "yes":
            every = table.first_of_database(session, query, ask.query, MOST_ON_PAPER)
            sheet = replace(sheet, rows=every, number=1, size=max(len(every), 1))
        counts = select(func.count(), *(func.sum(case((each, 1), else_=0)) for each in _counted(standing)))
        total, lost, soon, valid = session.execute(counts.select_from(LSCS)).one()
    context = {
        "sheet": sheet,
        "total": total,
        "lost": lost or 0,
        "soon": soon or 0,
        "valid": valid or 0,
        "soon_days": SOON_DAYS,
        "may_order": ask.may(ORDER_CAPF.level),
        "lscs": lscs,
        "modes": MODES,
        "ends_of": _ends,
        "days_of": lambda row: _days(row, now),
    }
    return View("cucreports/phone_certificates.html", context, refresh=0 if lscs.moment or lscs.problem else 2)


def standing_at(now: datetime) -> ColumnElement[str]:
    """Return what the LSC of a row is worth at a moment, as :func:`.lsc_report` judges it."""
    moment = now.timestamp()
    return case(
        (and_(_COLUMN.has, _COLUMN.until.is_(None)), LscStanding.UNREADABLE.value),
        (_COLUMN.is_revoked, LscStanding.REVOKED.value),
        (_COLUMN.has.is_(false()), LscStanding.NONE.value),
        (_COLUMN.until < moment, LscStanding.EXPIRED.value),
        (_COLUMN.is_ours.is_(false()), LscStanding.OTHER_ISSUER.value),
        (_COLUMN.until <= moment + SOON_DAYS * _SECONDS, LscStanding.EXPIRES_SOON.value),
        else_=LscStanding.VALID.value,
    )


def _counted(standing: ColumnElement[str]) -> tuple[ColumnElement[bool], ...]:
    """Return what the page counts: secure phones whose LSC proves nothing, LSCs that end soon, good ones."""
    return (
        and_(_COLUMN.mode > 1, standing.in_([each.value for each in _LOST])),
        standing == LscStanding.EXPIRES_SOON.value,
        standing.in_([each.value for each in _GOOD]),
    )


def _table(standing: ColumnElement[str], now: datetime) -> Table:
    return Table(
        "phones",
        (
            Column("name", "Phone", _COLUMN.name, lambda row: row.name),
            Column("model", "Model", _COLUMN.model, lambda row: row.model),
            Column("mode", "Security mode", _COLUMN.mode, lambda row: MODES.get(row.mode, "")),
            Column("standing", "LSC", standing, lambda row: row.standing),
            Column("not_after", "Ends", _COLUMN.until, _ends),
            Column("days", "Days left", value=lambda row: _days(row, now), number=True, sorts=False),
            Column("issuer", "Issuer", _COLUMN.issuer, lambda row: row.issuer, low=True),
            Column("key", "Key", _COLUMN.key, lambda row: row.key, low=True),
            Column("serial", "Serial", _COLUMN.serial, lambda row: row.serial, low=True),
        ),
        (
            Filter("name", "Phone", contains(_COLUMN.name)),
            Filter("model", "Model", contains(_COLUMN.model)),
            Filter(
                "standing",
                "LSC",
                lambda text: standing == text,
                choices=tuple((each.value, each.value) for each in LscStanding),
            ),
            Filter(
                "secure",
                "Security mode",
                lambda text: _COLUMN.mode > 1 if text == "yes" else _COLUMN.mode <= 1,
                choices=(("yes", "authenticated or encrypted"), ("no", "non-secure")),
            ),
            Filter("issuer", "Issuer or serial", _is_of),
        ),
        sort="standing",
        tie=_COLUMN.name,
    )


def _is_of(text: str) -> ColumnElement[bool]:
    digits = text.lower().replace(":", "").replace(" ", "")
    named = contains(_COLUMN.issuer)(text)
    return or_(named, contains(_COLUMN.serial)(digits)) if digits else named


def _ends(row: Row[Any]) -> str:
    return "" if row.until is None else datetime.fromtimestamp(row.until, UTC).date().isoformat()


def _days(row: Row[Any], now: datetime) -> int | str:
    """Return in how many whole days an LSC ends, negative if it has."""
    return "" if row.until is None else (datetime.fromtimestamp(row.until, UTC) - now) // timedelta(days=1)


def _rows(
    lscs: Lscs, table: Table, query: Select[*tuple[Any, ...]], asked: Mapping[str, str]
) -> Iterator[Sequence[object]]:
    with lscs.read() as session:
        yield from table.csv_of_database(session, query, asked)
