"""Keep the sum of each day's profiles, so that long windows are answered at once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of daily sums; the summarise job fills it, the oldest days first."""
    op.create_table(
        "profile_day",
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("segment", sa.String(128), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("profile_day")
