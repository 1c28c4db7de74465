"""Where nodes on other hosts answer, and the host key that their SFTP must show.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "nodeendpoint",
        sa.Column("node", sa.String(length=255), nullable=False),
        sa.Column("ports", sa.JSON(), nullable=False),
        sa.Column("sftphostkey", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_nodeendpoint")),
    )
