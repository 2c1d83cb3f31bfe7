"""Keep when a message that could not leave was laid down as a file."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the moment; none was laid down before."""
    with op.batch_alter_table("outbox") as table:
        table.add_column(sa.Column("laid_us", sa.BigInteger()))


def downgrade() -> None:
    """Drop it."""
    with op.batch_alter_table("outbox") as table:
        table.drop_column("laid_us")
