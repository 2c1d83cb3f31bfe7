"""Keep what people announced: deployments, holidays, campaigns, closures."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of planned changes."""
    op.create_table(
        "planned_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("author", sa.String(128), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.Column("removed_us", sa.BigInteger()),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("planned_change")
