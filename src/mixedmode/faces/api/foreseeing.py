"""What phones would do: after an operation of the cluster, or after a plan of several steps.

Nothing is changed and no key is used. The phones are the cluster's own, or those of an inventory that was sent; no file
of this host is read for it, whatever an inventory or a plan says.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from mixedmode.cluster.engine.operation import Operation
from mixedmode.cluster.publishing.looking import outlook
from mixedmode.cluster.publishing.outlook import Outlook
from mixedmode.faces.api.endpoint import Call
from mixedmode.faces.web.kit.problems import Problem
from mixedmode.forecast.cluster.outlooks import foreseen_step, in_force
from mixedmode.forecast.evaluation import Forecaster
from mixedmode.forecast.plan import Plan
from mixedmode.forecast.remedies import remedy
from mixedmode.forecast.tally import Cell
from mixedmode.inventory.cluster import ClusterInventory
from mixedmode.inventory.kinds import PhoneKind
from mixedmode.inventory.library import Library
from mixedmode.phone.mind.fate.prospect import LOST, Fate

NAMED: Final = 20
_AT_ONCE: Final = 2
"""Forecasts at the same time; more are refused and told to wait, so that phones keep the processor."""
_seats = threading.BoundedSemaphore(_AT_ONCE)
_BUSY: Final = Problem(429, "Other forecasts are being made.", "", "Ask again in a few seconds.", "forecasts-busy")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What phones would do.

    Attributes:
        phones: How many there are.
        without: By outcome, if they restarted now.
        after: By outcome, after the operation.
        lost: How many are frozen or locked out by it that were not without it.
        names: Of the first of them.
    """

    phones: int
    without: dict[str, int]
    after: dict[str, int]
    lost: int
    names: list[str]


@contextmanager
def seat() -> Iterator[None]:
    """Take a place among those who make forecasts.

    Raises:
        Problem: All are taken.
    """
    if not _seats.acquire(timeout=0.5):
        raise _BUSY
    try:
        yield
    finally:
        _seats.release()


def foreseen(call: Call, operation: Operation) -> Foreseen:
    """Return what the cluster's phones would do after an operation.

    Raises:
        MixedModeError: It would be refused.
        Problem: Too many forecasts are being made.
    """
    with seat():
        after = in_force(operation, call.control.preview(call.principal, operation).after)
        return _compared(operation.title, outlook(call.cluster), after, call)


def _compared(title: str, before: Outlook, after: Outlook, call: Call) -> Foreseen:
    present = foreseen_step("as it is", before, None)
    without = Forecaster(Plan((foreseen_step("phones restart", before, before),), present=present))
    with_it = Forecaster(Plan((foreseen_step(title, after, before),), present=present))
    now, then = Counter[Fate](), Counter[Fate]()
    known: dict[PhoneKind, tuple[Fate, Fate]] = {}
    names: list[str] = []
    lost = 0
    for name, kind, _ in ClusterInventory(call.cluster, Library()).rows():
        pair = known.get(kind)
        if pair is None:
            pair = known[kind] = without.outcome(kind), with_it.outcome(kind)
        now[pair[0]] += 1
        then[pair[1]] += 1
        if pair[1] in LOST and pair[0] not in LOST:
            lost += 1
            if len(names) < NAMED:
                names.append(name)
    return Foreseen(now.total(), _numbers(now), _numbers(then), lost, names)


def _numbers(found: Counter[Fate]) -> dict[str, int]:
    return {fate.value: found[fate] for fate in Fate}


def counted(forecaster: Forecaster, rows: Iterable[tuple[str, PhoneKind]]) -> list[Cell]:
    """Return phones by what becomes of them."""
    cells: dict[tuple[PhoneKind, tuple[bool, ...]], Cell] = {}
    plan = forecaster.plan
    for name, kind in rows:
        absences = plan.absences(name) if plan.someone_is_off else ()
        cell = cells.get((kind, absences))
        if cell is None:
            forecast = forecaster.of(kind, absences)
            cell = cells[kind, absences] = Cell(forecast, remedy(forecaster, forecast, absences), absences)
        cell.add(name)
    return list(cells.values())
