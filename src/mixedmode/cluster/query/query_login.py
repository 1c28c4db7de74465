"""The login of ``run sql``: a role of PostgreSQL that may read the cluster's tables and nothing else.

Rules:

1. Each database has a login of its own, named after it, so that clusters that share a server do not share it.
2. Its password is made here, is known to this node alone (``query.login``, mode 0600), and reaches the server only as
   the verifier that the server keeps.
3. Every function can be repeated.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import SQLAlchemyError

from mixedmode.cluster.model.errors import PreconditionError
from mixedmode.cluster.replication.servers import connected, verifier
from mixedmode.cluster.store.database import Database
from mixedmode.errors import MixedModeError
from mixedmode.pki.files import OTHERS, PRIVATE, write_atomic

FILE_NAME: Final = "query.login"
REMEDY: Final = (
    "restart mixedmode node run, which makes the login if the database's account may make roles; "
    "else docs/how-to/run-nodes-on-several-hosts.md says how to make it by hand"
)
_PREFIX: Final = "mixedmode_query_"
_CONNECTIONS: Final = 8
_TEMPORARY_FILES: Final = "64MB"


@dataclass(frozen=True, slots=True)
class Login:
    """A login.

    Attributes:
        password: A secret.
    """

    user: str
    password: str = field(repr=False)

    def urls(self, url: URL) -> Iterator[URL]:
        """Return how to reach the database of an URL as this login, the best way first."""
        # Without a database's name the server takes the user's.
        database = url.database or url.username
        mine = url.set(drivername="postgresql", username=self.user, password=self.password, database=database)
        yield mine
        host = url.host or url.query.get("host", "")
        if isinstance(host, str) and (not host or host.startswith("/")):
            # A socket file often lets in by the system's user names alone.
            yield mine.set(host="127.0.0.1").difference_update_query(["host"])


def login_name(database: str) -> str:
    """Return the name of a database's login."""
    plain = re.sub(r"[^a-z0-9]", "_", database.lower())[:30]
    return f"{_PREFIX}{plain}_{hashlib.sha256(database.encode()).hexdigest()[:8]}"


def read_login(directory: Path) -> Login:
    """Return the login that a node keeps.

    Raises:
        PreconditionError: There is none, or others can read it.
    """
    path = directory / FILE_NAME
    try:
        mode, line = path.stat().st_mode, path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PreconditionError(
            "run sql has no login of its own for the database", where=str(path), next_step=REMEDY
        ) from error
    if mode & OTHERS:
        raise PreconditionError(
            "the login of run sql can be read by others", where=str(path), next_step=f"chmod 600 {path}"
        )
    user, colon, password = line.partition(":")
    if not (user and colon and password):
        raise PreconditionError("this holds no NAME:PASSWORD", where=str(path), next_step=f"remove it; {REMEDY}")
    return Login(user, password)


def ensure_login(database: Database, directory: Path) -> None:
    """Make the login of a database, and keep it on this node; does nothing if it works.

    Args:
        database: PostgreSQL, by an account that may make roles.
        directory: Of the node.

    Raises:
        DatabaseError: The account may not do that.
    """
    with contextlib.suppress(MixedModeError):
        if is_usable(database, read_login(directory)):
            return
    login = make_login(database)
    write_atomic(directory / FILE_NAME, f"{login.user}:{login.password}\n".encode(), mode=PRIVATE)


def is_usable(database: Database, login: Login) -> bool:
    """Return whether a login is let in."""
    import psycopg

    for url in login.urls(database.url):
        with contextlib.suppress(psycopg.Error):
            psycopg.connect(url.render_as_string(hide_password=False), connect_timeout=10).close()
            return True
    return False


def make_login(database: Database) -> Login:
    """Make the role, or give it a new password, and let it read.

    Raises:
        DatabaseError: The account may not do that.
    """
    with connected(database) as connection:
        name = login_name(str(connection.execute(text("SELECT current_database()")).scalar_one()))
        login = Login(name, secrets.token_urlsafe(24))
        there = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}).first()
        verb = "ALTER" if there else "CREATE"
        kept = verifier(connection, login.user, login.password)
        # No parameters in DDL: the name is of letters and digits, a verifier of base64 and $ and :.
        _execute(connection, f"{verb} ROLE {name} LOGIN NOINHERIT CONNECTION LIMIT {_CONNECTIONS} PASSWORD '{kept}'")
        for statement in (
            f"GRANT USAGE ON SCHEMA public TO {name}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {name}",
            f"ALTER ROLE {name} SET default_transaction_read_only = on",
        ):
            _execute(connection, statement)
        _bound_temporary_files(connection, name)
    return login


def _bound_temporary_files(connection: Connection, name: str) -> None:
    """Bound what a query may sort on the server's disk; only a superuser may, so without it time alone bounds it."""
    with contextlib.suppress(SQLAlchemyError), connection.begin_nested():
        _execute(connection, f"ALTER ROLE {name} SET temp_file_limit = '{_TEMPORARY_FILES}'")


def _execute(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
