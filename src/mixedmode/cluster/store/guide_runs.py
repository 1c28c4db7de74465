"""Guided runs in the database: one may be open at a time, and whoever writes one must have read its newest state.

Rules:

1. A run is written only over the revision that it was read with: of two who go on with it at once, the second reads it
   again.
2. Whoever does a step says every few seconds that he still does; a run whose doer has been silent for longer was cut
   off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from mixedmode.cluster.model.errors import ClusterBusyError, NotFoundError
from mixedmode.cluster.store.database import LARGEST_NUMBER, Database
from mixedmode.cluster.store.schema import DeviceRow, DeviceSighting
from mixedmode.cluster.store.schema_guides import GuideRunRow, GuideSampleRow

BEAT_SECONDS: Final = 3.0
SILENT: Final = timedelta(seconds=15)
"""After so long without a word a doer is believed dead (rule 2)."""
_REGISTERS_SECONDS: Final = 1.0
"""After its configuration a phone registers sooner than that, and says what it holds."""


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run as the database has it.

    Attributes:
        number: Its number.
        procedure: Of which procedure.
        state: In a word.
        is_open: Whether it may run.
        revision: How often it was written.
        planned: When it was planned.
        beat: When its doer last said that he is there; None if nobody does anything.
        doer: Who that is: a process.
        document: The run.
    """

    number: int
    procedure: str
    state: str
    is_open: bool
    revision: int
    planned: datetime
    beat: datetime | None
    doer: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """How many phones were in step at a moment."""

    moment: datetime
    in_step: int
    total: int


def never_told() -> ColumnElement[bool]:
    """Return the condition that a phone never told which CTL it holds, so that nobody knows.

    So do phones that were never there, models that report nothing, and those that take files and do not register. One
    that said that it holds none did tell.
    """
    said = DeviceSighting.facts[("reported", "CTL")].as_string()
    told = exists().where(DeviceSighting.fkdevice == DeviceRow.id, said.is_not(None))
    return and_(DeviceRow.ctlhash == "", ~told)


