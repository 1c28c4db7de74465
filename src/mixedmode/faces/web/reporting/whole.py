"""A report on one page, for paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mixedmode.faces.web.kit.answers import Answer, Csv, View
from mixedmode.faces.web.kit.asking import Ask
from mixedmode.faces.web.kit.tables import Table

MOST_ON_PAPER = 2000


def report(ask: Ask, table: Table, rows: Sequence[Any], template: str, context: dict[str, Any], file: str) -> Answer:
    """Return a report as its address asks for it: a page of it, all of it on one page, or a CSV.

    Args:
        ask: The request.
        table: What the rows are shown in.
        rows: All of them.
        template: Of the page.
        context: What it is given beside ``sheet``.
        file: The CSV's name.
    """
    if ask.wants_csv:
        return Csv(file, table.header, table.csv_of_rows(rows, ask.query))
    sheet = table.of_rows(rows, ask.path, ask.query)
    if ask.query.get("all") == "yes":
        every = table.fitting(rows, ask.query)[:MOST_ON_PAPER]
        sheet = replace(sheet, rows=every, number=1, size=max(len(every), 1))
    return View(template, {"sheet": sheet, **context})
