"""The table of phones that pages sort, filter and page through: a file of SQLite that lasts as long as the service.

What the cluster's database has of a phone, and how it stands; it can be made anew at any time.
"""

from __future__ import annotations

import sqlite3
import tempfile
import weakref
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Engine, Float, Index, Integer, MetaData, String, Table, create_engine, event
from sqlalchemy.pool import QueuePool

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


def new_file() -> Engine:
    """Return an empty table in a file that goes with the engine."""
    folder = tempfile.TemporaryDirectory(prefix="mixedmode-web-")
    engine = create_engine(f"sqlite:///{Path(folder.name) / 'phones.db'}", poolclass=QueuePool, pool_size=8)
    weakref.finalize(engine, folder.cleanup)
    event.listen(engine, "connect", _connected)
    _META.create_all(engine)
    return engine


def _connected(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA busy_timeout=10000")
