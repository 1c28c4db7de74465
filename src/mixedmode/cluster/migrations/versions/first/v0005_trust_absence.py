"""Which node deleted which trust certificate, before 11.0; and the service that puts them back, on every node.

Revision: 0005, after 0004.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SERVICE = "Cisco Certificate Change Notification"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "trustabsence",
        sa.Column("unit", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("unit", "sha256", "node", name=op.f("pk_trustabsence")),
    )
    node = sa.table("processnode", sa.column("id", sa.Integer))
    service = sa.table(
        "processnodeservice",
        sa.column("fkprocessnode", sa.Integer),
        sa.column("service", sa.String),
        sa.column("isactive", sa.Boolean),
        sa.column("started", sa.DateTime(timezone=True)),
        sa.column("restarts", sa.Integer),
    )
    connection = op.get_bind()
    for number in connection.execute(sa.select(node.c.id)).scalars().all():
        row = {"fkprocessnode": number, "service": _SERVICE, "isactive": True, "restarts": 0}
        connection.execute(sa.insert(service).values(**row, started=datetime.now(UTC)))
