"""Filters of the pages that a person keeps under a name; each sees his own alone.

Rules:

1. A filter is an address of a table, without the number of the page: what it shows is looked up anew each time.
2. Keeping one under a name that is taken replaces that one.
3. Keeping and dropping are in the audit log, written in the transaction that does it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select

from mixedmode.cluster.engine.principal import Principal
from mixedmode.cluster.engine.results import DONE
from mixedmode.cluster.facade import Cluster
from mixedmode.cluster.model.errors import NotFoundError
from mixedmode.cluster.store.schema_api import SavedFilterRow
from mixedmode.control.acts import DROP_FILTER, SAVE_FILTER
from mixedmode.errors import UsageError

NAME_LENGTH: Final = 64
QUERY_LENGTH: Final = 1024
OF_ONE: Final = 50
"""Filters of one account."""


@dataclass(frozen=True, slots=True)
class SavedFilter:
    """A filter.

    Attributes:
        id: Names it.
        name: As its owner calls it.
        path: The table's address, without query.
        query: The rest, encoded.
    """

    id: str
    name: str
    path: str
    query: str

    @property
    def address(self) -> str:
        """The table as it was kept."""
        return f"{self.path}?{self.query}" if self.query else self.path


class SavedFilters:
    """The filters of one node's accounts.

    Args:
        cluster: Its cluster, as administrators change it.
        node: Its name.
    """

    def __init__(self, cluster: Cluster, node: str) -> None:
        self._database, self._now, self._node = cluster.database, cluster.now, node
        self._operations = cluster.operations

    def all(self, principal: Principal, path: str | None = None) -> list[SavedFilter]:
        """Return a person's filters by name: all, or those of one table."""
        query = select(SavedFilterRow).where(*self._mine(principal))
        if path is not None:
            query = query.where(SavedFilterRow.path == path)
        with self._database.read() as session:
            return [_told(row) for row in session.scalars(query.order_by(SavedFilterRow.name))]

    def save(self, principal: Principal, name: str, path: str, query: str) -> SavedFilter:
        """Keep a filter (rule 2).

        Raises:
            UsageError: It has no name, is too long, or the person has too many.
        """
        self._operations.authorize(principal, SAVE_FILTER.name, SAVE_FILTER.level, {"filter": name})
        if not name or len(name) > NAME_LENGTH or not name.isprintable():
            raise UsageError(f"a name has 1 to {NAME_LENGTH} printable characters", where="name")
        if len(query) > QUERY_LENGTH or len(path) > 255:
            raise UsageError("the filter is too long to be kept", where="filter", next_step="say less in its fields")
        mine = self._mine(principal)
        with self._database.write() as session:
            session.execute(delete(SavedFilterRow).where(*mine, SavedFilterRow.name == name))
            if (session.scalar(select(func.count()).select_from(SavedFilterRow).where(*mine)) or 0) >= OF_ONE:
                raise UsageError(f"an account keeps at most {OF_ONE} filters", next_step="drop those that nobody uses")
            row = SavedFilterRow(
                id=secrets.token_hex(6), node=self._node, username=principal.user, name=name, path=path, query=query,
                created=self._now(),
            )  # fmt: skip
            session.add(row)
            self._operations.journal.record(session, principal, SAVE_FILTER.name, DONE, {"filter": name, "table": path})
            return _told(row)

    def drop(self, principal: Principal, which: str) -> SavedFilter:
        """Drop a filter.

        Raises:
            NotFoundError: There is none, or it is somebody else's.
        """
        with self._database.write() as session:
            row = session.scalar(select(SavedFilterRow).where(*self._mine(principal), SavedFilterRow.id == which))
            if row is None:
                raise NotFoundError(f"there is no filter {which!r}", next_step="look at the page of your filters")
            session.delete(row)
            self._operations.journal.record(session, principal, DROP_FILTER.name, DONE, {"filter": row.name})
            return _told(row)

    def _mine(self, principal: Principal) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return SavedFilterRow.node == self._node, SavedFilterRow.username == principal.user


def _told(row: SavedFilterRow) -> SavedFilter:
    return SavedFilter(row.id, row.name, row.path, row.query)
