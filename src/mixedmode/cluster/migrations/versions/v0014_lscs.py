"""The LSCs that CAPF has given to devices, and which of them are revoked.

What devices hold now is taken over when CAPF next gives them one, or when it is revoked.

Revision: 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "lsc",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=128), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lsc")),
        sa.UniqueConstraint("sha256", name=op.f("uq_lsc_sha256")),
    )
    op.create_index(op.f("ix_lsc_device"), "lsc", ["device"])
    if op.get_bind().dialect.name == "postgresql":
        _publish(op.get_bind())


def _publish(connection: sa.Connection) -> None:
    """Have nodes on other hosts read the table, where there are such nodes (cluster/replication/logical.py)."""
    there = sa.text("SELECT 1 FROM pg_publication WHERE pubname = 'mixedmode'")
    if connection.execute(there).first() is not None:
        connection.execute(sa.text("ALTER PUBLICATION mixedmode ADD TABLE lsc"))
    there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
    if connection.execute(there).first() is not None:
        connection.execute(sa.text("GRANT SELECT, INSERT, UPDATE, DELETE ON lsc TO mixedmode_subscriber"))
        connection.execute(sa.text("GRANT USAGE, SELECT ON SEQUENCE lsc_id_seq TO mixedmode_subscriber"))
