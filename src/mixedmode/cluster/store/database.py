"""The database: one engine, short transactions, migrations at opening.

Rules:

1. SQLite is opened in WAL mode with foreign keys, a busy time-out and ``synchronous=FULL``: what was
   committed survives a power cut.
2. A writing transaction on SQLite begins as ``IMMEDIATE``, so it waits for its turn and never fails half-way.
3. The schema is brought up to date by the migrations in this package, run here and nowhere else.
4. Library errors leave as :class:`DatabaseError`.
5. A database that went away is noticed within half a minute on both sides, also when its host just falls silent; what
   comes after uses new connections. A file of SQLite that was there once is never made anew in its place.
6. A new file of SQLite, and what SQLite writes beside it, is for its owner alone: it holds authentication strings of
   phones and digests of tokens.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from mixedmode.cluster.model.errors import DatabaseError
from mixedmode.cluster.store.remembering import Remembering
from mixedmode.errors import UsageError

BUSY_SECONDS = 30.0
"""How long a writer waits for its turn on SQLite."""

LARGEST_NUMBER: Final = 2**31 - 1
"""The largest number that a row can have; a database does not even look for a larger one."""
CLIENT: Final[Mapping[str, Any]] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""How libpq notices a server that fell silent; what the URL says goes first."""
_SERVER: Final = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "60s",
}
"""How the server notices a client that fell silent, and lets go of what it had locked."""
_READ_ONLY: Final = "25006"
"""What PostgreSQL says to who writes where he may only read."""
_URLS: Final = "postgresql://USER@HOST/NAME is one, sqlite:///FILE another"


def sqlite_url(path: Path) -> str:
    """Return the URL of an embedded database."""
    return f"sqlite:///{path}"


class Database:
    """A cluster's database.

    Args:
        url: ``sqlite:///FILE`` or ``postgresql://...`` (psycopg is used for it).
        writes: Whether it may be written; a server of PostgreSQL is told that it may not.

    Attributes:
        remembered: What is asked again and again, read once until the database changes.

    Raises:
        UsageError: That is no such URL.
    """

    def __init__(self, url: str, *, writes: bool = True) -> None:
        parsed = _parsed(url)
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(parsed) if self.is_sqlite else _postgresql_engine(parsed, writes=writes)
        self.remembered = Remembering(_file(parsed) if self.is_sqlite else None)
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
        self.remembered.close()
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as error:
            # Neither database has halves of surrogate pairs, which stand for bytes of a command line that are no UTF-8.
            raise UsageError(f"{error.object!r} is no text", why=str(error), next_step="write it in UTF-8") from error
        except JSONDecodeError as error:
            raise DatabaseError(
                "the database holds what is no JSON",
                where=self.label,
                why=str(error),
                next_step="put it back from a backup",
            ) from error
        except SQLAlchemyError as error:
            if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") == _READ_ONLY:
                raise DatabaseError(
                    "nothing can be changed here while the publisher's database is away",
                    where=self.label,
                    why="this node's own copy of it is for reading",
                    next_step="log in again when it is back",
                ) from error
            if self.is_sqlite and isinstance(error, OperationalError):
                self.engine.dispose()  # rule 5: an open file of a disk that went away never works again
            raise DatabaseError(
                "the database did not do what was asked",
                where=self.label,
                why=str(error.__cause__ or error).strip().splitlines()[0],
                next_step="check that the database runs, that its disk is not full, and try again",
            ) from error


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # What is no URL may have a password in it all the same.
        raise UsageError("this is no URL of a database", next_step=_URLS) from None
    if parsed.get_backend_name() == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite":
        raise UsageError(f"there are no databases of {parsed.drivername!r} here", next_step=_URLS)
    return parsed


def _postgresql_engine(url: URL, *, writes: bool) -> Engine:
    settings = _SERVER if writes else {**_SERVER, "default_transaction_read_only": "on"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    arguments = {name: value for name, value in CLIENT.items() if name not in url.query}
    given = url.query.get("options", "")
    own = given if isinstance(given, str) else " ".join(given)
    return create_engine(url, pool_pre_ping=True, connect_args={**arguments, "options": f"{options} {own}".strip()})


def _sqlite_engine(url: URL) -> Engine:
    path = Path(url.database or "")
    in_file = _file(url) is not None
    seen = False

    def opened() -> sqlite3.Connection:
        nonlocal seen
        if not in_file:
            return sqlite3.connect(":memory:", timeout=BUSY_SECONDS, check_same_thread=False)
        if not seen:
            # SQLite itself would let everybody read it; it gives its other files the same permissions.
            with suppress(OSError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        mode = "rw" if seen else "rwc"
        place = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)
        seen = True
        return connection

    engine = create_engine(url, creator=opened)

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"busy_timeout={int(BUSY_SECONDS * 1000)}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()
        record.info["file"] = _identity(path)

    @event.listens_for(engine, "checkout")
    def _look(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        if in_file and record.info.get("file") != _identity(path):
            raise DisconnectionError("the database's file is another one now")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("mixedmode_write", False)
        statement = "BEGIN IMMEDIATE" if writing else "BEGIN"
        # To the driver: SQLAlchemy would spend more on these words than on a short question.
        opened: Any = connection.connection.dbapi_connection
        try:
            opened.execute(statement).close()
        except sqlite3.Error as error:
            raise DBAPIError.instance(statement, None, error, sqlite3.Error) from error

    return engine


def _file(url: URL) -> Path | None:
    return None if url.database in {None, "", ":memory:"} else Path(str(url.database))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
