"""Filters of the pages that people keep under a name.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "savedfilter",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("query", sa.String(length=1024), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_savedfilter")),
        sa.UniqueConstraint("node", "username", "name", name=op.f("uq_savedfilter_node_username_name")),
    )
    op.create_index(op.f("ix_savedfilter_node"), "savedfilter", ["node"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # A subscriber's own filters are kept at the publisher, as its tokens are.
        there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
        if connection.execute(there).first() is not None:
            grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON savedfilter TO mixedmode_subscriber"
            connection.execute(sa.text(grant))
