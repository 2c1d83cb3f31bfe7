"""Keep since when a message that was held may leave."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the moment; of messages of before the one they were queued at counts."""
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("freed_us", sa.BigInteger()))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("outbox") as table:
        table.drop_column("freed_us")
