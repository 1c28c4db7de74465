"""The tokens of the REST API, and the answers that a repeated request is given again.

Revision: 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "apitoken",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("isconsole", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lastused", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apitoken")),
    )
    op.create_index(op.f("ix_apitoken_node"), "apitoken", ["node"])
    op.create_table(
        "apirequest",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apirequest")),
    )
    op.create_index(op.f("ix_apirequest_started"), "apirequest", ["started"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # A subscriber's own requests are kept at the publisher; they are in no copy of the database.
        there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
        if connection.execute(there).first() is not None:
            grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON apitoken, apirequest TO mixedmode_subscriber"
            connection.execute(sa.text(grant))
