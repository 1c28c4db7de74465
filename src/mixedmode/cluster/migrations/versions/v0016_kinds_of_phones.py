"""Which kinds of phones there are, without going through all phones: by model, protocol and security mode.

The new index does what the one by model did.

Revision: 0016, after 0015.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change."""
    op.create_index(op.f("ix_device_model_protocol_securitymode"), "device", ["model", "protocol", "securitymode"])
    op.drop_index(op.f("ix_device_model"), "device")
