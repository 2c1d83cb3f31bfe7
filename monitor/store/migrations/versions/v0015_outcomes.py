"""Keep what a new champion brought, beside what its decision forecast."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; nothing was looked at afterwards before."""
    op.create_table(
        "outcome",
        sa.Column("decision", sa.BigInteger(), primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("forecast", sa.Text(), nullable=False),
        sa.Column("realised", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("outcome")
