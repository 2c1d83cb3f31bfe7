"""Let hours of long ago go, and keep their sum with the day's."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the part of a day's sum whose hours are gone; no hour is gone yet."""
    with op.batch_alter_table("profile_day") as table:
        table.add_column(sa.Column("base", sa.LargeBinary()))


def downgrade() -> None:
    """Drop it: days whose hours are gone stay as they are, until a late line changes one."""
    with op.batch_alter_table("profile_day") as table:
        table.drop_column("base")
