"""Exactly those phones that a change would lose, as a table with an address of its own.

Rules:

1. The address holds the change (:mod:`.staging`), so that the list can be sent to others; it is foreseen anew each
   time.
2. A panel that asks before one change counts phones as they restart right after it (:mod:`..foresight`), and the
   forecast's page as its plan says. Each leads to the phones that it counted: ``at=once`` is a panel's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sqlalchemy import select

from mixedmode.errors import UsageError
from mixedmode.faces.web.foresight import foresee
from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Column, Filter, Table, contains
from mixedmode.faces.web.pages.trust.foreseeing import Foreseen, foreseen
from mixedmode.faces.web.pages.trust.staging import LONGEST, OPERATIONS, Staged, StagedStep
from mixedmode.faces.web.standing.rows import PHONES

if TYPE_CHECKING:
    from mixedmode.cluster.engine.operation import Operation

PATH: Final = "/trust/forecast/lost"
_ONCE: Final = "once"
_TABLE: Final = Table(
    "lost phones",
    (
        Column("name", "Device name", PHONES.c.name, lambda row: row.name),
        Column("model", "Model", PHONES.c.model, lambda row: row.model),
        Column("pool", "Device pool", PHONES.c.pool, lambda row: row.pool),
        Column("description", "Description", PHONES.c.description, lambda row: row.description, low=True),
    ),
    (
        Filter("name", "Name", contains(PHONES.c.name), lambda row, wanted: wanted.lower() in row.name.lower()),
        Filter("model", "Model", contains(PHONES.c.model), lambda row, wanted: wanted.lower() in row.model.lower()),
        Filter("pool", "Pool", contains(PHONES.c.pool), lambda row, wanted: wanted.lower() in row.pool.lower()),
    ),
    sort="name",
    tie=PHONES.c.id,
)
_ROWS: Final = select(PHONES.c.name, PHONES.c.model, PHONES.c.pool, PHONES.c.description, PHONES.c.state)


def lost_address(operations: Sequence[Operation]) -> str:
    """Return the address of the phones that a panel counts as lost; empty if no address can hold the change."""
    steps = tuple(
        StagedStep(each.title, {field.name: getattr(each, field.name) for field in fields(each)}) for each in operations
    )
    if any(step.title not in OPERATIONS for step in steps):
        return ""
    try:
        text = Staged(steps).checked().text()
    except (UsageError, TypeError):
        return ""
    return f"{PATH}?at={_ONCE}&plan={quote(text, safe='')}" if len(text) <= LONGEST else ""


def lost(ask: Ask) -> Answer:
    """Show the phones that the change of the address would lose."""
    text, at = ask.query.get("plan", ""), ask.query.get("at", "")
    staged = Staged.read(text)
    kept = {key: value for key, value in (("plan", text), ("at", at)) if value}
    rows: list[Any] | None = None
    states: Sequence[int] = ()
    if staged.steps and at == _ONCE:
        found = foresee(ask, [ask.control.operation(step.title, step.fields) for step in staged.steps])
        if found.why:
            raise UsageError("it cannot be foreseen", why=found.why, next_step="ask again soon")
        states = found.states
    elif staged.steps:
        made = foreseen(ask, staged)
        if made.plan.someone_is_off:
            rows = _scanned(ask, made)
        else:
            states = _states(ask, made)
    query = _ROWS.where(PHONES.c.state.in_(states))
    with ask.desk.standing.read() as session:
        if ask.wants_csv:
            csv = _TABLE.csv_of_database(session, query, ask.query) if rows is None else None
            given = list(csv if csv is not None else _TABLE.csv_of_rows(rows or (), ask.query))
            return Csv("lost", _TABLE.header, given)
        if rows is None:
            sheet = _TABLE.of_database(session, query, PATH, ask.query)
        else:
            sheet = _TABLE.of_rows(rows, PATH, ask.query)
    steps = [step.label for step in staged.steps]
    return View("trust/lost.html", {"sheet": replace(sheet, kept=kept), "steps": steps, "plan": text})


def _keys(made: Foreseen) -> set[tuple[Any, tuple[bool, ...]]]:
    return {(cell.forecast.kind, cell.absences) for cell in made.lost}


def _states(ask: Ask, made: Foreseen) -> list[int]:
    """Return what decides about those who are lost, where nobody is off."""
    keys, standing = _keys(made), ask.desk.standing
    with standing.read() as session:
        numbers = list(session.scalars(select(PHONES.c.state).distinct()))
    return [each for each in numbers if (replace(standing.state(each).kind, pool=""), ()) in keys]


def _scanned(ask: Ask, made: Foreseen) -> list[Any]:
    """Return those who are lost, where it matters who is off: that is decided by name."""
    keys, standing = _keys(made), ask.desk.standing
    with standing.read() as session:
        return [
            row
            for row in session.execute(_ROWS.order_by(PHONES.c.name))
            if (replace(standing.state(row.state).kind, pool=""), made.plan.absences(row.name)) in keys
        ]
