"""What was seen of phones, in the database: one row for each device of the cluster, and none for anybody else.

Rules:

1. Facts are added in short transactions of many devices; two nodes that add to one row do so one after the other.
2. A name that is no device's is left out.
3. What a phone reported also stands at its device, as administrators know it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.model.records import Device
from mixedmode.cluster.model.sightings import NONE, Seen
from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.devices import DEVICES, device_of
from mixedmode.cluster.store.schema import DeviceRow, DeviceSighting

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

CHUNK: Final = 500
"""Devices of one transaction."""


class SightingStore:
    """What was seen of a cluster's devices.

    Args:
        database: The publisher's: subscribers hold no copy of it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> frozenset[str]:
        """Return the names of all devices."""
        with self._database.read() as session:
            return frozenset(session.scalars(select(DeviceRow.name)))

    def add(self, found: Mapping[str, Seen]) -> None:
        """Add what was seen, in one transaction (rules 1 to 3); give at most :data:`CHUNK` devices.

        Raises:
            DatabaseError: It cannot be written now; nothing is.
        """
        with self._database.write() as session:
            query = select(DeviceRow.name, DeviceRow.id).where(DeviceRow.name.in_(found)).order_by(DeviceRow.id)
            numbers = dict(session.execute(query).all())
            if not numbers:
                return
            self._make_rows(session, list(numbers.values()))
            kept = select(DeviceSighting.fkdevice, DeviceSighting.facts).where(
                DeviceSighting.fkdevice.in_(numbers.values())
            )
            facts: dict[int, dict[str, Any]] = dict(
                session.execute(kept.order_by(DeviceSighting.fkdevice).with_for_update()).all()
            )
            rows, devices = [], []
            for name, number in numbers.items():
                seen = Seen.of(facts.get(number, {}))
                seen.merge(found[name])
                rows.append({"number": number, "document": seen.document()})
                if found[name].registered is not None or found[name].reported:
                    devices.append(_at_device(number, seen))
            connection = session.connection()
            table = DeviceSighting.__table__
            change = update(DeviceSighting).where(table.c.fkdevice == bindparam("number"))
            connection.execute(change.values(facts=bindparam("document")), rows)
            if devices:
                change = update(DeviceRow).where(DeviceRow.__table__.c.id == bindparam("number"))
                columns = DeviceRow.__table__.c
                values = {
                    name: func.coalesce(bindparam(f"new_{name}", type_=columns[name].type), columns[name])
                    for name in ("lastseen", "itlhash", "ctlhash")
                }
                connection.execute(change.values(values), devices)

    def __iter__(self) -> Iterator[tuple[Device, Seen]]:
        """Go through all devices by name, with what was seen of each."""
        last = ""
        while True:
            query = (
                DEVICES.add_columns(DeviceSighting.facts)
                .outerjoin(DeviceSighting, DeviceSighting.fkdevice == DeviceRow.id)
                .where(DeviceRow.name > last)
                .order_by(DeviceRow.name)
                .limit(CHUNK)
            )
            with self._database.read() as session:
                page = [(device_of(row, pool), Seen.of(facts or {})) for row, pool, facts in session.execute(query)]
            yield from page
            if len(page) < CHUNK:
                return
            last = page[-1][0].name

    def _make_rows(self, session: Session, numbers: list[int]) -> None:
        made = _insert(is_sqlite=self._database.is_sqlite).on_conflict_do_nothing()
        session.execute(made, [{"fkdevice": number, "facts": {}} for number in numbers])


def _insert(*, is_sqlite: bool) -> sqlite.Insert | postgresql.Insert:
    """Return an insertion; SQLAlchemy loads a dialect with all of its drivers when it is named, so only that one is."""
    if is_sqlite:
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite

        return insert_sqlite(DeviceSighting)
    from sqlalchemy.dialects.postgresql import insert as insert_postgresql

    return insert_postgresql(DeviceSighting)


def _at_device(number: int, seen: Seen) -> dict[str, Any]:
    said = {kind: "" if held == NONE else held for kind, (_, held) in seen.reported.items()}
    moments = [moment for moment, _ in seen.reported.values()]
    moments += [seen.registered.moment] if seen.registered is not None else []
    return {
        "number": number,
        "new_lastseen": datetime.fromtimestamp(max(moments), UTC),
        "new_itlhash": said.get("ITL"),
        "new_ctlhash": said.get("CTL"),
    }
