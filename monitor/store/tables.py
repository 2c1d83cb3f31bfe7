"""
Draw the tables: one schema for SQLite and PostgreSQL.

Times are whole microseconds since 1970 in UTC, hours and days whole numbers since 1970, digests 16 bytes, documents
JSON text. Migrations create these tables; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()


def _key(name: str = "id") -> Column[int]:
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


# --- what was read ----------------------------------------------------------------------------------------------------
source = Table(
    "source",
    metadata,
    _key(),
    Column("name", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("complete_until_hour", BigInteger),  # every active file was read to its end beyond this hour
    Column("newest_us", BigInteger),  # newest event time ever read
    Column("read_us", BigInteger),  # when the last pass ended
    Column("lag_bytes", BigInteger),
)
bookmark = Table(
    "bookmark",
    metadata,
    _key(),
    Column("source", String(64), nullable=False),
    Column("instance", String(128), nullable=False),
    Column("first_digest", LargeBinary(16), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("tail_digest", LargeBinary(16)),
    Column("tail_length", Integer, nullable=False, default=0),
    Column("head_digest", LargeBinary(16)),
    Column("head_length", Integer, nullable=False, default=0),
    Column("state", String(16), nullable=False),  # active, rotated, finished, refused, vanished, superseded
    Column("size_seen", BigInteger, nullable=False, default=0),
    Column("modified_us", BigInteger),
    Column("device", BigInteger),
    Column("inode", BigInteger),
    Column("path_last", Text, nullable=False),
    Column("last_event_us", BigInteger),
    Column("lost_bytes", BigInteger, nullable=False, default=0),
    UniqueConstraint("source", "instance", "first_digest", "generation"),
)
read_range = Table(
    "read_range",
    metadata,
    Column("bookmark", BigInteger, primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("end", BigInteger, nullable=False),
    Column("lines_read", BigInteger, nullable=False),
    Column("lines_blank", BigInteger, nullable=False),
    Column("lines_other", BigInteger, nullable=False),
    Column("lines_rejected", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("first_event_us", BigInteger),
    Column("last_event_us", BigInteger),
    Column("committed_us", BigInteger, nullable=False),
)
reject = Table(
    "reject",
    metadata,
    Column("bookmark", BigInteger, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("record", Integer, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("sample", Text, nullable=False),
    Column("day", Integer, nullable=False),
    Column("source", String(64), nullable=False),
)
prediction = Table(
    "prediction",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("uid", LargeBinary(16), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("task", String(64), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("request_id", String(128)),
    Column("row", Integer, nullable=False),
    Column("batch_size", Integer),
    Column("time", BigInteger, nullable=False),
    Column("time_basis", String(8), nullable=False),
    Column("model_version", String(128)),
    Column("variant", String(12), nullable=False),
    Column("endpoint", String(200)),
    Column("caller", String(128)),
    Column("region", String(128)),
    Column("segment", String(128)),
    Column("text_hash", LargeBinary(16)),
    Column("input_hash", LargeBinary(16)),
    Column("text_chars", Integer),
    Column("words", Integer),
    Column("unknown_words", Integer),
    Column("input_stage", String(16)),
    Column("label", String(128)),
    Column("topk", Text),  # [[label, score], ...]
    Column("score", Float),
    Column("score_definition", String(16)),
    Column("score_step", Integer),
    Column("threshold_step", Integer),
    Column("decision", String(12)),
    Column("decision_basis", String(12)),
    Column("latency_ms", Float),
    Column("latency_kind", String(12)),
    Column("status", Integer),
    Column("outcome", String(16)),
    Column("error", String(120)),
    Column("sampling_rate", Float),
    Column("sequence", BigInteger),
    Column("flags", Text),  # names joined by commas
    Column("bookmark", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("ingested_us", BigInteger, nullable=False),
    Index("prediction_model_time", "model", "time"),
    sqlite_with_rowid=False,
)
prediction_input = Table(
    "prediction_input",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("uid", LargeBinary(16), primary_key=True),
    Column("text", Text),
    Column("fields", Text),  # {name: value}
    sqlite_with_rowid=False,
)
dirty_hour = Table(
    "dirty_hour",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("mark", BigInteger, nullable=False),  # rises with each arrival; a fold deletes only the mark it saw
)
data_loss = Table(
    "data_loss",
    metadata,
    _key(),
    Column("bookmark", BigInteger, nullable=False),
    Column("why", String(32), nullable=False),
    Column("bytes", BigInteger),
    Column("found_us", BigInteger, nullable=False),
)

# --- what it looked like ----------------------------------------------------------------------------------------------
profile = Table(
    "profile",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("segment", String(128), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
reference = Table(
    "reference",
    metadata,
    _key(),
    Column("model", String(64), nullable=False),
    Column("first_hour", BigInteger, nullable=False),
    Column("end_hour", BigInteger, nullable=False),
    Column("pinned_us", BigInteger, nullable=False),
    Column("pinned_by", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("clean", Integer),  # 1 clean, 0 not, null not checked
    Column("clean_detail", Text),
    Column("baseline", LargeBinary, nullable=False),
    Column("active", Integer, nullable=False),
)
detector = Table(
    "detector",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("reference", BigInteger, primary_key=True),
    Column("judged_until", BigInteger, nullable=False),  # hour number, not included
    Column("state", LargeBinary, nullable=False),
    Column("evidence", Float, nullable=False),  # share of the alarm threshold reached, 0 to 1
)
reading = Table(
    "reading",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("metric", String(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("value", Float),
    Column("size", Float, nullable=False),  # records it rests on
    Column("expected", Float),
    Column("low", Float),  # what the reference does by itself
    Column("high", Float),
    Column("state", String(12), nullable=False),  # judged, small, learning, planned
)

# --- what went wrong, who was told ------------------------------------------------------------------------------------
incident = Table(
    "incident",
    metadata,
    _key(),
    Column("model", String(64), nullable=False),
    Column("onset_hour", BigInteger, nullable=False),
    Column("found_hour", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # open, recovering, closed
    Column("closed_as", String(16)),  # recovered, fixed, false_alarm, new_normal, superseded, amended
    Column("closed_hour", BigInteger),
    Column("causes", Text, nullable=False),  # JSON list, see monitor.detection.incident
    Column("detail", Text, nullable=False),  # JSON: segments, labels, terms, texts
    Column("acknowledged_by", String(128)),
    Column("acknowledged_us", BigInteger),
    Column("snoozed_until_us", BigInteger),
    Column("recurrence_of", BigInteger),
    Column("quiet_hours", Integer, nullable=False, default=0),
    Column("revision", Integer, nullable=False),
    UniqueConstraint("model", "found_hour", "onset_hour"),
)
change_log = Table(
    "change_log",
    metadata,
    Column("subject", String(64), primary_key=True),  # incident:7, decision:3, reference:ape
    Column("sequence", Integer, primary_key=True),
    Column("change", String(32), nullable=False),
    Column("before", String(16)),
    Column("after", String(16)),
    Column("input_key", String(128), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    UniqueConstraint("subject", "input_key"),
)
action = Table(
    "action",
    metadata,
    _key(),
    Column("asked_us", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("verb", String(32), nullable=False),  # ack, close, new-normal, approve, reject, pin, run
    Column("subject", String(64), nullable=False),
    Column("revision", Integer),  # of the subject, as the person saw it
    Column("reason", Text, nullable=False),
    Column("applied_us", BigInteger),
    Column("refusal", Text),  # why not; null when applied
)
outbox = Table(
    "outbox",
    metadata,
    _key(),
    Column("subject", String(64), nullable=False),
    Column("event", String(32), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("recipient", String(200), nullable=False),
    Column("facts", Text, nullable=False),
    Column(
        "state", String(16), nullable=False
    ),  # queued, claimed, handed_over, sent, in_doubt, dead, merged, suppressed
    Column("created_us", BigInteger, nullable=False),
    Column("retry_us", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("lease_until_us", BigInteger),
    Column("message_id", String(200), nullable=False),
    Column("possible_repeat", Integer, nullable=False, default=0),
    Column("suppressed_because", String(64)),
    Column("sent_us", BigInteger),
    Column("last_error", Text),
    UniqueConstraint("subject", "event", "sequence", "channel", "recipient"),
)
report = Table(
    "report",
    metadata,
    _key(),
    Column("kind", String(16), nullable=False),  # weekly, evidently, comparison
    Column("subject", String(64), nullable=False),  # model or incident:7
    Column("first_hour", BigInteger, nullable=False),
    Column("end_hour", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("path", Text, nullable=False),  # below data_dir
    Column("state", String(16), nullable=False),  # asked, ready, failed
    Column("note", Text, nullable=False),
    UniqueConstraint("kind", "subject", "first_hour", "end_hour"),
)

# --- is it right, and would another do better -------------------------------------------------------------------------
label = Table(
    "label",
    metadata,
    _key(),
    Column("model", String(64), nullable=False),
    Column("day", Integer, nullable=False),  # of the prediction it was joined to
    Column("uid", LargeBinary(16), nullable=False),
    Column("label", String(128), nullable=False),
    Column("source", String(32), nullable=False),  # audit, routine, rule, other_model
    Column("inclusion", Float),  # known probability of having been drawn, else null
    Column("annotator", String(64), nullable=False),
    Column("labelled_us", BigInteger, nullable=False),
    Column("imported_us", BigInteger, nullable=False),
    UniqueConstraint("model", "uid", "source", "annotator", "labelled_us"),
)
estimate = Table(
    "estimate",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("name", String(32), primary_key=True),  # accuracy, accuracy_automatic, wrong_automatic, automation
    Column("basis", String(16), primary_key=True),  # estimated, measured
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("size", Float, nullable=False),
    Column("note", Text, nullable=False),
)
challenger = Table(
    "challenger",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("model", String(64), nullable=False),  # the champion it is compared with
    Column("spec", Text, nullable=False),
    Column("self_tests", Text, nullable=False),
    Column("resources", Text, nullable=False),  # ms and MiB, isolation
    Column("seen_us", BigInteger, nullable=False),
)
shadow_answer = Table(
    "shadow_answer",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("uid", LargeBinary(16), primary_key=True),
    Column("hour", BigInteger, nullable=False),
    Column("label", String(128)),
    Column("topk", Text),
    Column("score_step", Integer),
    Column("outcome", String(20), nullable=False),  # answered, cached, no_text, model_error, timeout, ...
    Index("shadow_answer_hour", "digest", "hour"),
    sqlite_with_rowid=False,
)
shadow_cache = Table(
    "shadow_cache",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("input_hash", LargeBinary(16), primary_key=True),
    Column("topk", Text, nullable=False),
    Column("score_step", Integer),
    Column("used_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
pairs = Table(
    "pairs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("segment", String(128), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("revision", Integer, nullable=False),  # of the profile it goes with
    Column("body", LargeBinary, nullable=False),
)
comparison = Table(
    "comparison",
    metadata,
    _key(),
    Column("digest", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("first_hour", BigInteger, nullable=False),
    Column("end_hour", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("verdict", String(16), nullable=False),  # promote, hold, more_labels
    Column("body", Text, nullable=False),
    UniqueConstraint("digest", "first_hour", "end_hour"),
)
decision = Table(
    "decision",
    metadata,
    _key(),
    Column("model", String(64), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("requester", String(128), nullable=False),
    Column("recommendation", String(16), nullable=False),  # retrain, label_first, wait
    Column("sentence", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("trigger", Text, nullable=False),  # resolved argv, JSON list
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # proposed, approved, rejected, expired, triggered, done, failed
    Column("expires_us", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    UniqueConstraint("model", "digest"),
)
approval = Table(
    "approval",
    metadata,
    Column("decision", BigInteger, primary_key=True),
    Column("person", String(128), primary_key=True),
    Column("verdict", String(16), nullable=False),  # approved, rejected
    Column("reason", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
trigger_call = Table(
    "trigger_call",
    metadata,
    Column("decision", BigInteger, primary_key=True),  # one per decision, ever
    Column("state", String(16), nullable=False),  # calling, started, failed, in_doubt
    Column("called_us", BigInteger, nullable=False),
    Column("answer", Text, nullable=False),
)

# --- who does what, when ----------------------------------------------------------------------------------------------
job_run = Table(
    "job_run",
    metadata,
    Column("job", String(32), primary_key=True),
    Column("slot_us", BigInteger, primary_key=True),
    Column("state", String(16), nullable=False),  # due, running, ok, failed, timeout, abandoned, skipped
    Column("attempt", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("started_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("line", Text, nullable=False),
    Column("trouble", Text, nullable=False),
)
lease = Table(
    "lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(128), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)
heartbeat = Table(
    "heartbeat",
    metadata,
    Column("runner", String(128), primary_key=True),
    Column("tick_us", BigInteger, nullable=False),
    Column("version", String(32), nullable=False),
)
setting = Table(
    "setting",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
