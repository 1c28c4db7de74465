"""Whether a phone tells by a tone if a call is encrypted.

Phones that are there already do not, as phones do unless they are set.

Revision: 0015, after 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.add_column("device", sa.Column("securetone", sa.Boolean(), nullable=False, server_default=sa.false()))
