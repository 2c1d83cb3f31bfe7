"""Keep when the newest prediction of a model came, so that nobody has to look for it among the rows of a day."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MICROSECONDS_PER_HOUR = 3_600_000_000


def upgrade() -> None:
    """Create the table, and look once for what it holds: in the newest hour of each model."""
    op.create_table(
        "last_seen",
        sa.Column("model", sa.String(64), primary_key=True),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
    )
    op.execute(
        sa.text(f"""
        insert into last_seen (model, at_us)
        select hours.model, max(prediction.time)
        from (select known.model, max(known.hour) as hour
              from (select model, hour from profile union all select model, hour from dirty_hour) as known
              group by known.model) as hours
        join prediction on prediction.model = hours.model and prediction.day = hours.hour / 24
             and prediction.time >= hours.hour * {MICROSECONDS_PER_HOUR}
        group by hours.model
    """)
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("last_seen")
