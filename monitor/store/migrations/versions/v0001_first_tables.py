"""Create the first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from monitor.store.migrations.days import by_day

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them all, as they were drawn at this step: later changes of `monitor.store.tables` are later steps."""
    _read()
    _predictions()
    _looks()
    _incidents()
    _quality()
    _decisions()
    _service()


def downgrade() -> None:
    """Drop them all."""
    op.execute("drop view prediction")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function vigie_make_day, vigie_drop_days")
    for name in reversed(NAMES):
        op.drop_table(name)


def _column(name: str, kind: Any, *, nullable: bool = False, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, primary_key=primary_key)


def _identity() -> sa.Column[Any]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, primary_key=True, autoincrement=True)


def _string(name: str, length: int, **rules: bool) -> sa.Column[Any]:
    return _column(name, sa.String(length), **rules)


def _text(name: str, **rules: bool) -> sa.Column[Any]:
    return _column(name, sa.Text(), **rules)


def _bytes(name: str, length: int | None = None, **rules: bool) -> sa.Column[Any]:
    return _column(name, sa.LargeBinary(length), **rules)


def _long(name: str, **rules: bool) -> sa.Column[Any]:
    return _column(name, sa.BigInteger(), **rules)


def _whole(name: str, **rules: bool) -> sa.Column[Any]:
    return _column(name, sa.Integer(), **rules)


def _number(name: str, **rules: bool) -> sa.Column[Any]:
    return _column(name, sa.Float(), **rules)


def _read() -> None:
    """Create the tables of what was read."""
    op.create_table(
        "source", _identity(), _string("name", 64), _string("kind", 32), _long("complete_until_hour", nullable=True),
        _long("newest_us", nullable=True), _long("read_us", nullable=True), _long("lag_bytes", nullable=True),
        sa.UniqueConstraint("name"),
    )  # fmt: skip
    op.create_table(
        "bookmark", _identity(), _string("source", 64), _string("instance", 128), _bytes("first_digest", 16),
        _whole("generation"), _long("position"), _bytes("tail_digest", 16, nullable=True), _whole("tail_length"),
        _bytes("head_digest", 16, nullable=True), _whole("head_length"), _string("state", 16), _long("size_seen"),
        _long("modified_us", nullable=True), _long("device", nullable=True), _long("inode", nullable=True),
        _long("packed_size", nullable=True), _text("mark", nullable=True), _text("mark_key", nullable=True), _text("path_last"), _long("last_event_us", nullable=True), _long("lost_bytes"),
        sa.UniqueConstraint("source", "instance", "first_digest", "generation"),
    )  # fmt: skip
    op.create_table(
        "read_range", _long("bookmark", primary_key=True), _long("start", primary_key=True), _long("end"),
        _long("lines_read"), _long("lines_blank"), _long("lines_other"), _long("lines_rejected"), _long("lines_piece"),
        _long("lines_half"), _long("accepted"), _long("duplicate"), _long("rejected"), _long("erased"),
        _text("masked", nullable=True), _long("first_event_us", nullable=True),
        _long("last_event_us", nullable=True), _long("committed_us"),
    )  # fmt: skip
    op.create_table(
        "half", _string("source", 64, primary_key=True), _bytes("join_digest", 16, primary_key=True),
        _string("side", 8, primary_key=True), _long("bookmark"), _long("position"), _long("length"),
        _bytes("digest", 16), _long("event_us"), _bytes("payload"), _long("expires_us"),
    )  # fmt: skip
    op.create_table("tombstone", _bytes("uid", 16, primary_key=True), _long("erased_us"))
    op.create_table(
        "reject", _long("bookmark", primary_key=True), _long("position", primary_key=True),
        _whole("record", primary_key=True), _long("length"), _long("count"), _string("reason", 32), _text("detail"),
        _bytes("digest", 16), _text("sample"), _whole("day"), _string("source", 64),
    )  # fmt: skip


