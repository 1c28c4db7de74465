"""PostgreSQL's own logical replication between the publisher's server and each subscriber's.

Rules:

1. The publisher writes, subscribers read their own server: one publication, one subscription and slot for each node.
2. What only the publisher works with is not published: locks, steps and files of operations, the queue of deliveries.
   Private keys are in no table at all.
3. Subscribers come in with a role of their own: it may replicate, read, and write what an administrator changes from
   a subscriber's prompt. Its password is made here and kept 0600 on both hosts.
4. Every function can be repeated; what is there already is left as it is.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from mixedmode.cluster.migrations import HEAD, revision
from mixedmode.cluster.model.errors import DatabaseError, PreconditionError
from mixedmode.cluster.replication.replicas import slot_name
from mixedmode.cluster.replication.servers import connected, verifier
from mixedmode.cluster.store.database import Database

PUBLICATION: Final = "mixedmode"
ROLE: Final = "mixedmode_subscriber"
TABLES: Final = (
    "processnode",
    "nodeendpoint",
    "processnodeservice",
    "processconfig",
    "certificate",
    "callmanagergroup",
    "callmanagergroupmember",
    "devicepool",
    "device",
    "lsc",
    "numplan",
    "devicenumplanmap",
    "version",
    "licence",
    "trustfile",
    "trustfilearchive",
    "trustfilehistory",
    "auditlog",
)
"""What subscribers read (rule 2)."""
_SYNC_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Source:
    """How a subscriber reaches the publisher's database.

    Attributes:
        password: Of :data:`ROLE`; a secret.
    """

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)

    def document(self) -> dict[str, str | int]:
        """Return it as JSON, the password included: only for a subscriber that logged in."""
        return {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "password": self.password,
        }

    @classmethod
    def of(cls, document: Mapping[str, object]) -> Source:
        """Return what a document says."""
        host, database, user, password = (str(document[name]) for name in ("host", "database", "user", "password"))
        return cls(host, int(str(document["port"])), database, user, password)

    @property
    def url(self) -> str:
        """As a database URL, with the password."""
        url = URL.create("postgresql", self.user, self.password, self.host, self.port, self.database)
        return url.render_as_string(hide_password=False)

    @property
    def conninfo(self) -> str:
        """As libpq takes it."""
        fields = {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.database,
            "user": self.user,
            "password": self.password,
            "connect_timeout": "10",
        }
        quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in fields.items()}
        return " ".join(f"{name}='{value}'" for name, value in quoted.items())


def prepare_publisher(database: Database, host: str, password: str | None = None) -> Source:
    """Make the publication and the subscribers' role.

    Args:
        database: The publisher's, migrated, with an account that may make roles.
        host: Where subscribers reach the server.
        password: Of the role; None makes one up. An existing role gets it.

    Raises:
        PreconditionError: The server does not keep what logical replication needs.
        DatabaseError: The account may not do that.
    """
    password = password or secrets.token_urlsafe(24)
    with connected(database) as connection:
        level = connection.execute(text("SHOW wal_level")).scalar()
        if level != "logical":
            raise PreconditionError(
                f"the database server keeps wal_level {level}; replication needs logical",
                where=database.label,
                next_step="ALTER SYSTEM SET wal_level = logical; restart the server; then try again",
            )
        _make_role(connection, password)
        there = connection.execute(text("SELECT 1 FROM pg_publication WHERE pubname = :name"), {"name": PUBLICATION})
        if there.first() is None:
            connection.execute(text(f"CREATE PUBLICATION {PUBLICATION} FOR TABLE {', '.join(TABLES)}"))
        port = connection.execute(text("SHOW port")).scalar_one()
        name = connection.execute(text("SELECT current_database()")).scalar_one()
    return Source(host, int(port), str(name), ROLE, password)


def _make_role(connection: Connection, password: str) -> None:
    there = connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": ROLE}).first()
    verb = "ALTER" if there else "CREATE"
    kept = verifier(connection, ROLE, password)
    connection.exec_driver_sql(f"{verb} ROLE {ROLE} LOGIN REPLICATION PASSWORD '{kept}'")
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {ROLE}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {ROLE}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ROLE}",
        f"GRANT pg_monitor TO {ROLE}",
    ):
        connection.execute(text(statement))


def join_subscriber(
    database: Database,
    source: Source,
    node: str,
    *,
    seconds: float = _SYNC_SECONDS,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Have a subscriber's server hold the publisher's data, and wait until it does.

    Args:
        database: The subscriber's own, with an account that may make subscriptions; its schema is made here.
        source: The publisher's database.
        node: The node's name.
        seconds: To wait for the first copy.
        progress: Told how many tables are copied, of how many.

    Raises:
        PreconditionError: The databases have different schemas, or the subscriber's is in use.
        DatabaseError: One of them cannot be used, or the copy did not end in time.
    """
    database.migrate()
    _check_schema(source)
    name = slot_name(node)
    with connected(database, autocommit=True) as connection:
        there = connection.execute(text("SELECT 1 FROM pg_subscription WHERE subname = :name"), {"name": name}).first()
        if there is None:
            held = connection.execute(text("SELECT count(*) FROM processnode")).scalar_one()
            if held:
                raise PreconditionError(
                    "this database holds a cluster already", where=database.label, next_step="give it an empty one"
                )
            conninfo = source.conninfo.replace("'", "''").replace(":", "\\:")
            connection.execute(text(f"CREATE SUBSCRIPTION {name} CONNECTION '{conninfo}' PUBLICATION {PUBLICATION}"))
    _wait(database, name, seconds, progress)


