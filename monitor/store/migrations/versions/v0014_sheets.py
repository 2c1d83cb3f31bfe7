"""Keep reports that people asked for, with what they were made from."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; none was asked for before."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "sheet",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("first_hour", sa.BigInteger(), nullable=False),
        sa.Column("end_hour", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("asked_by", sa.String(128), nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=False),
        sa.Column("made_us", sa.BigInteger()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("sha256", sa.String(64)),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("sheet")
