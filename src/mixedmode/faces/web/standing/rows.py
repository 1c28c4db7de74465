"""The tables of phones that pages sort, filter and page through: files of SQLite that last as long as the service.

What the cluster's database has of a phone, and how it stands, or what its LSC says; they can be made anew at any time.
"""

from __future__ import annotations

import sqlite3
import weakref
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
)
from sqlalchemy.pool import QueuePool

from mixedmode.faces.web.standing.own_folder import make_folder

_META: Final = MetaData()
PHONES: Final = Table(
    "phones",
    _META,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False, unique=True),
    Column("model", String, nullable=False),
    Column("description", String, nullable=False),
    Column("pool", String, nullable=False),
    Column("mode", Integer, nullable=False),
    Column("state", Integer, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("ctl", String, nullable=False),
    Column("itl", String, nullable=False),
    Column("ctl_source", String, nullable=False),
    Column("itl_source", String, nullable=False),
    Column("ctl_time", Float, nullable=False),
    Column("itl_time", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("registered", Float, nullable=False),
    Column("address", String, nullable=False),
    Column("security", String, nullable=False),
    Index("ix_phones_severity", "severity", "name"),
    Index("ix_phones_state", "state"),
    Index("ix_phones_seen", "seen"),
)
"""A phone each. ``severity`` is the place of its outcome, the worst 0; ``state`` the number of what decided about it;
``ctl`` and ``itl`` are what it holds: the SHA-256 of a list that was published, ``none``, what it said, or nothing."""


LSCS: Final = Table(
    "lscs",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
    Column("model", String, nullable=False),
    Column("mode", Integer, nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("has", Boolean, nullable=False),
    Column("is_revoked", Boolean, nullable=False),
    Column("is_ours", Boolean, nullable=False),
    Column("until", Float),
    Column("issuer", String, nullable=False),
    Column("serial", String, nullable=False),
    Column("key", String, nullable=False),
    Column("sha256", String, nullable=False),
)
"""A phone each, and its LSC. ``mark`` is another number when anything else is; ``has`` an LSC, of which nothing can be
read if ``until`` (seconds since 1970) is not there; ``is_revoked``: it, or the last one of a phone that has none."""


def new_file(table: Table = PHONES) -> Engine:
    """Return an empty table in a file that goes with the engine."""
    folder, remove = make_folder("mixedmode-web-")
    engine = create_engine(f"sqlite:///{folder / 'phones.db'}", poolclass=QueuePool, pool_size=8)
    weakref.finalize(engine, remove)
    event.listen(engine, "connect", _connected)
    table.metadata.create_all(engine)
    return engine


def _connected(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA busy_timeout=10000")
