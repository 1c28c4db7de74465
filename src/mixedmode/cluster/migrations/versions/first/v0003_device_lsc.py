"""The certificate that CAPF gave a device, so that every node can encrypt its configuration.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("device", sa.Column("lsc", sa.LargeBinary(), nullable=True))
