"""SQL for tests, written out once: thousands of clusters with a SQLite of their own ask the same of it.

An engine of SQLAlchemy keeps what it has written out, and throws it away at its end; most of what a short test asks of
its database is asked for the first time there. The engines of a process share it here, and the dialect, by which it is
kept. That goes for SQLite alone: a dialect of PostgreSQL learns from its server.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
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


def use_a_cluster() -> None:
    """Make, open, look at and change a cluster: the SQL that this has written out, no fork writes out anew."""
    from mixedmode.cluster.facade import Cluster
    from mixedmode.faces.shell.session import AdminSession
    from mixedmode.faces.shell.talk import ScriptedIO
    from tests.cluster.building import make

    with tempfile.TemporaryDirectory(prefix="mixedmode-forking-") as folder:
        make(Path(folder)).close()
        cluster = Cluster.open(Path(folder))
        session = AdminSession(cluster, cluster.publisher.name)
        for line, *answers in (("show ctl",), ("utils ctl set-cluster mixed-mode", "y")):
            asyncio.run(session.run(line, ScriptedIO(answers)))
        cluster.close()