def _predictions() -> None:
    """Create the tables of the predictions and their inputs."""
    op.create_table(
        "context", _identity(), _bytes("digest", 16), _string("source", 64), _string("model", 64), _string("task", 64),
        _string("kind", 12), _string("time_basis", 8), _string("model_version", 128, nullable=True),
        _string("variant", 12), _string("endpoint", 200, nullable=True), _string("caller", 128, nullable=True),
        _string("region", 128, nullable=True), _string("segment", 128, nullable=True),
        _string("input_stage", 16, nullable=True), _string("score_definition", 16, nullable=True),
        _whole("threshold_step", nullable=True), _string("decision", 12, nullable=True),
        _string("decision_basis", 12, nullable=True), _string("latency_kind", 12, nullable=True),
        _whole("status", nullable=True), _string("outcome", 16, nullable=True), _whole("retries", nullable=True),
        _number("sampling_rate", nullable=True), _text("flags", nullable=True), sa.UniqueConstraint("digest"),
    )  # fmt: skip
    op.create_table(
        "prediction_row", _whole("day", primary_key=True), _bytes("uid", 16, primary_key=True), _long("context"),
        _string("request_id", 128, nullable=True), _whole("row"), _whole("batch_size", nullable=True), _long("time"),
        _bytes("text_hash", 16, nullable=True), _bytes("input_hash", 16, nullable=True),
        _whole("text_chars", nullable=True), _whole("words", nullable=True), _whole("unknown_words", nullable=True),
        _string("label", 128, nullable=True), _text("topk", nullable=True), _number("score", nullable=True),
        _whole("score_step", nullable=True), _number("latency_ms", nullable=True),
        _string("error", 120, nullable=True), _long("sequence", nullable=True), _long("bookmark"), _long("position"),
        _whole("bytes"), sqlite_with_rowid=False, postgresql_partition_by="RANGE (day)",
    )  # fmt: skip
    of_row = "day, uid, request_id, row, batch_size, time, text_hash, input_hash, text_chars, words, unknown_words, label, topk, score, score_step, latency_ms, error, sequence, bookmark, position, bytes"
    of_context = "source, model, task, kind, time_basis, model_version, variant, endpoint, caller, region, segment, input_stage, score_definition, threshold_step, decision, decision_basis, latency_kind, status, outcome, retries, sampling_rate, flags"
    columns = ", ".join(
        [f'r."{name}"' for name in of_row.split(", ")] + [f'c."{name}"' for name in of_context.split(", ")]
    )
    op.execute(f"create view prediction as select {columns} from prediction_row r join context c on c.id = r.context")
    op.create_table(
        "prediction_input", _whole("day", primary_key=True), _bytes("uid", 16, primary_key=True),
        _text("text", nullable=True), _text("fields", nullable=True), _bytes("sealed", nullable=True),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (day)",
    )  # fmt: skip
    if op.get_bind().dialect.name == "postgresql":
        by_day()
    op.create_table(
        "dirty_hour", _string("model", 64, primary_key=True), _long("hour", primary_key=True), _long("mark"),
    )  # fmt: skip
    op.create_table(
        "data_loss", _identity(), _long("bookmark"), _string("why", 32), _long("bytes", nullable=True),
        _long("found_us"),
    )  # fmt: skip


def _looks() -> None:
    """Create the tables of profiles, references, readings."""
    op.create_table(
        "profile", _string("model", 64, primary_key=True), _string("segment", 128, primary_key=True),
        _long("hour", primary_key=True), _whole("bare", primary_key=True), _whole("revision"), _bytes("body"),
    )  # fmt: skip
    op.create_table(
        "reference", _identity(), _string("model", 64), _long("first_hour"), _long("end_hour"), _long("pinned_us"),
        _string("pinned_by", 128), _text("reason"), _whole("clean", nullable=True),
        _text("clean_detail", nullable=True), _bytes("baseline"), _whole("active"),
    )  # fmt: skip
    op.create_table(
        "detector", _string("model", 64, primary_key=True), _long("reference", primary_key=True),
        _long("judged_until"), _bytes("state"), _number("evidence"),
    )  # fmt: skip
    op.create_table(
        "reading", _string("model", 64, primary_key=True), _text("metric", primary_key=True),
        _long("hour", primary_key=True), _number("value", nullable=True), _number("size"),
        _number("expected", nullable=True), _number("low", nullable=True), _number("high", nullable=True),
        _string("state", 12),
    )  # fmt: skip


def _incidents() -> None:
    """Create the tables of incidents and who was told."""
    op.create_table(
        "incident", _identity(), _string("model", 64), _long("onset_hour"), _long("found_hour"),
        _string("state", 16), _string("closed_as", 16, nullable=True), _long("closed_hour", nullable=True),
        _text("causes"), _text("detail"), _string("acknowledged_by", 128, nullable=True),
        _long("acknowledged_us", nullable=True), _long("snoozed_until_us", nullable=True),
        _long("recurrence_of", nullable=True), _whole("quiet_hours"), _whole("revision"),
        sa.UniqueConstraint("model", "found_hour", "onset_hour"),
    )  # fmt: skip
    op.create_table(
        "change_log", _string("subject", 64, primary_key=True), _whole("sequence", primary_key=True),
        _string("change", 32), _string("before", 16, nullable=True), _string("after", 16, nullable=True),
        _string("input_key", 128), _string("actor", 128), _text("reason"), _long("at_us"),
        sa.UniqueConstraint("subject", "input_key"),
    )  # fmt: skip
    op.create_table(
        "action", _identity(), _long("asked_us"), _string("actor", 128), _string("verb", 32), _string("subject", 64),
        _whole("revision", nullable=True), _text("reason"), _long("applied_us", nullable=True),
        _text("refusal", nullable=True),
    )  # fmt: skip
    op.create_table(
        "outbox", _identity(), _text("subject"), _string("event", 32), _whole("sequence"),
        _string("channel", 16), _string("recipient", 200), _text("facts"), _string("state", 16), _long("created_us"),
        _long("retry_us"), _whole("attempt"), _long("lease_until_us", nullable=True), _string("message_id", 200),
        _whole("possible_repeat"), _string("suppressed_because", 64, nullable=True), _long("sent_us", nullable=True),
        _text("last_error", nullable=True),
        sa.UniqueConstraint("subject", "event", "sequence", "channel", "recipient"),
    )  # fmt: skip
    op.create_table(
        "report", _identity(), _string("kind", 16), _string("subject", 64), _long("first_hour"), _long("end_hour"),
        _long("created_us"), _text("path"), _string("state", 16), _text("note"),
        sa.UniqueConstraint("kind", "subject", "first_hour", "end_hour"),
    )  # fmt: skip


