"""The inventory of a cluster from its own database: which phones there are, and which lists each holds, if known.

It gives the rows that the reader of files gives, and each value with its source and time. What a phone holds is
concluded from what it reported and what it was given since (:mod:`.evidence`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mixedmode.cluster.publishing import archive
from mixedmode.errors import MixedModeError, UsageError
from mixedmode.inventory.cells import COLUMNS as READ_COLUMNS
from mixedmode.inventory.cells import KIND_COLUMNS, Cells, model_of
from mixedmode.inventory.evidence import Evidence, Finding
from mixedmode.inventory.fast_lane import Known
from mixedmode.inventory.kinds import MODES, Unexplained
from mixedmode.inventory.library import Library
from mixedmode.inventory.reading import Batch
from mixedmode.pki.certificates.certificates import Certificate

if TYPE_CHECKING:
    from mixedmode.cluster.facade import Cluster
    from mixedmode.cluster.model.records import Device
    from mixedmode.cluster.model.sightings import Seen
    from mixedmode.inventory.kinds import Held, PhoneKind
    from mixedmode.inventory.reading import Row

COLUMNS: Final = (*READ_COLUMNS, "ctl_source", "ctl_time", "itl_source", "itl_time", "address")
"""Of an exported inventory: those of forecast.md 1, then where each list is known from, since when, and the address."""
_BATCH: Final = 512
_DEVICES: Final = "the cluster's devices"


@dataclass(frozen=True, slots=True)
class Entry:
    """A phone of the cluster.

    Attributes:
        device: As administrators made it.
        seen: What was seen of it.
        ctl: What is known of its CTL.
        itl: The same of its ITL.
        lsc_issuer: Who issued its LSC; empty if it has none, or the node does not know it.
        lsc_fault: ``ended`` or ``revoked``; empty if it is neither.
        tvs_servers: The TVS servers of its configuration, if it has registered here: that names both.
    """

    device: Device
    seen: Seen
    ctl: Finding
    itl: Finding
    lsc_issuer: str = ""
    lsc_fault: str = ""
    tvs_servers: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is known what it holds; of a legacy model, its CTL."""
        model = model_of(self.device.model)
        return bool(self.ctl.held and (self.itl.held or (model is not None and not model.asks_itl)))

    @property
    def registered(self) -> str:
        """When it registered last, ISO 8601; empty if it never did."""
        return "" if self.seen.registered is None else _iso(self.seen.registered.moment)

    @property
    def last_seen(self) -> str:
        """When anything was heard of it last."""
        return _iso(self.seen.last)

    def cells(self) -> dict[str, str]:
        """Return its cells by the columns of :data:`COLUMNS`."""
        return {
            "name": self.device.name,
            "model": self.device.model,
            "ctl": self.ctl.held,
            "itl": self.itl.held,
            "device_pool": self.device.device_pool,
            "security_mode": MODES.get(self.device.security_mode, ""),
            "registered": self.registered,
            "last_seen": self.last_seen,
            "lsc_issuer": self.lsc_issuer,
            "tvs_servers": self.tvs_servers,
            "ctl_source": self.ctl.source,
            "ctl_time": _iso(self.ctl.moment),
            "itl_source": self.itl.source,
            "itl_time": _iso(self.itl.moment),
            "address": self.seen.address,
        }

    def document(self) -> dict[str, Any]:
        """Return it as JSON: the cells, and what was seen."""
        seen = self.seen
        found: dict[str, Any] = dict(self.cells())
        for kind, finding in (("ctl", self.ctl), ("itl", self.itl)):
            found[f"{kind}_possible"] = list(finding.possible)
            found[f"{kind}_given"] = list(finding.given)
        found["delivered"] = [
            {"kind": kind, "sha256": each.sha256 or None, "address": each.address, "time": _iso(each.moment)}
            | ({} if each.whole else {"acknowledged": False})
            for kind, deliveries in seen.deliveries.items()
            for each in deliveries
        ]
        if seen.fetched is not None:
            fact = seen.fetched
            found["configuration"] = {"name": fact.name, "address": fact.address, "time": _iso(fact.moment)}
        if seen.asked is not None:
            asked = seen.asked
            found["tvs"] = {
                "serial": asked.serial or None,
                "known": asked.known,
                "address": asked.address,
                "time": _iso(asked.moment),
            }
        if seen.registered is not None:
            found["registration"] = {"security": seen.registered.security, "address": seen.registered.address}
        found["sources"] = {"name": _DEVICES, "model": _DEVICES, "device_pool": _DEVICES, "security_mode": _DEVICES}
        return found


