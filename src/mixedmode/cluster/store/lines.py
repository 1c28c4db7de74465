"""The lines of phones: which button has which directory number, and where its calls are forwarded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.model.lines import MOST_LINES, LineSpec
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.schema import DeviceRow
from mixedmode.cluster.store.schema_lines import DeviceNumPlanMap, NumPlan
from mixedmode.errors import UsageError

_QUERY = (
    select(NumPlan, DeviceNumPlanMap, DeviceRow.name)
    .join(DeviceNumPlanMap, DeviceNumPlanMap.fknumplan == NumPlan.id)
    .join(DeviceRow, DeviceRow.id == DeviceNumPlanMap.fkdevice)
)


class LineStore:
    """The lines of a cluster."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, device: str) -> list[LineSpec]:
        """Return a device's lines by button."""
        with self._database.read() as session:
            query = _QUERY.where(DeviceRow.name == device).order_by(DeviceNumPlanMap.numplanindex)
            return [_line(*row) for row in session.execute(query)]

    def all(self) -> list[LineSpec]:
        """Return all lines by number."""
        with self._database.read() as session:
            return [_line(*row) for row in session.execute(_QUERY.order_by(NumPlan.dnorpattern))]

    def get(self, number: str) -> LineSpec:
        """Return the line of a directory number.

        Raises:
            NotFoundError: There is none.
        """
        with self._database.read() as session:
            found = session.execute(_QUERY.where(NumPlan.dnorpattern == number)).first()
        if found is None:
            raise NotFoundError(f"there is no line {number!r}", next_step="mixedmode line list shows them")
        return _line(*found)


def placed(session: Session, lines: Iterable[LineSpec]) -> list[tuple[int, LineSpec]]:
    """Return lines with their buttons, and the ids of their phones, without a change.

    Raises:
        UsageError: A number or a button is taken.
        NotFoundError: There is no such device.
    """
    taken: dict[int, set[int]] = {}
    found = []
    for line in lines:
        device = session.scalars(select(DeviceRow.id).where(DeviceRow.name == line.device)).first()
        if device is None:
            raise NotFoundError(f"there is no device {line.device!r}", next_step="mixedmode device list shows them")
        if session.scalars(select(NumPlan.id).where(NumPlan.dnorpattern == line.number)).first() is not None:
            raise UsageError(f"line {line.number} is there already", where=line.number, next_step="leave it out")
        if device not in taken:
            query = select(DeviceNumPlanMap.numplanindex).where(DeviceNumPlanMap.fkdevice == device)
            taken[device] = set(session.scalars(query))
        position = _button(taken[device], line)
        taken[device].add(position)
        found.append((device, replace(line, position=position)))
    return found


def add_lines(session: Session, lines: Iterable[LineSpec]) -> None:
    """Add lines.

    Raises:
        UsageError: A number or a button is taken.
        NotFoundError: There is no such device.
    """
    for device, line in placed(session, lines):
        plan = NumPlan(dnorpattern=line.number, **_plan_values(line))
        session.add(plan)
        session.flush()
        place = DeviceNumPlanMap(fkdevice=device, fknumplan=plan.id, numplanindex=line.position, **_map_values(line))
        session.add(place)
    session.flush()


def change_line(session: Session, line: LineSpec) -> None:
    """Give a line other values; phone, number and button stay."""
    number = select(NumPlan.id).where(NumPlan.dnorpattern == line.number).scalar_subquery()
    session.execute(update(NumPlan).where(NumPlan.dnorpattern == line.number).values(**_plan_values(line)))
    session.execute(update(DeviceNumPlanMap).where(DeviceNumPlanMap.fknumplan == number).values(**_map_values(line)))


def remove_line(session: Session, number: str) -> None:
    """Remove a line."""
    session.execute(delete(NumPlan).where(NumPlan.dnorpattern == number))


def remove_lines_of(session: Session, device: str) -> None:
    """Remove the lines of a device."""
    mine = (
        select(DeviceNumPlanMap.fknumplan)
        .join(DeviceRow, DeviceRow.id == DeviceNumPlanMap.fkdevice)
        .where(DeviceRow.name == device)
    )
    session.execute(delete(NumPlan).where(NumPlan.id.in_(mine)))


def _button(taken: set[int], line: LineSpec) -> int:
    free = [each for each in range(1, MOST_LINES + 1) if each not in taken]
    if line.position in taken or not free:
        what = f"button {line.position} of {line.device} has a line already"
        raise UsageError(
            what if free else f"{line.device} has no free button",
            where=line.number,
            next_step="leave the button out, or remove the line that is there",
        )
    return line.position or free[0]


def _plan_values(line: LineSpec) -> dict[str, str]:
    return {
        "alertingname": line.name,
        "cfadestination": line.forward_all,
        "cfbdestination": line.forward_busy,
        "cfnadestination": line.forward_no_answer,
    }


def _map_values(line: LineSpec) -> dict[str, str | int]:
    return {"label": line.label, "busytrigger": line.calls}


def _line(plan: NumPlan, place: DeviceNumPlanMap, device: str) -> LineSpec:
    return LineSpec(
        device,
        plan.dnorpattern,
        place.numplanindex,
        plan.alertingname,
        place.label,
        plan.cfadestination,
        plan.cfbdestination,
        plan.cfnadestination,
        place.busytrigger,
    )
