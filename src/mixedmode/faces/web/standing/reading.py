"""What the cluster's database says of phones, as rows: what each holds by which evidence, and of which kind it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Row, Text, cast, func, select

from mixedmode.cluster.model.sightings import Seen
from mixedmode.cluster.publishing import archive
from mixedmode.cluster.store.schema import DevicePool, DeviceRow, DeviceSighting, TrustFileHistoryRow
from mixedmode.errors import MixedModeError
from mixedmode.inventory.cells import Cells, model_of
from mixedmode.inventory.evidence import Evidence, Finding
from mixedmode.inventory.kinds import MODES, PhoneKind, Unexplained
from mixedmode.inventory.library import Library
from mixedmode.pki.certificates.certificates import Certificate

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster

CHUNK: Final = 2000
"""Phones that are read at once."""
Numbered = Callable[[PhoneKind], int]
"""Returns the number of a kind of phone."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the lists of an archive explain.

    Attributes:
        newest: The number of its last entry.
        library: The lists by their hashes.
        evidence: Concludes what phones hold.
        cells: Reads what is known of a phone.
    """

    newest: int
    library: Library
    evidence: Evidence
    cells: Cells

    def held(self, text: str) -> str:
        """Return the SHA-256 of a list that a phone holds, if it is one of these; else what it said."""
        found = self.library.find(text) if text else None
        return found.sha256 if found is not None else text

    def findings(self, model: str, seen: Seen) -> tuple[Finding, Finding]:
        """Return what is known of a phone's CTL and of its ITL."""
        return self.evidence.findings(model_of(model), seen)


def known(cluster: Cluster, before: Known | None) -> Known:
    """Return what the cluster's archive explains; the same object if nothing came into it."""
    database = cluster.database
    with database.read() as session:
        newest = session.scalar(select(func.max(TrustFileHistoryRow.id))) or 0
    if before is not None and before.newest == newest:
        return before
    library = Library()
    for data in archive.contents(database):
        library.add(data)
    return Known(newest, library, Evidence(library), Cells(library, Path()))


def page(cluster: Cluster, last: int) -> Sequence[Row[Any]]:
    """Return the phones behind a number, at most :data:`CHUNK`, by number."""
    query = (
        select(
            DeviceRow.id,
            DeviceRow.name,
            DeviceRow.model,
            DeviceRow.description,
            DevicePool.name.label("pool"),
            DeviceRow.securitymode,
            cast(DeviceSighting.facts, Text).label("facts"),
            # Enough of an LSC to notice another one: its serial number is in the first bytes.
            func.substr(DeviceRow.lsc, 1, 64).label("lsc"),
        )
        .join(DevicePool)
        .outerjoin(DeviceSighting, DeviceSighting.fkdevice == DeviceRow.id)
        .where(DeviceRow.id > last)
        .order_by(DeviceRow.id)
        .limit(CHUNK)
    )
    with cluster.database.read() as session:
        return session.execute(query).all()


def lsc_issuers(cluster: Cluster, numbers: Sequence[int]) -> dict[int, str]:
    """Return who issued the LSCs of phones, by their numbers."""
    return {number: _issuer(der) for number, der in lsc_ders(cluster, numbers).items()}


def lsc_ders(cluster: Cluster, numbers: Sequence[int]) -> dict[int, bytes]:
    """Return the LSCs of phones that have one, by their numbers."""
    if not numbers:
        return {}
    query = select(DeviceRow.id, DeviceRow.lsc).where(DeviceRow.id.in_(numbers))
    with cluster.database.read() as session:
        return {number: der for number, der in session.execute(query) if der is not None}


class RowMaker:
    """Makes rows of :data:`.rows.PHONES`.

    Args:
        known: What explains hashes.
        numbered: Numbers kinds of phones.
    """

    def __init__(self, known: Known, numbered: Numbered) -> None:
        self._known, self._numbered = known, numbered
        self._by_cells: dict[tuple[str, str, str, str, int, str], int] = {}

    def row(self, device: Row[Any], issuer: str) -> dict[str, Any]:
        """Return a phone's row, without its outcome."""
        seen = seen_of(device.facts)
        ctl, itl = self._known.findings(device.model, seen)
        key = (device.model, ctl.held, itl.held, device.pool, device.securitymode, issuer)
        number = self._by_cells.get(key)
        if number is None:
            number = self._by_cells[key] = self._numbered(self._kind(device, ctl, itl, issuer))
        registered = seen.registered
        return {
            "id": device.id,
            "name": device.name,
            "model": device.model,
            "description": device.description,
            "pool": device.pool,
            "mode": device.securitymode,
            "state": number,
            "ctl": self._known.held(ctl.held),
            "itl": self._known.held(itl.held),
            "ctl_source": ctl.source,
            "itl_source": itl.source,
            "ctl_time": ctl.moment,
            "itl_time": itl.moment,
            "seen": seen.last,
            "registered": 0.0 if registered is None else registered.moment,
            "address": seen.address,
            "security": "" if registered is None else registered.security,
        }

    def _kind(self, device: Row[Any], ctl: Finding, itl: Finding, issuer: str) -> PhoneKind:
        cells = {
            "model": device.model,
            "ctl": ctl.held,
            "itl": itl.held,
            "device_pool": device.pool,
            "security_mode": MODES.get(device.securitymode, ""),
            "lsc_issuer": issuer,
        }
        try:
            return replace(self._known.cells.kind(cells), model_name=device.model, pool=device.pool)
        except MixedModeError:
            # What cannot be read says nothing.
            return PhoneKind(None, device.model, Unexplained(), Unexplained(), pool=device.pool)


def seen_of(facts: str | None) -> Seen:
    """Return what was seen of a phone, from the database's text."""
    return Seen.of(json.loads(facts) if facts else {})


@lru_cache(maxsize=1024)
def _issuer(der: bytes) -> str:
    try:
        return Certificate.from_der(der).issuer
    except MixedModeError:
        return ""
