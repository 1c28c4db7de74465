"""Directory numbers, and the buttons of phones that have them.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    forwards = ("cfadestination", "cfbdestination", "cfnadestination")
    op.create_table(
        "numplan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dnorpattern", sa.String(length=50), nullable=False),
        sa.Column("alertingname", sa.String(length=50), nullable=False),
        *(sa.Column(name, sa.String(length=50), nullable=False) for name in forwards),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_numplan")),
        sa.UniqueConstraint("dnorpattern", name=op.f("uq_numplan_dnorpattern")),
    )
    op.create_table(
        "devicenumplanmap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fkdevice", sa.Integer(), nullable=False),
        sa.Column("fknumplan", sa.Integer(), nullable=False),
        sa.Column("numplanindex", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=50), nullable=False),
        sa.Column("busytrigger", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devicenumplanmap")),
        sa.ForeignKeyConstraint(
            ["fkdevice"], ["device.id"], name=op.f("fk_devicenumplanmap_fkdevice_device"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["fknumplan"], ["numplan.id"], name=op.f("fk_devicenumplanmap_fknumplan_numplan"), ondelete="CASCADE"
        ),
        sa.UniqueConstraint("fknumplan", name=op.f("uq_devicenumplanmap_fknumplan")),
        sa.UniqueConstraint("fkdevice", "numplanindex", name=op.f("uq_devicenumplanmap_fkdevice_numplanindex")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _publish(op.get_bind())


def _publish(connection: sa.Connection) -> None:
    """Have nodes on other hosts read both tables, where there are such nodes (cluster/replication/logical.py)."""
    tables = "numplan, devicenumplanmap"
    there = sa.text("SELECT 1 FROM pg_publication WHERE pubname = 'mixedmode'")
    if connection.execute(there).first() is not None:
        connection.execute(sa.text(f"ALTER PUBLICATION mixedmode ADD TABLE {tables}"))
    there = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'mixedmode_subscriber'")
    if connection.execute(there).first() is not None:
        connection.execute(sa.text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO mixedmode_subscriber"))
