"""Keeps the table of phones up to date: reads what changed, judges each kind of phone once.

Rules:

1. The database is read again when somebody looks, at most as often as that costs a twentieth of the time: small
   clusters are always up to date, of 40,000 phones a page may be a few seconds old, and says from when it is.
2. Of what was read, only phones whose row is another one are looked at again; all of them only if a list came into the
   archive, since it may explain what a phone shows.
3. What cannot be read leaves the table as it was, with the reason (:attr:`Standing.problem`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.orm import Session

from mixedmode.control.door import Control
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.faces.web.kit.outcomes import LOOKS, Counts
from mixedmode.faces.web.standing.reading import CHUNK, Known, RowMaker, known, lsc_issuers, page
from mixedmode.faces.web.standing.rereading import Rereading
from mixedmode.faces.web.standing.rows import PHONES, new_file
from mixedmode.faces.web.standing.world import State, World
from mixedmode.phone.mind.fate.prospect import Fate

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.inventory.kinds import PhoneKind

SEVERITY: Final = {look.fate: place for place, look in enumerate(LOOKS)}
"""The place of an outcome, the worst 0."""
_log = logging.getLogger(__name__)


class Standing:
    """How the phones of a cluster stand.

    Args:
        cluster: To be read.

    Attributes:
        counts_now: Phones by outcome, as of the last reading.
        problem: Why the last reading failed; empty if it did not.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.counts_now = Counts()
        self.problem = ""
        self._engine = new_file()
        self._rereading = Rereading(self._refresh, self._failed, "web-standing")
        self._marks: dict[int, int] = {}
        self._version = 0
        self._holdings: tuple[int, Sequence[Row[Any]]] = (-1, ())
        self._known: Known | None = None
        self._maker: RowMaker | None = None
        self._numbers: dict[PhoneKind, int] = {}
        self._states: list[State] = []
        self._world: World | None = None
        self._numbering: World | None = None

    def counts(self) -> Counts:
        """Return phones by outcome."""
        self.fresh(0.05)
        return self.counts_now

    def fresh(self, seconds: float = 0.1) -> None:
        """Read again what is due, and wait for it as long; the first time a little longer."""
        self._rereading.fresh(seconds)

    @property
    def is_ready(self) -> bool:
        """Whether the phones were read once."""
        return self._rereading.is_ready

    @property
    def moment(self) -> datetime | None:
        """When they were read last."""
        return self.counts_now.moment

    @property
    def published(self) -> dict[str, str]:
        """SHA-256 of the lists that phones are offered, by kind."""
        return {} if self._world is None else self._world.published

    @property
    def offered(self) -> dict[str, frozenset[str]]:
        """SHA-256 of the lists that any node offers to its phones, by kind."""
        return {} if self._world is None else self._world.offered

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session on the table of phones."""
        with Session(self._engine) as session:
            yield session

    def state(self, number: int) -> State:
        """Return what decided about the phones of a row."""
        return self._states[number]

    @property
    def states(self) -> Sequence[State]:
        """All of them."""
        return tuple(self._states)

    @property
    def world(self) -> World | None:
        """What phones are offered, and who answers them; None before the phones were read once."""
        return self._world

    @property
    def mark(self) -> tuple[str, int]:
        """Another one when a phone, or anything that decides about phones, is."""
        return ("" if self._world is None else self._world.mark), self._version

    def holdings(self) -> Sequence[Row[Any]]:
        """Return how many phones hold which CTL and ITL: rows with ``ctl``, ``itl`` and ``phones``."""
        version, kept = self._holdings
        if version == self._version:
            return kept
        version = self._version
        column = PHONES.c
        query = select(column.ctl, column.itl, func.count().label("phones")).group_by(column.ctl, column.itl)
        with self.read() as session:
            found = session.execute(query).all()
        self._holdings = version, found
        return found

    def now(self) -> None:
        """Read again, whatever it costs, and wait for it."""
        self._rereading.now()

    def close(self) -> None:
        """Let the table go."""
        self._rereading.close()
        self._engine.dispose()

    def _failed(self, error: Exception) -> None:
        if isinstance(error, MixedModeError):
            self.problem = str(error)
            self._count_unknown()
        else:
            self.problem = "the phones could not be read; the node's log says why"
            _log.error("phones could not be read", exc_info=error)

    def _count_unknown(self) -> None:
        """Without what was seen of them, phones are unknown, and never counted as safe."""
        if self.counts_now.moment is not None:
            return
        try:
            number = len(self._cluster.devices)
        except MixedModeError:
            return
        self.counts_now = Counts({Fate.UNKNOWN: number}, self._cluster.now())

    # What is read.

    def _refresh(self) -> None:
        if Control(self._cluster).is_copy:
            raise UsageError("a subscriber's copy of the database does not have what was seen of phones")
        moment = self._cluster.now()
        known_now = known(self._cluster, self._known)
        if known_now is not self._known:
            self._known, self._maker = known_now, RowMaker(known_now, self._number)
            self._marks.clear()
        world = World(self._cluster)
        is_new = self._world is None or self._world.mark != world.mark
        if not is_new and self._world is not None:
            world = self._world
        with Session(self._engine) as session, session.begin():
            if is_new:
                self._judge_again(session, world)
            self._world = world
            changes = self._read_devices(session, world)
            places = select(PHONES.c.severity, func.count()).group_by(PHONES.c.severity)
            found = {LOOKS[place].fate: count for place, count in session.execute(places)}
        self._version += changes
        self.counts_now = Counts(found, moment)
        self.problem = ""

    def _judge_again(self, session: Session, world: World) -> None:
        for kind, number in self._numbers.items():
            before, after = self._states[number], world.state(kind)
            self._states[number] = after
            if before.outcome is not after.outcome:
                severity = SEVERITY[after.outcome]
                session.execute(update(PHONES).where(PHONES.c.state == number).values(severity=severity))

    def _read_devices(self, session: Session, world: World) -> int:
        there: set[int] = set()
        changes, last = 0, -1
        while True:
            found = page(self._cluster, last)
            there.update(row.id for row in found)
            changed = [row for row in found if self._marks.get(row.id) != hash(tuple(row))]
            if changed:
                session.execute(insert(PHONES).prefix_with("OR REPLACE"), self._made(changed, world))
                changes += 1
                self._marks.update((row.id, hash(tuple(row))) for row in changed)
            if len(found) < CHUNK or self._rereading.is_closed:
                break
            last = found[-1].id
        for number in self._marks.keys() - there:
            session.execute(delete(PHONES).where(PHONES.c.id == number))
            del self._marks[number]
            changes += 1
        return changes

    def _made(self, changed: Sequence[Row[Any]], world: World) -> list[dict[str, Any]]:
        issuers = lsc_issuers(self._cluster, [row.id for row in changed if row.lsc is not None])
        assert self._maker is not None  # noqa: S101 - the archive was read before
        self._numbering = world
        made = [self._maker.row(row, issuers.get(row.id, "")) for row in changed]
        return [{**row, "severity": SEVERITY[self._states[row["state"]].outcome]} for row in made]

    def _number(self, kind: PhoneKind) -> int:
        number = self._numbers.get(kind)
        if number is None:
            assert self._numbering is not None  # noqa: S101 - set before rows are made
            self._states.append(self._numbering.state(kind))
            number = self._numbers[kind] = len(self._states) - 1
        return number

    @property
    def known(self) -> Known | None:
        """What the archive explains; None before the phones were read once."""
        return self._known
