"""What nodes are asked to tell their registered phones, in the database: so it may be asked for anywhere.

Rules:

1. Each node tells its own phones, in waves, and writes down how far it is.
2. An order that nobody took for a while is over: who was down does not reset phones hours later.
3. An order names phones, or is for all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, insert, select, update

from mixedmode.cluster.store.database import Database
from mixedmode.cluster.store.schema import DeviceRow
from mixedmode.cluster.store.schema_guides import PhoneOrderRow, PhoneOrderToldRow

GOOD_FOR: Final = timedelta(minutes=2)
"""So long an order is taken (rule 2)."""


@dataclass(frozen=True, slots=True)
class PhoneOrder:
    """An order.

    Attributes:
        number: Its number.
        moment: When it was given.
        user: By whom.
        kind: ``reset``, ``restart`` or ``apply``.
        devices: For these phones, in upper case; None: for all.
    """

    number: int
    moment: datetime
    user: str
    kind: str
    devices: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Told:
    """How far a node is with an order.

    Attributes:
        node: Its name.
        told: So many phones were told,
        total: of so many that are registered there.
        ended: When it was through; None if it is not.
    """

    node: str
    told: int
    total: int
    ended: datetime | None


class PhoneOrders:
    """The orders of a cluster.

    Args:
        database: The publisher's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, user: str, source: str, kind: str, devices: Collection[str] | None, now: datetime) -> int:
        """Give an order; return its number."""
        names = None if devices is None else sorted({name.upper() for name in devices})
        values = {"moment": now, "username": user, "source": source, "kind": kind, "devices": {"names": names}}
        with self._database.write() as session:
            return int(session.execute(insert(PhoneOrderRow).values(values).returning(PhoneOrderRow.id)).scalar_one())

    def waiting(self, node: str, now: datetime) -> list[PhoneOrder]:
        """Return the orders that a node has not taken yet, oldest first (rule 2)."""
        taken = select(PhoneOrderToldRow.fkphoneorder).where(PhoneOrderToldRow.node == node)
        query = select(PhoneOrderRow).where(PhoneOrderRow.moment > now - GOOD_FOR, PhoneOrderRow.id.not_in(taken))
        with self._database.read() as session:
            return [_order(row) for row in session.scalars(query.order_by(PhoneOrderRow.id))]

    def note(self, number: int, node: str, told: int, total: int, ended: datetime | None) -> None:
        """Write down how far a node is with an order (rule 1)."""
        here = (PhoneOrderToldRow.fkphoneorder == number) & (PhoneOrderToldRow.node == node)
        values = {"told": told, "total": total, "ended": ended}
        with self._database.write() as session:
            done = session.execute(update(PhoneOrderToldRow).where(here).values(values))
            if not getattr(done, "rowcount", 0):
                session.execute(insert(PhoneOrderToldRow).values(fkphoneorder=number, node=node, **values))

    def told(self, number: int) -> list[Told]:
        """Return how far each node is with an order, by name."""
        query = select(PhoneOrderToldRow).where(PhoneOrderToldRow.fkphoneorder == number)
        with self._database.read() as session:
            rows = session.scalars(query.order_by(PhoneOrderToldRow.node))
            return [Told(row.node, row.told, row.total, row.ended) for row in rows]

    def seen_since(self, moment: datetime) -> int:
        """Return how many devices registered or reported since a moment."""
        query = select(func.count()).select_from(DeviceRow).where(DeviceRow.lastseen >= moment)
        with self._database.read() as session:
            return session.scalar(query) or 0

    def since(self, moment: datetime) -> list[PhoneOrder]:
        """Return the orders that were given since a moment, oldest first."""
        query = select(PhoneOrderRow).where(PhoneOrderRow.moment >= moment).order_by(PhoneOrderRow.id)
        with self._database.read() as session:
            return [_order(row) for row in session.scalars(query)]


def _order(row: PhoneOrderRow) -> PhoneOrder:
    names = row.devices.get("names")
    return PhoneOrder(row.id, row.moment, row.username, row.kind, None if names is None else frozenset(names))
