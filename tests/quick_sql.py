"""SQL for tests, written out once: thousands of clusters with a SQLite of their own ask the same of it.

An engine of SQLAlchemy keeps what it has written out, and throws it away at its end; most of what a short test asks of
its database is asked for the first time there. The engines of a process share it here, and the dialect, by which it is
kept. That goes for SQLite alone: a dialect of PostgreSQL learns from its server.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine

from mixedmode.cluster.store import database

KEPT = 2000
"""Statements; a cluster has a few hundred."""


def use_quick_sql() -> None:
    """Have every cluster of this process share what is written out."""
    first = create_engine("sqlite://", query_cache_size=KEPT)
    first.connect().close()  # by which the dialect knows all that it will

    def created(url: URL, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        if engine.dialect.name == first.dialect.name:
            engine.dialect = engine.pool._dialect = first.dialect
            engine._compiled_cache = first._compiled_cache
        return engine

    vars(database)["create_engine"] = created
