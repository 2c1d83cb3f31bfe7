"""Keep of what is measured whether it comes and goes or cannot be read, of a run what it said last, of a runner its settings."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for twelve readings, and add the columns; whatever stands neither flaps nor is missing."""
    with op.batch_alter_table("job_run") as table:
        table.add_column(sa.Column("stderr_tail", sa.Text()))
    with op.batch_alter_table("heartbeat") as table:
        table.add_column(sa.Column("config_hash", sa.String(64), nullable=False, server_default=""))
    with op.batch_alter_table("course") as table:
        table.alter_column("recent", existing_type=sa.String(3), type_=sa.String(12), existing_nullable=False)
        table.add_column(sa.Column("flapping_us", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("missing_us", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop them; the newest three readings are enough for before."""
    with op.batch_alter_table("heartbeat") as table:
        table.drop_column("config_hash")
    with op.batch_alter_table("job_run") as table:
        table.drop_column("stderr_tail")
    op.execute("update course set recent = substr(recent, length(recent) - 2) where length(recent) > 3")
    with op.batch_alter_table("course") as table:
        table.drop_column("missing_us")
        table.drop_column("flapping_us")
        table.alter_column("recent", existing_type=sa.String(12), type_=sa.String(3), existing_nullable=False)
