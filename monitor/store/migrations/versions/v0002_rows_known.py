"""Remember the newest rows of tables that are sources."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of rows that are looked at again because others may be committed behind them."""
    op.create_table(
        "row_known",
        sa.Column("bookmark", sa.BigInteger(), primary_key=True),
        sa.Column("key_digest", sa.LargeBinary(16), primary_key=True),
        sa.Column("row_digest", sa.LargeBinary(16), nullable=False),
        sa.Column("place", sa.Float(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("row_known_place", "row_known", ["bookmark", "place"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("row_known")
