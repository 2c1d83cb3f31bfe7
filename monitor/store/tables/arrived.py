"""Draw the tables of what was read: sources, bookmarks, rejects, predictions."""

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

from monitor.store.tables.registry import key, metadata

source = Table(
    "source",
    metadata,
    key(),
    Column("name", String(64), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("complete_until_hour", BigInteger),  # every active file was read to its end beyond this hour
    Column("newest_us", BigInteger),  # newest event time ever read
    Column("read_us", BigInteger),  # when the last pass ended
    Column("lag_bytes", BigInteger),
)
bookmark = Table(
    "bookmark",
    metadata,
    key(),
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
    Column("packed_size", BigInteger),  # of an archive that was read to its end: unchanged, it is not read again
    Column("mark", Text),  # of a table: the highest value of its mark column that was read
    Column("mark_key", Text),
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
    Column("lines_piece", BigInteger, nullable=False),
    Column("lines_half", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("erased", BigInteger, nullable=False, default=0),
    Column("masked", Text),  # {rule of the redaction: finds}
    Column("first_event_us", BigInteger),
    Column("last_event_us", BigInteger),
    Column("committed_us", BigInteger, nullable=False),
)
row_known = Table(
    "row_known",
    metadata,
    Column("bookmark", BigInteger, primary_key=True),
    Column("key_digest", LargeBinary(16), primary_key=True),
    Column("row_digest", LargeBinary(16), nullable=False),
    Column("place", Float, nullable=False),  # of its mark on the number line; behind the overlap a row is forgotten
    Index("row_known_place", "bookmark", "place"),
    sqlite_with_rowid=False,
)
half = Table(
    "half",
    metadata,
    Column("source", String(64), primary_key=True),
    Column("join_digest", LargeBinary(16), primary_key=True),
    Column("side", String(8), primary_key=True),  # input or answer
    Column("bookmark", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("digest", LargeBinary(16), nullable=False),
    Column("event_us", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # behind the privacy door
    Column("expires_us", BigInteger, nullable=False),
)
tombstone = Table(
    "tombstone",
    metadata,
    Column("uid", LargeBinary(16), primary_key=True),
    Column("erased_us", BigInteger, nullable=False),
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
context = Table(
    "context",
    metadata,
    key(),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("source", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("task", String(64), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("time_basis", String(8), nullable=False),
    Column("model_version", String(128)),
    Column("variant", String(12), nullable=False),
    Column("endpoint", String(200)),
    Column("caller", String(128)),
    Column("region", String(128)),
    Column("segment", String(128)),
    Column("input_stage", String(16)),
    Column("score_definition", String(16)),
    Column("threshold_step", Integer),
    Column("decision", String(12)),
    Column("decision_basis", String(12)),
    Column("latency_kind", String(12)),
    Column("status", Integer),
    Column("outcome", String(16)),
    Column("retries", Integer),
    Column("sampling_rate", Float),
    Column("flags", Text),  # names joined by commas
)
prediction_row = Table(
    "prediction_row",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("uid", LargeBinary(16), primary_key=True),
    Column("context", BigInteger, nullable=False),  # what it has in common with many
    Column("request_id", String(128)),
    Column("row", Integer, nullable=False),
    Column("batch_size", Integer),
    Column("time", BigInteger, nullable=False),
    Column("text_hash", LargeBinary(16)),
    Column("input_hash", LargeBinary(16)),
    Column("text_chars", Integer),
    Column("words", Integer),
    Column("unknown_words", Integer),
    Column("label", String(128)),
    Column("topk", Text),  # [[label, score], ...]
    Column("score", Float),
    Column("score_step", Integer),
    Column("latency_ms", Float),
    Column("error", String(120)),
    Column("sequence", BigInteger),
    Column("bookmark", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("support", Integer),
    postgresql_partition_by="RANGE (day)",
    sqlite_with_rowid=False,
)
prediction = Table(  # a view: rows beside their context, for whoever reads
    "prediction",
    MetaData(),
    *(
        Column(one.name, one.type)
        for one in (*prediction_row.c, *context.c)
        if one.name not in {"id", "digest", "context"}
    ),
)
prediction_input = Table(
    "prediction_input",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("uid", LargeBinary(16), primary_key=True),
    Column("text", Text),
    Column("fields", Text),  # {name: value}
    Column("sealed", LargeBinary),  # text and fields as they were, under the key of their day
    postgresql_partition_by="RANGE (day)",
    sqlite_with_rowid=False,
)
dirty_hour = Table(
    "dirty_hour",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("mark", BigInteger, nullable=False),  # rises with each arrival; a fold deletes only the mark it saw
)
last_seen = Table(
    "last_seen",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("at_us", BigInteger, nullable=False),  # of the newest prediction that ever came
)
data_loss = Table(
    "data_loss",
    metadata,
    key(),
    Column("bookmark", BigInteger, nullable=False),
    Column("why", String(32), nullable=False),
    Column("bytes", BigInteger),
    Column("found_us", BigInteger, nullable=False),
)
