"""What the cluster has seen of each device: one row a device, gone with it.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "devicesighting",
        sa.Column("fkdevice", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("fkdevice", name=op.f("pk_devicesighting")),
        sa.ForeignKeyConstraint(
            ["fkdevice"], ["device.id"], name=op.f("fk_devicesighting_fkdevice_device"), ondelete="CASCADE"
        ),
    )
    connection = op.get_bind()
    there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
    if connection.dialect.name == "postgresql" and connection.execute(there).first() is not None:
        connection.execute(sa.text("GRANT SELECT, INSERT, UPDATE, DELETE ON devicesighting TO mixedmode_subscriber"))
