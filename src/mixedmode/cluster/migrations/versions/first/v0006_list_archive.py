"""Every list ever published, by its hash; what was kept of the present lists, and what the journal still has, goes in.

Revision: 0006, after 0005.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ARCHIVE = sa.table(
    "trustfilearchive",
    *(sa.column(name, sa.String) for name in ("sha256", "sha1", "md5")),
    sa.column("length", sa.Integer),
    sa.column("data", sa.LargeBinary),
)
_HISTORY = sa.table(
    "trustfilehistory",
    *(sa.column(name, sa.String) for name in ("sha256", "name", "node", "action")),
    sa.column("published", _MOMENT),
    sa.column("operation", sa.Integer),
)


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "trustfilearchive",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sha1", sa.String(length=40), nullable=False),
        sa.Column("md5", sa.String(length=32), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_trustfilearchive")),
    )
    for column in ("sha1", "md5"):
        op.create_index(op.f(f"ix_trustfilearchive_{column}"), "trustfilearchive", [column])
    op.create_table(
        "trustfilehistory",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("published", _MOMENT, nullable=False),
        sa.Column("action", sa.String(length=128), nullable=False),
        sa.Column("operation", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trustfilehistory")),
        sa.ForeignKeyConstraint(
            ["sha256"],
            ["trustfilearchive.sha256"],
            name=op.f("fk_trustfilehistory_sha256_trustfilearchive"),
        ),
    )
    op.create_index(op.f("ix_trustfilehistory_sha256"), "trustfilehistory", ["sha256"])
    op.create_index("ix_trustfilehistory_name_node", "trustfilehistory", ["name", "node"])
    _fill(op.get_bind())
    op.drop_table("trustfilecontent")
    if op.get_bind().dialect.name == "postgresql":
        _publish(op.get_bind())


def _fill(connection: sa.Connection) -> None:
    last: dict[tuple[str, str], str] = {}
    for event in (*_journal(connection), *_present(connection)):
        key = (event["name"], event["node"])
        if last.get(key) != event["sha256"]:
            last[key] = event["sha256"]
            _add(connection, event)


def _journal(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Yield the lists that the journal's latest operations published, oldest first."""
    query = sa.text(
        "SELECT f.name, f.data, o.id, o.name AS action, o.ended FROM operationfile f "
        "JOIN operation o ON o.id = f.fkoperation WHERE o.state = 'done' AND f.data IS NOT NULL "
        "AND (f.name = 'new/CTLFile.tlv' OR f.name LIKE 'itl/%') ORDER BY o.id, f.name"
    ).columns(ended=_MOMENT)
    for row in connection.execute(query).mappings().all():
        is_itl = row["name"].startswith("itl/")
        name, node = ("ITLFile.tlv", row["name"].removeprefix("itl/")) if is_itl else ("CTLFile.tlv", "")
        yield _event(name, node, row["data"], row["ended"], row["action"], row["id"])


def _present(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Yield the lists that are recorded now, if what is kept of them is what was recorded."""
    query = sa.text(
        "SELECT f.name, f.node, f.published, f.sha256, c.data FROM trustfile f "
        "JOIN trustfilecontent c ON c.name = f.name AND c.node = f.node ORDER BY f.published, f.name, f.node"
    ).columns(published=_MOMENT)
    for row in connection.execute(query).mappings().all():
        event = _event(row["name"], row["node"], row["data"], row["published"], "", None)
        if event["sha256"] == row["sha256"]:
            yield event


def _event(
    name: str, node: str, data: bytes, published: datetime, action: str, operation: int | None
) -> dict[str, Any]:
    data = bytes(data)
    return {
        "name": name,
        "node": node,
        "data": data,
        "sha256": hashlib.sha256(data).hexdigest(),
        "published": published,
        "action": action,
        "operation": operation,
    }


def _add(connection: sa.Connection, event: dict[str, Any]) -> None:
    data, sha256 = event["data"], event["sha256"]
    if connection.execute(sa.select(_ARCHIVE.c.sha256).where(_ARCHIVE.c.sha256 == sha256)).first() is None:
        row = {
            "sha256": sha256,
            "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "length": len(data),
            "data": data,
        }
        connection.execute(sa.insert(_ARCHIVE).values(row))
    connection.execute(sa.insert(_HISTORY).values({key: event[key] for key in event if key != "data"}))


def _publish(connection: sa.Connection) -> None:
    """Have nodes on other hosts read both tables, where there are such nodes (cluster/replication/logical.py)."""
    tables = "trustfilearchive, trustfilehistory"
    there = sa.text("SELECT 1 FROM pg_publication WHERE pubname = 'mixedmode'")
    if connection.execute(there).first() is not None:
        connection.execute(sa.text(f"ALTER PUBLICATION mixedmode ADD TABLE {tables}"))
    there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
    if connection.execute(there).first() is not None:
        connection.execute(sa.text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO mixedmode_subscriber"))
        connection.execute(sa.text("GRANT USAGE, SELECT ON SEQUENCE trustfilehistory_id_seq TO mixedmode_subscriber"))
