"""Guided runs, and the resets that nodes are asked for.

Revision: 0010, after 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
TABLES = ("guiderun", "guidesample", "phoneorder", "phoneordertold")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "guiderun",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("procedure", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("isopen", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("planned", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat", sa.DateTime(timezone=True), nullable=True),
        sa.Column("doer", sa.String(length=64), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guiderun")),
        sa.UniqueConstraint("isopen", name=op.f("uq_guiderun_isopen")),
    )
    op.create_index(op.f("ix_guiderun_state"), "guiderun", ["state"])
    op.create_table(
        "guidesample",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fkguiderun", sa.Integer(), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("instep", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guidesample")),
        sa.ForeignKeyConstraint(
            ["fkguiderun"], ["guiderun.id"], name=op.f("fk_guidesample_fkguiderun_guiderun"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("fkguiderun", "moment", name=op.f("uq_guidesample_fkguiderun_moment")),
    )
    op.create_table(
        "phoneorder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("source", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("devices", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phoneorder")),
    )
    op.create_index(op.f("ix_phoneorder_moment"), "phoneorder", ["moment"])
    op.create_table(
        "phoneordertold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fkphoneorder", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phoneordertold")),
        sa.ForeignKeyConstraint(
            ["fkphoneorder"],
            ["phoneorder.id"],
            name=op.f("fk_phoneordertold_fkphoneorder_phoneorder"),
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("fkphoneorder", "node", name=op.f("uq_phoneordertold_fkphoneorder_node")),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # A subscriber's pages keep their runs at the publisher; they are in no copy of the database.
        there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
        if connection.execute(there).first() is not None:
            grant = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)} TO mixedmode_subscriber"
            connection.execute(sa.text(grant))
            sequences = ", ".join(f"{table}_id_seq" for table in TABLES)
            connection.execute(sa.text(f"GRANT USAGE, SELECT ON SEQUENCE {sequences} TO mixedmode_subscriber"))
