"""The schema's history, run from inside the package with Alembic.

A database without tables gets the newest schema at once, without its history and without Alembic: the mappings say the
same as the history's end, which a test holds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


HEAD = "0016"
"""The newest schema; a database that has it is opened without loading Alembic."""


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("recursive_version_locations", "true")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring a database to the newest schema, within the connection's transaction.

    Raises:
        DatabaseError: The schema was made by a newer release of this program.
    """
    from sqlalchemy import inspect

    current = revision(connection)
    if current == HEAD:
        return
    if current is None and not inspect(connection).get_table_names():
        _make(connection)
    else:
        replay(connection)


def replay(connection: Connection) -> None:
    """Go through what the schema's history has after the schema that a database has.

    Raises:
        DatabaseError: As of :func:`upgrade`.
    """
    from alembic import command
    from alembic.util import CommandError

    from mixedmode.cluster.model.errors import DatabaseError

    try:
        command.upgrade(configuration(connection), HEAD)
    except CommandError as error:
        raise DatabaseError(
            f"the database has schema {revision(connection)}, which this release does not know",
            why=str(error),
            next_step="run the release that wrote it, or a newer one",
        ) from error


def _make(connection: Connection) -> None:
    """Make the newest schema in an empty database, and write down which it is, where Alembic looks for it."""
    from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, insert

    from mixedmode.cluster.store.schema_api import Base

    Base.metadata.create_all(connection, checkfirst=False)
    version = Table(
        "alembic_version",
        MetaData(),
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    version.create(connection)
    connection.execute(insert(version).values(version_num=HEAD))


def revision(connection: Connection) -> str | None:
    """Return the schema that a database has, None if it has none yet."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