def leave_cluster(database: Database, node: str) -> None:
    """Drop a subscriber's subscription; its slot goes too if the publisher answers.

    Raises:
        DatabaseError: The database cannot be used.
    """
    name = slot_name(node)
    with connected(database, autocommit=True) as connection:
        if connection.execute(text("SELECT 1 FROM pg_subscription WHERE subname = :n"), {"n": name}).first() is None:
            return
        try:
            connection.execute(text(f"DROP SUBSCRIPTION {name}"))
        except SQLAlchemyError:
            for statement in ("DISABLE", "SET (slot_name = NONE)"):
                connection.execute(text(f"ALTER SUBSCRIPTION {name} {statement}"))
            connection.execute(text(f"DROP SUBSCRIPTION {name}"))


def take_new_tables(database: Database, node: str) -> bool:
    """Have a subscriber's server follow what a newer release publishes beside; return whether there was anything.

    Its own release knows the tables already: subscribers are upgraded first.

    Args:
        database: The subscriber's own.
        node: The node's name.

    Raises:
        DatabaseError: The database cannot be used, or the publisher's does not answer.
    """
    name = slot_name(node)
    followed = text(
        "SELECT c.relname FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid "
        "JOIN pg_class c ON c.oid = r.srrelid WHERE s.subname = :name"
    )
    with connected(database, autocommit=True) as connection:
        before = set(connection.execute(followed, {"name": name}).scalars())
        if not before or before >= set(TABLES):
            return False
        connection.execute(text(f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION"))
        return set(connection.execute(followed, {"name": name}).scalars()) != before


def _check_schema(source: Source) -> None:
    publisher = Database(source.url)
    try:
        with connected(publisher) as connection:
            theirs = revision(connection)
    finally:
        publisher.close()
    if theirs != HEAD:
        raise PreconditionError(
            f"the publisher's database has schema {theirs}, this release has {HEAD}",
            where=f"{source.host}:{source.port}",
            next_step="run the same release on all nodes; upgrade subscribers first",
        )


def _wait(database: Database, name: str, seconds: float, progress: Callable[[int, int], None]) -> None:
    query = text(
        "SELECT count(*) FILTER (WHERE srsubstate IN ('r', 's')), count(*) FROM pg_subscription_rel r "
        "JOIN pg_subscription s ON s.oid = r.srsubid WHERE s.subname = :name"
    )
    end = time.monotonic() + seconds
    while True:
        with connected(database) as connection:
            done, every = connection.execute(query, {"name": name}).one()
        progress(done, every)
        if every and done == every:
            return
        if time.monotonic() >= end:
            raise DatabaseError(
                f"{every - done} of {every} tables are not copied yet",
                where=database.label,
                next_step="look at this server's log; the copy goes on, and joining again waits for it",
            )
        time.sleep(_POLL_SECONDS)
