"""Keep where things stand that are measured every minute, so that one bad reading tells nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of courses."""
    op.create_table(
        "course",
        sa.Column("subject", sa.String(160), primary_key=True),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("recent", sa.String(3), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("good_us", sa.BigInteger(), nullable=False),
        sa.Column("read_us", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("course")