class GuideRuns:
    """The runs of a cluster.

    Args:
        database: The publisher's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, procedure: str, state: str, document: Mapping[str, Any], now: datetime) -> int:
        """Keep a new run, which is not open yet; return its number."""
        with self._database.write() as session:
            row = GuideRunRow(
                procedure=procedure, state=state, planned=now, beat=None, isopen=None, document=dict(document)
            )
            session.add(row)
            session.flush()
            return row.id

    def find(self, number: int) -> KeptRun:
        """Return a run.

        Raises:
            NotFoundError: There is none of this number.
        """
        with self._database.read() as session:
            row = session.get(GuideRunRow, number) if number <= LARGEST_NUMBER else None
            if row is None:
                raise NotFoundError(f"there is no guided run {number}", next_step="mixedmode guide --list")
            return _kept(row)

    def open_one(self) -> KeptRun | None:
        """Return the run that is open, None if none is."""
        with self._database.read() as session:
            row = session.scalars(select(GuideRunRow).where(GuideRunRow.isopen == 1)).first()
            return None if row is None else _kept(row)

    def latest(self, number: int) -> list[KeptRun]:
        """Return so many runs, the newest first."""
        with self._database.read() as session:
            rows = session.scalars(select(GuideRunRow).order_by(GuideRunRow.id.desc()).limit(number))
            return [_kept(row) for row in rows]

    def write(
        self, kept: KeptRun, state: str, document: Mapping[str, Any], *, is_open: bool, beat: datetime | None, doer: str
    ) -> bool:
        """Write a run over what was read; return whether that was still its newest state (rule 1).

        Args:
            kept: As it was read.
            state: In a word.
            document: The run.
            is_open: Whether it may run now.
            beat: When its doer said that he is there.
            doer: Who does a step now; empty if nobody does.

        Raises:
            ClusterBusyError: Another run is open.
        """
        change = update(GuideRunRow).where(GuideRunRow.id == kept.number, GuideRunRow.revision == kept.revision)
        values = {
            "state": state,
            "document": dict(document),
            "isopen": 1 if is_open else None,
            "revision": kept.revision + 1,
            "beat": beat,
            "doer": doer,
        }
        with self._database.write() as session:
            if is_open and not kept.is_open:
                other = session.scalars(select(GuideRunRow.id).where(GuideRunRow.isopen == 1)).first()
                if other is not None and other != kept.number:
                    raise _another(other)
            try:
                done = session.execute(change.values(values))
            except IntegrityError as error:
                raise _another(None) from error
            return int(getattr(done, "rowcount", 0)) == 1

    def beat(self, number: int, doer: str, now: datetime) -> None:
        """Say that a doer is there (rule 2)."""
        with self._database.write() as session:
            mine = update(GuideRunRow).where(GuideRunRow.id == number, GuideRunRow.doer == doer)
            session.execute(mine.values(beat=now))

    def phones_in_step(self, sha1: str) -> tuple[int, int]:
        """Return how many phones last reported a CTL of this SHA-1, and how many there are."""
        with self._database.read() as session:
            total = session.scalar(select(func.count()).select_from(DeviceRow)) or 0
            holding = select(func.count()).select_from(DeviceRow).where(DeviceRow.ctlhash == sha1)
            return (session.scalar(holding) or 0) if sha1 else 0, total

    def phones_untold(self) -> int:
        """Return how many phones never told which CTL they hold (:func:`never_told`)."""
        with self._database.read() as session:
            query = select(func.count()).select_from(DeviceRow).where(never_told())
            return session.scalar(query) or 0

    def phones_expected(self, sha1: str, since: datetime, now: datetime) -> int:
        """Return how many phones that do not report a CTL may do so soon, since they were told to reset.

        Who took its configuration since has seen the list. If it reported another one after that, or did not register
        within a moment, it will not report it by itself.

        Args:
            sha1: Of the CTL, which was published before.
            since: When phones were told to reset.
            now: The time.
        """
        facts, moment_ago = DeviceSighting.facts, now.timestamp() - _REGISTERS_SECONDS
        said, took = facts[("reported", "CTL", 0)].as_float(), facts[("fetched", 0)].as_float()
        waits = or_(took.is_(None), took < since.timestamp(), and_(said < took, took > moment_ago))
        query = select(func.count()).select_from(DeviceRow).join(DeviceSighting)
        with self._database.read() as session:
            return session.scalar(query.where(DeviceRow.ctlhash != sha1, said.is_not(None), waits)) or 0

    def sample(self, number: int, now: datetime, sha1: str, *, least: timedelta = timedelta(seconds=10)) -> None:
        """Note how many phones are in step, unless that was just done."""
        with self._database.read() as session:
            last = session.scalar(select(func.max(GuideSampleRow.moment)).where(GuideSampleRow.fkguiderun == number))
        if last is not None and now - last < least:
            return
        holding, total = self.phones_in_step(sha1)
        with self._database.write() as session:
            values = {"fkguiderun": number, "moment": now, "instep": holding, "total": total}
            session.execute(insert(GuideSampleRow).values(values))

    def samples(self, number: int) -> list[Sample]:
        """Return what was noted of a run, oldest first."""
        query = select(GuideSampleRow).where(GuideSampleRow.fkguiderun == number).order_by(GuideSampleRow.moment)
        with self._database.read() as session:
            return [Sample(row.moment, row.instep, row.total) for row in session.scalars(query)]


def _another(number: int | None) -> ClusterBusyError:
    which = "another guided run" if number is None else f"guided run {number}"
    return ClusterBusyError(f"{which} is open already", next_step="end or stop it first: one change at a time")


def _kept(row: GuideRunRow) -> KeptRun:
    return KeptRun(
        row.id, row.procedure, row.state, row.isopen == 1, row.revision, row.planned, row.beat, row.doer, row.document
    )
