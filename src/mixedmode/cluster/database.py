"""The database: one engine, short transactions, migrations at opening.

Rules:

1. SQLite is opened in WAL mode with foreign keys, a busy time-out and ``synchronous=FULL``: what was
   committed survives a power cut.
2. A writing transaction on SQLite begins as ``IMMEDIATE``, so it waits for its turn and never fails half-way.
3. The schema is brought up to date by the migrations in this package, run here and nowhere else.
4. Library errors leave as :class:`DatabaseError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mixedmode.cluster.errors import DatabaseError

BUSY_SECONDS = 30.0
"""How long a writer waits for its turn on SQLite."""


def sqlite_url(path: Path) -> str:
    """Return the URL of an embedded database."""
    return f"sqlite:///{path}"


class Database:
    """A cluster's database.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://...`` (psycopg is used for it).
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(parsed.render_as_string(hide_password=False)) if self.is_sqlite else None
        if self.engine is None:
            self.engine = create_engine(parsed, pool_pre_ping=True, connect_args={"connect_timeout": 10})
        self._writer = self.engine.execution_options(mixedmode_write=True)

    @property
    def label(self) -> str:
        """The database's place, without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session for reading; nothing is committed."""
        with self._translated(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose changes are committed together at the end, or not at all."""
        with self._translated(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the schema up to date; does nothing when it is.

        Raises:
            DatabaseError: It cannot be opened or changed, or was made by a newer release.
        """
        from mixedmode.cluster.migrations import upgrade

        with self._translated(), self._writer.begin() as connection:
            upgrade(connection)

    def close(self) -> None:
        """Close the connections."""
        if self.engine is not None:
            self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise DatabaseError(
                "the database did not do what was asked",
                where=self.label,
                why=str(error.__cause__ or error).strip().splitlines()[0],
                next_step="check that the database runs, that its disk is not full, and try again",
            ) from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"busy_timeout={int(BUSY_SECONDS * 1000)}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("mixedmode_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
