"""The list of phones: by outcome, model, pool, security mode, the list that they hold, and name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, false, func, or_, select
from sqlalchemy.orm import Session

from mixedmode.cluster.store.schema import TrustFileArchiveRow
from mixedmode.control.acts import RESET_PHONES
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.outcomes import LOOKS, Counts
from mixedmode.faces.web.kit.tables import Column, Filter, Table, contains, equals
from mixedmode.faces.web.standing.rows import PHONES
from mixedmode.faces.web.standing.standing import SEVERITY, Standing
from mixedmode.inventory.kinds import MODES
from mixedmode.phone.mind.fate.prospect import SAFE, Fate

PATH: Final = "/ccmadmin/phones"
NOT_IN_STEP: Final = "not-in-step"
_OUTCOMES: Final = (*((look.fate.value, look.word) for look in LOOKS), (NOT_IN_STEP, "not in step"))


def phones(ask: Ask) -> Answer:
    """Show the phones that the address asks for."""
    standing = ask.desk.standing
    standing.fresh()
    with standing.read() as session:
        table = _table(ask, session)
        if ask.wants_csv:
            table = _with_why(standing, table)
            return Csv("phones", table.header, _rows(standing, table, ask.query))
        sheet = table.of_database(session, select(PHONES), ask.path, ask.query)
    counts = standing.counts_now
    return View(
        "phones/phones.html",
        {
            "sheet": sheet,
            "standing": standing,
            "outcome_of": lambda row: LOOKS[row.severity].fate,
            "held": partial(_held_text, standing.offered),
            "moment_of": moment_of,
            "modes": MODES,
            "lead": lead(counts),
            "may_reset": ask.may(RESET_PHONES.level) and ask.desk.resets.can,
            "resets": ask.desk.resets.running(),
        },
    )


def lead(counts: Counts) -> tuple[str, str]:
    """Return the answer with its number, and one sentence more."""
    total = counts.total
    behind, unknown = counts[Fate.BEHIND], counts[Fate.UNKNOWN]
    lost = counts[Fate.LOCKED_OUT] + counts[Fate.FROZEN]
    if not total:
        return "There are no phones.", "The cluster's database has no device yet."
    away = lost + behind + unknown
    first = f"{away:,} of {total:,} phones {'is' if away == 1 else 'are'} not known to be in step."
    if not away:
        return f"All {total:,} phones are in step.", ""
    parts = [
        f"{behind:,} can be brought along from afar" if behind else "",
        f"{lost:,} {'is' if lost == 1 else 'are'} locked out or frozen" if lost else "",
        f"for {unknown:,} the lists that they hold are not known" if unknown else "",
    ]
    said = "; ".join(part for part in parts if part)
    return first, f"{said[:1].upper()}{said[1:]}."


def moment_of(seconds: float) -> datetime | None:
    """Return a time of the table of phones; None for never."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _held_text(offered: Mapping[str, frozenset[str]], kind: str, held: str) -> str:
    """Return what a phone holds of a kind of list, in a word."""
    if not held:
        return "not known"
    if held == "none":
        return "none"
    return "newest" if held in offered.get(kind, ()) else "older"


def _table(ask: Ask, session: Session) -> Table:
    column = PHONES.c
    models = session.execute(select(column.model, func.count()).group_by(column.model).order_by(column.model)).all()
    pools = session.scalars(select(column.pool).distinct().order_by(column.pool)).all()
    return Table(
        "phones",
        (
            Column("name", "Device name", column.name, lambda row: row.name),
            Column("outcome", "Outcome", column.severity, lambda row: LOOKS[row.severity].word),
            Column("why", "Why, and the next step", None, lambda row: row.description, sorts=False),
            Column("model", "Model", column.model, lambda row: row.model),
            Column("pool", "Device pool", column.pool, lambda row: row.pool, low=True),
            Column("mode", "Mode", column.mode, lambda row: MODES.get(row.mode, ""), low=True),
            Column("ctl", "CTL", column.ctl, lambda row: row.ctl, low=True),
            Column("itl", "ITL", column.itl, lambda row: row.itl, low=True),
            Column("seen", "Last seen", column.seen, _seen),
        ),
        (
            Filter("outcome", "Outcome", _outcome, choices=_OUTCOMES),
            Filter("name", "Device name or description", _name),
            Filter("model", "Product", equals(column.model), choices=tuple((m, f"{m} ({n:,})") for m, n in models)),
            Filter("pool", "Device pool", equals(column.pool), choices=tuple((pool, pool) for pool in pools)),
            Filter("mode", "Security mode", _mode, choices=tuple((str(k), v) for k, v in MODES.items())),
            Filter("list", "Holds list (checksum)", partial(_holds, ask)),
        ),
        sort="outcome",
        tie=column.name,
    )


def _seen(row: Row[Any]) -> str:
    moment = moment_of(row.seen)
    return "" if moment is None else moment.isoformat(timespec="seconds")


def _outcome(text: str) -> ColumnElement[bool]:
    if text == NOT_IN_STEP:
        return PHONES.c.severity.not_in([SEVERITY[fate] for fate in SAFE])
    return PHONES.c.severity == SEVERITY[Fate(text)]


def _name(text: str) -> ColumnElement[bool]:
    return or_(contains(PHONES.c.name)(text.replace(":", "")), contains(PHONES.c.description)(text))


def _mode(text: str) -> ColumnElement[bool]:
    return PHONES.c.mode == int(text)


def _holds(ask: Ask, text: str) -> ColumnElement[bool]:
    """Return the condition for a checksum of any of the three kinds, or its first digits; ``none`` and ``unknown``."""
    column = PHONES.c
    if text.lower() in {"none", "unknown"}:
        said = "none" if text.lower() == "none" else ""
        return or_(column.ctl == said, column.itl == said)
    digits = "".join(text.lower().replace(":", " ").split())
    if not digits or not all(each in "0123456789abcdef" for each in digits):
        return false()
    row = TrustFileArchiveRow
    query = select(row.sha256).where(or_(*(each.startswith(digits) for each in (row.sha256, row.sha1, row.md5))))
    with ask.cluster.database.read() as session:
        lists = session.scalars(query.limit(200)).all()
    shown = (each.startswith(digits) for each in (column.ctl, column.itl))
    return or_(column.ctl.in_(lists), column.itl.in_(lists), *shown)


def _with_why(standing: Standing, table: Table) -> Table:
    """Return a table with the columns that only its CSV has."""
    why = (
        Column("reason", "Reason", value=lambda row: standing.state(row.state).reason, sorts=False),
        Column("next_step", "Next step", value=lambda row: standing.state(row.state).next_step, sorts=False),
    )
    return replace(table, columns=(*table.columns, *why))


def _rows(standing: Standing, table: Table, asked: Mapping[str, str]) -> Iterator[Sequence[object]]:
    with standing.read() as session:
        yield from table.csv_of_database(session, select(PHONES), asked)
