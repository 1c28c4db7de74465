"""The schema's history, run from inside the package with Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


HEAD = "0006"
"""The newest schema; a database that has it is opened without loading Alembic."""


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration for an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring a database to the newest schema, within the connection's transaction.

    Raises:
        DatabaseError: The schema was made by a newer release of this program.
    """
    current = revision(connection)
    if current == HEAD:
        return
    from alembic import command
    from alembic.util import CommandError

    from mixedmode.cluster.model.errors import DatabaseError

    try:
        command.upgrade(configuration(connection), HEAD)
    except CommandError as error:
        raise DatabaseError(
            f"the database has schema {current}, which this release does not know",
            why=str(error),
            next_step="run the release that wrote it, or a newer one",
        ) from error


def revision(connection: Connection) -> str | None:
    """Return the schema that a database has, None if it has none yet."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
