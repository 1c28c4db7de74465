"""What a cluster is, to be compared: every table and every file of its nodes; and what the audit log says since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from mixedmode.cluster.engine.results import AuditRecord
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.store.schema import Base

JOURNAL = frozenset({"auditlog", "operation", "operationstep", "operationfile", "operationlock"})
"""Tables that tell of changes."""


def state_of(cluster: Cluster) -> Mapping[str, object]:
    """Every row by table and number, and the hash of every file of every node."""
    found: dict[str, object] = {}
    with cluster.database.read() as session:
        for table in Base.metadata.sorted_tables:
            if table.name not in JOURNAL:
                rows = sorted(repr(tuple(row)) for row in session.execute(select(table)))
                found |= {f"table {table.name}: {row}": True for row in rows}
    for node in cluster.nodes():
        root = cluster.folder(node.name).root
        for path in root.rglob("*"):
            name = f"{node.name}/{path.relative_to(root)}"
            if path.is_symlink():
                found[name] = str(path.readlink())
            elif path.is_file():
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@dataclass
class Watch:
    """Looks at a cluster before and after something is done."""

    cluster: Cluster

    def __post_init__(self) -> None:
        self._before = state_of(self.cluster)
        self._last = self._number()

    def _number(self) -> int:
        return max((record.number for record in self.cluster.operations.journal.audit()), default=0)

    def changed(self) -> list[str]:
        """What is new, gone or different."""
        now = state_of(self.cluster)
        return sorted(key for key in self._before.keys() | now.keys() if self._before.get(key) != now.get(key))

    def entries(self) -> list[AuditRecord]:
        """The audit entries since."""
        return [record for record in self.cluster.operations.journal.audit() if record.number > self._last]

    def unexplained(self) -> list[str]:
        """Changes that no entry tells of: a table without any, a file whose node no entry names."""
        done = [entry for entry in self.entries() if entry.outcome != "refused"]
        told = " ".join(json.dumps({**entry.details, "action": entry.action}, default=str) for entry in done)
        return [
            change
            for change in self.changed()
            if not done or not (change.startswith("table ") or change.partition("/")[0] in told)
        ]
