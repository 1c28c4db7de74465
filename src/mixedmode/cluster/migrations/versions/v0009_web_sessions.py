"""Who is signed in to the pages of a node.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "websession",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("stamp", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_websession")),
    )
    op.create_index(op.f("ix_websession_node"), "websession", ["node"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # A subscriber keeps its sessions at the publisher; they are in no copy of the database.
        there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
        if connection.execute(there).first() is not None:
            grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON websession TO mixedmode_subscriber"
            connection.execute(sa.text(grant))
