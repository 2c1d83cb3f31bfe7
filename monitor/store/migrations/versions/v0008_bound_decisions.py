"""Keep what else an approval is bound to, and how often a call was tried."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add champion and settings to a decision; one of before is bound to neither, so its approval starts nothing."""
    with op.batch_alter_table("decision") as table:
        table.add_column(sa.Column("champion", sa.String(128)))
        table.add_column(sa.Column("settings", sa.String(64)))
    with op.batch_alter_table("trigger_call") as table:
        table.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="1"))
    op.execute("update decision set \"trigger\" = case \"trigger\" when '[]' then 'null' else "
               "'{\"kind\": \"command\", \"command\": ' || \"trigger\" || '}' end")  # fmt: skip


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("trigger_call") as table:
        table.drop_column("attempts")
    with op.batch_alter_table("decision") as table:
        table.drop_column("settings")
        table.drop_column("champion")