class ClusterInventory:
    """The phones of a cluster.

    Args:
        cluster: The publisher's, open for reading.
        library: Explains hashes; the lists that the cluster published are added.

    Raises:
        UsageError: It is a subscriber's copy, where it cannot be seen.

    Attributes:
        name: For messages.
    """

    def __init__(self, cluster: Cluster, library: Library) -> None:
        if cluster.operations.journal.is_copy:
            raise UsageError(
                "a subscriber's copy of the database does not have what was seen of phones",
                where=cluster.database.label,
                next_step="run this on the publisher",
            )
        self.name = f"the cluster of {cluster.publisher.name}"
        self._cluster = cluster
        for data in archive.contents(cluster.database):
            library.add(data)
        self._library = library
        self._evidence = Evidence(library)
        self._cells = Cells(library, Path())
        self._hash = hashlib.sha256()
        self._kinds: dict[tuple[object, ...], PhoneKind] = {}
        self._interned: dict[PhoneKind, PhoneKind] = {}

    def entries(self) -> Iterator[Entry]:
        """Yield the phones by name."""
        lscs = self._lscs()
        nodes = {node.name: f"{node.name} {node.address}".strip() for node in self._cluster.nodes()}
        by_pool: dict[str, str] = {}
        for device, seen in self._cluster.sightings:
            ctl, itl = self._evidence.findings(model_of(device.model), seen)
            servers = ""
            if seen.registered is not None:
                pool = device.device_pool
                if pool not in by_pool:
                    named = self._cluster.trust_servers(device.name) or nodes
                    by_pool[pool] = " ".join(nodes[each] for each in named if each in nodes)
                servers = by_pool[pool]
            yield Entry(device, seen, ctl, itl, *lscs.get(device.name, ("", "")), servers)

    def rows(self) -> Iterator[Row]:
        """Yield the phones as the reader of a file does."""
        for entry in self.entries():
            cells = entry.cells()
            columns = tuple(cells[column] for column in KIND_COLUMNS)
            self._hash.update(repr((entry.device.name, *columns)).encode())
            key = (*columns, entry.lsc_fault, *(each.possible or each.given for each in (entry.ctl, entry.itl)))
            kind = self._kinds.get(key)
            if kind is None:
                made = replace(self._cells.kind(cells), model_name=entry.device.model, lsc_fault=entry.lsc_fault)
                made = replace(made, ctl=self._given(made.ctl, entry.ctl), itl=self._given(made.itl, entry.itl))
                kind = self._kinds[key] = self._interned.setdefault(made, made)
            yield entry.device.name, kind, (entry.registered, entry.last_seen)

    def batches(self) -> Iterator[Batch]:
        """Yield the same, a few hundred at once."""
        rows = self.rows()
        while some := list(islice(rows, _BATCH)):
            yield Batch([name for name, _, _ in some], [Known(kind, carried) for _, kind, carried in some])

    def sha256(self) -> str:
        """Return a hash of what is known of the phones whose rows were read, lower hex."""
        return self._hash.hexdigest()

    def _given(self, held: Held, finding: Finding) -> Held:
        """Return a list that is not known, with those that the phone may hold by what it was given."""
        if not isinstance(held, Unexplained):
            return held
        lists = (self._library.find(each) for each in finding.possible or finding.given)
        return replace(held, given=tuple(each for each in lists if each is not None))

    def _lscs(self) -> dict[str, tuple[str, str]]:
        """Return by name the issuer of each device's LSC, and why it is taken no more."""
        now, revoked = self._cluster.now(), self._cluster.devices.revoked_lscs()
        found = {}
        for name, der in self._cluster.devices.lscs():
            try:
                lsc = Certificate.from_der(der)
                fault = "revoked" if lsc.sha256 in revoked else "ended" if lsc.not_after < now else ""
                found[name] = lsc.issuer, fault
            except MixedModeError:
                continue
        return found


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds") if moment else ""
