"""The shortest schedule that still fails: fewer steps, fewer phones, a calmer network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from tests.simulation.play import Play
from tests.simulation.schedule import Schedule
from tests.simulation.tracked import Finding
from tests.simulation.world.network import Weather

T = TypeVar("T")
Fails = Callable[[Schedule], bool]
_CALM: Final[dict[str, Any]] = {"weather": Weather(), "crashes": 0.0, "http": "off"}
_PLAINLY: Final[tuple[dict[str, Any], ...]] = (
    _CALM,
    *({name: value} for name, value in _CALM.items()),
    {"sha512": False},
    {"nodes": 1},
)
"""Parts of a schedule as they are where nothing is special."""


def shrunk(schedule: Schedule, rule: str) -> tuple[Schedule, list[Finding]]:
    """Return the shortest schedule in which a rule still does not hold, and what is found then.

    Args:
        schedule: One in which it does not hold.
        rule: See :class:`.Finding`.
    """

    def fails(tried: Schedule) -> bool:
        return any(each.rule == rule for each in _findings(tried))

    before = None
    while schedule != before:
        before = schedule
        for plainly in _PLAINLY:
            simpler = replace(schedule, **plainly)
            if simpler != schedule and fails(simpler):
                schedule = simpler
        for part in ("phones", "steps", "before"):
            schedule = _fewer(schedule, part, fails)
        phones = tuple(replace(each, away=(0, 0), old_load=False) for each in schedule.phones)
        if phones != schedule.phones and fails(replace(schedule, phones=phones)):
            schedule = replace(schedule, phones=phones)
        for place, step in enumerate(schedule.steps):
            for plainer in (
                replace(step, off=0.0),
                replace(step, half=""),
                replace(step, cut=False),
                replace(step, damage=""),
                replace(step, tvs="up"),
                replace(step, reset=True),
            ):
                steps = (*schedule.steps[:place], plainer, *schedule.steps[place + 1 :])
                tried = replace(schedule, steps=steps)
                if tried != schedule and fails(tried):
                    schedule = tried
                    step = plainer  # noqa: PLW2901 - the next attempt goes on from here
    return schedule, _findings(schedule)


def _findings(schedule: Schedule) -> list[Finding]:
    return Play(schedule).run().findings


def _with(schedule: Schedule, **parts: object) -> Schedule:
    return replace(schedule, **parts)  # type: ignore[arg-type]


def _fewer(schedule: Schedule, part: str, fails: Fails) -> Schedule:
    """Return a schedule with a smallest part of its phones, or steps, with which it still fails (delta debugging)."""
    pieces = 2
    while items := getattr(schedule, part):
        size = max(1, len(items) // pieces)
        for kept in _parts(items, size):
            tried = _with(schedule, **{part: kept})
            if len(kept) < len(items) and fails(tried):
                schedule, pieces = tried, 2
                break
        else:
            if size == 1:
                break
            pieces = min(2 * pieces, len(items))
    return schedule


def _parts(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    chunks = [tuple(items[start : start + size]) for start in range(0, len(items), size)]
    yield from chunks
    for left_out in range(len(chunks)):
        yield tuple(each for number, chunk in enumerate(chunks) if number != left_out for each in chunk)


def told(schedule: Schedule, findings: Sequence[Finding]) -> list[str]:
    """Return a schedule and what was found in it, for people."""
    lines = [
        f"cluster {schedule.version}, {schedule.nodes} nodes, CTL {schedule.ctl}, SHA-512 {schedule.sha512}",
        f"before: {schedule.before or 'nothing'}",
        f"network {schedule.weather}, crashes {schedule.crashes}, HTTP {schedule.http}",
        *(f"step {number}: {step}" for number, step in enumerate(schedule.steps, 1)),
        *(f"phone {phone}" for phone in schedule.phones[:5]),
    ]
    return [*lines, *map(str, findings[:10])]
