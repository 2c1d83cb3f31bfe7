"""Keep of each answer how far the words of its text speak for it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROW = ("day", "uid", "request_id", "row", "batch_size", "time", "text_hash", "input_hash", "text_chars", "words", "unknown_words",
       "label", "topk", "score", "score_step", "latency_ms", "error", "sequence", "bookmark", "position", "bytes")  # fmt: skip
CONTEXT = ("source", "model", "task", "kind", "time_basis", "model_version", "variant", "endpoint", "caller", "region", "segment",
           "input_stage", "score_definition", "threshold_step", "decision", "decision_basis", "latency_kind", "status",
           "outcome", "retries", "sampling_rate", "flags")  # fmt: skip


def _view(*more: str) -> None:
    columns = [f'r."{name}"' for name in (*ROW, *more)] + [f'c."{name}"' for name in CONTEXT]
    op.execute("drop view prediction")
    op.execute(
        f"create view prediction as select {', '.join(columns)} from prediction_row r join context c on c.id = r.context"
    )


def upgrade() -> None:
    """Add the column, null for rows of before, and show it in the view."""
    op.add_column("prediction_row", sa.Column("support", sa.Integer(), nullable=True))
    _view("support")


def downgrade() -> None:
    """Take it away."""
    _view()
    op.drop_column("prediction_row", "support")
