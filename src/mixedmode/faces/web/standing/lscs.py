"""Keeps the table of LSCs up to date: reads what changed, parses and verifies each LSC once.

Rules:

1. It is read when somebody looks, and not before. A small cluster is read at once, and what is shown is exact; of a
   larger one in which phones change all the time a page may be some seconds old, and while it is read for the first
   time pages show how far that is.
2. It needs nothing but what every node's copy of the database has.
3. A phone's row holds what is so at any time; what an LSC is worth at a moment follows in the query.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, Row, delete, func, insert, select, update
from sqlalchemy.orm import Session

from mixedmode.cluster.query.lsc_report import lsc_issuers, read_lsc
from mixedmode.cluster.store.schema import DeviceRow
from mixedmode.errors import MixedModeError
from mixedmode.faces.web.standing.reading import lsc_ders
from mixedmode.faces.web.standing.rereading import Rereading
from mixedmode.faces.web.standing.rows import LSCS, new_file

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.pki.certificates.certificates import Certificate

SMALL: Final = 500
"""Phones that are read while a page waits."""
_CHUNK: Final = 1000
_WAIT_SECONDS: Final = 0.05
_NO_MARK: Final = -1  # no hash of Python's
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Sources:
    """What decides about LSCs, beside the phones.

    Attributes:
        issuers: Whose LSCs are believed, the present CAPF first.
        revoked: SHA-256 of the LSCs that are revoked.
        without: Devices of which one was revoked.
    """

    issuers: tuple[Certificate, ...]
    revoked: frozenset[str]
    without: frozenset[str]


class Lscs:
    """The LSCs of a cluster's phones.

    Args:
        cluster: To be read.

    Attributes:
        moment: When they were read last; None before.
        problem: Why the last reading failed; empty if it did not.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.moment: datetime | None = None
        self.problem = ""
        self._making = threading.Lock()
        self._engine: Engine | None = None
        self._issuers: tuple[bytes, ...] | None = None
        self._revoked = 0
        self._read: object = None
        self._rereading = Rereading(self._refresh, self._failed, "web-lscs")

    def fresh(self) -> None:
        """Read again what is due: all of a small cluster, else as much as can be waited for."""
        if len(self._cluster.devices) <= SMALL:
            self._rereading.now()
        elif self.moment is not None and self._read == _version(self._cluster):
            self.moment = self._cluster.now()
        else:
            self._rereading.fresh(_WAIT_SECONDS, _WAIT_SECONDS)

    def now(self) -> None:
        """Read again, whatever it costs, and wait for it."""
        self._rereading.now()

    def close(self) -> None:
        """Let the table go."""
        self._rereading.close()
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session on the table."""
        with Session(self._file()) as session:
            yield session

    def _file(self) -> Engine:
        with self._making:
            if self._engine is None:
                self._engine = new_file(LSCS)
            return self._engine

    def _failed(self, error: Exception) -> None:
        if isinstance(error, MixedModeError):
            self.problem = str(error)
        else:
            self.problem = "the LSCs could not be read; the node's log says why"
            _log.error("LSCs could not be read", exc_info=error)

    def _refresh(self) -> None:
        moment, version = self._cluster.now(), _version(self._cluster)
        store = self._cluster.devices
        revoked = frozenset(each.hex() for each in store.revoked_lscs())
        sources = _Sources(lsc_issuers(self._cluster), revoked, store.with_revoked_lscs())
        issuers = tuple(each.sha256 for each in sources.issuers)
        with Session(self._file()) as session:
            if issuers != self._issuers:
                session.execute(update(LSCS).values(mark=_NO_MARK))
            last = -1
            while not self._rereading.is_closed:
                found = _page(self._cluster, last)
                following = found[-1].id if len(found) == _CHUNK else None
                self._follow(session, found, last, following, sources)
                session.commit()
                if following is None:
                    break
                last = following
            if len(revoked) != self._revoked:
                self._revoke(session, revoked)
                session.commit()
        self._issuers, self._revoked, self._read = issuers, len(revoked), version
        self.moment, self.problem = moment, ""

    def _follow(
        self, session: Session, found: Sequence[Row[Any]], last: int, end: int | None, sources: _Sources
    ) -> None:
        """Make the rows behind one number, up to another, as the phones are that were found there."""
        here = LSCS.c.id > last if end is None else LSCS.c.id.between(last + 1, end)
        kept: dict[int, int] = {row.id: row.mark for row in session.execute(select(LSCS.c.id, LSCS.c.mark).where(here))}
        marks = {row.id: hash((*row, row.name in sources.without)) for row in found}
        changed = [row for row in found if kept.get(row.id) != marks[row.id]]
        if changed:
            ders = lsc_ders(self._cluster, [row.id for row in changed if row.lsc is not None])
            made = [{**_row(row, ders.get(row.id), sources), "mark": marks[row.id]} for row in changed]
            session.execute(insert(LSCS).prefix_with("OR REPLACE"), made)
        gone = kept.keys() - marks.keys()
        if gone:
            session.execute(delete(LSCS).where(LSCS.c.id.in_(gone)))

    def _revoke(self, session: Session, revoked: frozenset[str]) -> None:
        """Note what was revoked of another device of the same LSC."""
        hashes = sorted(revoked)
        for start in range(0, len(hashes), _CHUNK):
            named = LSCS.c.sha256.in_(hashes[start : start + _CHUNK])
            session.execute(update(LSCS).where(named).values(is_revoked=True))


def _version(cluster: Cluster) -> tuple[int | None, ...]:
    """Return what is another one when an operation, CAPF or a load of devices changed anything."""
    with cluster.database.read() as session:
        count, last = session.execute(select(func.count(), func.max(DeviceRow.id))).one()
    return cluster.last_change(), count, last


def _page(cluster: Cluster, last: int) -> Sequence[Row[Any]]:
    query = (
        select(
            DeviceRow.id,
            DeviceRow.name,
            DeviceRow.model,
            DeviceRow.securitymode,
            # Enough of an LSC to notice another one: its serial number is in the first bytes.
            func.substr(DeviceRow.lsc, 1, 64).label("lsc"),
        )
        .where(DeviceRow.id > last)
        .order_by(DeviceRow.id)
        .limit(_CHUNK)
    )
    with cluster.database.read() as session:
        return session.execute(query).all()


def _row(device: Row[Any], der: bytes | None, sources: _Sources) -> dict[str, Any]:
    lsc = None if der is None else read_lsc(der, sources.issuers)
    row = {"id": device.id, "name": device.name, "model": device.model, "mode": device.securitymode}
    if lsc is None:
        revoked = der is None and device.name in sources.without
        nothing = {"until": None, "issuer": "", "serial": "", "key": "", "sha256": ""}
        return {**row, "has": der is not None, "is_revoked": revoked, "is_ours": False, **nothing}
    sha256 = lsc.certificate.sha256.hex()
    return {
        **row,
        "has": True,
        "is_revoked": sha256 in sources.revoked,
        "is_ours": lsc.is_ours,
        "until": lsc.until.timestamp(),
        "issuer": lsc.certificate.issuer,
        "serial": lsc.certificate.serial.hex(),
        "key": lsc.certificate.key_description,
        "sha256": sha256,
    }
