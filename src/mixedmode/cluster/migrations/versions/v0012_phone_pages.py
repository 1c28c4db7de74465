"""Whether the pages of a phone may be seen, and who says who may press its keys.

Phones that are there already keep their pages off, as all phones since CUCM 8 unless they are set.

Revision: 0012, after 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("device", sa.Column("webaccess", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("device", sa.Column("authenticationurl", sa.String(length=255), nullable=False, server_default=""))
