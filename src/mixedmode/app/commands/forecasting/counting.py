"""Counts phones by what becomes of them, while they are read: one by one, or many of which the same is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mixedmode.forecast.remedies import remedy
from mixedmode.forecast.tally import Cell, add_all

if TYPE_CHECKING:
    from mixedmode.app.commands.forecasting.phones_out import Rows
    from mixedmode.forecast.evaluation import Forecaster
    from mixedmode.inventory.kinds import PhoneKind
    from mixedmode.inventory.reading import Batch

Take = Callable[[str, Cell], None]
"""Told of each phone and what becomes of it."""


class Counting:
    """Evaluates each kind of phone once, and counts phones.

    Args:
        forecaster: Says what becomes of a kind.
        write: Takes each phone's outcome, if somebody wants it.
        take: Told of each phone.

    Attributes:
        count: The phones so far.
    """

    def __init__(self, forecaster: Forecaster, write: Rows | None, take: Take | None) -> None:
        self.count = 0
        self._forecaster, self._write, self._take = forecaster, write, take
        self._off = forecaster.plan.someone_is_off
        self._cells: dict[tuple[int, tuple[bool, ...]], Cell] = {}
        self._shared: dict[int, Cell] = {}
        self._unfilled: dict[int, Cell] = {}

    @property
    def cells(self) -> list[Cell]:
        """What was counted."""
        return list(self._cells.values())

    def add(self, batch: Batch) -> None:
        """Count phones."""
        self.count += len(batch.names)
        if batch.shared and not self._off and self._take is None:
            self._add_shared(batch)
        else:
            self._add_each(batch)

    def _add_shared(self, batch: Batch) -> None:
        names, known, shared = batch.names, batch.known, self._shared
        places = list(map(id, known))
        for place, each in dict(zip(places, known, strict=True)).items():
            if place not in shared:
                shared[place] = self._cell_of(each.kind, ())
                self._unfilled[place] = shared[place]
        add_all(shared, self._unfilled, names, places)
        if self._write is not None:
            self._write.many(names, places, shared, known)

    def _add_each(self, batch: Batch) -> None:
        plan, write, take = self._forecaster.plan, self._write, self._take
        absences: tuple[bool, ...] = ()
        for name, (kind, carried) in zip(batch.names, batch.known, strict=True):
            if self._off:
                absences = plan.absences(name)
            cell = self._cell_of(kind, absences)
            cell.add(name)
            if write is not None:
                write(name, cell, carried)
            if take is not None:
                take(name, cell)

    def _cell_of(self, kind: PhoneKind, absences: tuple[bool, ...]) -> Cell:
        key = (id(kind), absences)
        cell = self._cells.get(key)
        if cell is None:
            forecast = self._forecaster.of(kind, absences)
            help_with = remedy(self._forecaster, forecast, absences)
            cell = self._cells[key] = Cell(forecast, help_with, absences)
        return cell