def _quality() -> None:
    """Create the tables of labels, estimates and the challenger."""
    op.create_table(
        "label", _identity(), _string("model", 64), _whole("day"), _bytes("uid", 16), _string("label", 128),
        _string("source", 32), _number("inclusion", nullable=True), _string("annotator", 64), _long("labelled_us"),
        _long("imported_us"), sa.UniqueConstraint("model", "uid", "source", "annotator", "labelled_us"),
    )  # fmt: skip
    op.create_table(
        "estimate", _string("model", 64, primary_key=True), _whole("day", primary_key=True),
        _string("name", 32, primary_key=True), _string("basis", 16, primary_key=True),
        _number("value", nullable=True), _number("low", nullable=True), _number("high", nullable=True),
        _number("size"), _text("note"),
    )  # fmt: skip
    op.create_table(
        "challenger", _string("digest", 64, primary_key=True), _string("name", 64), _string("model", 64),
        _text("spec"), _text("self_tests"), _text("resources"), _long("seen_us"),
    )  # fmt: skip
    op.create_table(
        "shadow_answer", _string("digest", 64, primary_key=True), _whole("day", primary_key=True),
        _bytes("uid", 16, primary_key=True), _long("hour"), _string("label", 128, nullable=True),
        _text("topk", nullable=True), _whole("score_step", nullable=True), _string("outcome", 20),
        sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_index("shadow_answer_hour", "shadow_answer", ["digest", "hour"])
    op.create_table(
        "shadow_cache", _string("digest", 64, primary_key=True), _bytes("input_hash", 16, primary_key=True),
        _text("topk"), _whole("score_step", nullable=True), _long("used_us"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "pairs", _string("digest", 64, primary_key=True), _string("segment", 128, primary_key=True),
        _long("hour", primary_key=True), _whole("revision"), _bytes("body"),
    )  # fmt: skip
    op.create_table(
        "comparison", _identity(), _string("digest", 64), _string("model", 64), _long("first_hour"),
        _long("end_hour"), _long("made_us"), _string("verdict", 16), _text("body"),
        sa.UniqueConstraint("digest", "first_hour", "end_hour"),
    )  # fmt: skip


def _decisions() -> None:
    """Create the tables of decisions and what they started."""
    op.create_table(
        "decision", _identity(), _string("model", 64), _long("made_us"), _string("requester", 128),
        _string("recommendation", 16), _text("sentence"), _text("evidence"), _text("trigger"), _string("digest", 64),
        _string("state", 16), _long("expires_us"), _whole("revision"), sa.UniqueConstraint("model", "digest"),
    )  # fmt: skip
    op.create_table(
        "approval", _long("decision", primary_key=True), _string("person", 128, primary_key=True),
        _string("verdict", 16), _text("reason"), _long("at_us"),
    )  # fmt: skip
    op.create_table(
        "trigger_call", _long("decision", primary_key=True), _string("state", 16), _long("called_us"),
        _text("answer"),
    )  # fmt: skip


def _service() -> None:
    """Create the tables of who does what, when."""
    op.create_table(
        "job_run", _string("job", 32, primary_key=True), _long("slot_us", primary_key=True), _string("state", 16),
        _whole("attempt"), _long("fence"), _string("owner", 128), _long("started_us", nullable=True),
        _long("ended_us", nullable=True), _text("line"), _text("trouble"),
    )  # fmt: skip
    op.create_table(
        "lease", _string("name", 64, primary_key=True), _string("owner", 128), _long("fence"), _long("expires_us"),
    )  # fmt: skip
    op.create_table(
        "heartbeat", _string("runner", 128, primary_key=True), _long("tick_us"), _string("version", 32),
    )  # fmt: skip
    op.create_table(
        "setting", _text("name", primary_key=True), _text("value"),
    )  # fmt: skip


NAMES = (
    "source", "bookmark", "read_range", "half", "tombstone", "reject", "context", "prediction_row", "prediction_input", "dirty_hour", "data_loss",
    "profile", "reference", "detector", "reading", "incident", "change_log", "action", "outbox", "report", "label",
    "estimate", "challenger", "shadow_answer", "shadow_cache", "pairs", "comparison", "decision", "approval",
    "trigger_call", "job_run", "lease", "heartbeat", "setting",
)  # fmt: skip
