"""A connection to a PostgreSQL server for what is done to the server itself: roles, publications, slots."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from mixedmode.cluster.model.errors import DatabaseError, PreconditionError
from mixedmode.cluster.store.database import Database


class connected:  # noqa: N801 - used as a function
    """A connection to a server; library errors leave as :class:`DatabaseError`."""

    def __init__(self, database: Database, *, autocommit: bool = False) -> None:
        self._database = database
        url = make_url(database.url.render_as_string(hide_password=False)).set(drivername="postgresql+psycopg")
        isolation = "AUTOCOMMIT" if autocommit else "READ COMMITTED"
        self._engine = create_engine(url, isolation_level=isolation, connect_args={"connect_timeout": 10})

    def __enter__(self) -> Connection:
        if self._database.is_sqlite:
            raise PreconditionError(
                "an embedded database cannot be replicated",
                where=self._database.label,
                next_step="use PostgreSQL for clusters of several hosts: mixedmode node init --database postgresql://...",
            )
        try:
            self._connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise self._error(error) from error
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        try:
            if kind is None:
                self._connection.commit()
        except SQLAlchemyError as failure:
            raise self._error(failure) from failure
        finally:
            self._connection.close()
            self._engine.dispose()
        if isinstance(error, SQLAlchemyError):
            raise self._error(error) from error

    def _error(self, error: SQLAlchemyError) -> DatabaseError:
        why = str(error.__cause__ or error).strip().splitlines()[0]
        if "password" in why and "CONNECTION" in why:
            why = "the connection to the publisher failed"
        return DatabaseError(
            "the database server did not do what was asked",
            where=self._database.label,
            why=why,
            next_step="check that both servers run, that they reach each other, and the account's rights",
        )


def verifier(connection: Connection, user: str, password: str) -> str:
    """Return what the server keeps of a role's password (SCRAM), of base64, ``$`` and ``:``.

    Given in its place the password itself is in no statement, and so in no log of the server.
    """
    driver: Any = connection.connection.driver_connection
    made = driver.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256")
    return bytes(made).decode("ascii")
