"""Draw the tables of what went wrong and who was told: incidents, actions, replays, plans, messages, reports."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, UniqueConstraint

from monitor.store.tables.registry import key, metadata

incident = Table(
    "incident",
    metadata,
    key(),
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
    key(),
    Column("asked_us", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("verb", String(32), nullable=False),  # ack, close, new-normal, approve, reject, pin, run
    Column("subject", String(64), nullable=False),
    Column("revision", Integer),  # of the subject, as the person saw it
    Column("reason", Text, nullable=False),
    Column("applied_us", BigInteger),
    Column("refusal", Text),  # why not; null when applied
)
backtest = Table(
    "backtest",
    metadata,
    key(),
    Column("model", String(64), nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("words", Text, nullable=False),  # NAME=VALUE, apart by spaces
    Column("state", String(12), nullable=False),  # asked, ready, failed
    Column("note", Text, nullable=False),  # why it failed
    Column("made_us", BigInteger),
    Column("result", Text),  # JSON, see jobs.backtest
)
course = Table(
    "course",
    metadata,
    Column("subject", String(160), primary_key=True),  # of the alert it is told as
    Column("state", String(12), nullable=False),  # see monitor.hysteresis
    Column("recent", String(12), nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("good_us", BigInteger, nullable=False),
    Column("read_us", BigInteger, nullable=False),
    Column("flapping_us", BigInteger, nullable=False, server_default="0"),
    Column("missing_us", BigInteger, nullable=False, server_default="0"),
)
planned_change = Table(
    "planned_change",
    metadata,
    key(),
    Column("model", String(64), nullable=False),  # "" for all
    Column("kind", String(16), nullable=False),  # see monitor.plan
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger),  # null: a mark
    Column("note", Text, nullable=False),
    Column("author", String(128), nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("removed_us", BigInteger),  # when it was taken back
)
silence = Table(
    "silence",
    metadata,
    key(),
    Column("model", String(64), nullable=False),  # "" for all
    Column("kind", String(80), nullable=False),  # of the first cause; "" for all
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("author", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("ended_us", BigInteger),  # when somebody ended it before its time
)
outbox = Table(
    "outbox",
    metadata,
    key(),
    Column("subject", Text, nullable=False),  # incident:7, weekly:<model>
    Column("event", String(32), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("recipient", String(200), nullable=False),
    Column("facts", Text, nullable=False),
    Column(
        "state", String(16), nullable=False
    ),  # queued, held, claimed, handed_over, sent, in_doubt, dead, merged, suppressed
    Column("created_us", BigInteger, nullable=False),
    Column("retry_us", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("lease_until_us", BigInteger),
    Column("message_id", String(200), nullable=False),
    Column("possible_repeat", Integer, nullable=False, default=0),
    Column("suppressed_because", String(64)),
    Column("sent_us", BigInteger),
    Column("last_error", Text),
    Column("laid_us", BigInteger),  # when it was laid down as a file, because it could not leave
    Column("freed_us", BigInteger),  # since when it may leave, if it was held before
    UniqueConstraint("subject", "event", "sequence", "channel", "recipient"),
)
report = Table(
    "report",
    metadata,
    key(),
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
sheet = Table(
    "sheet",
    metadata,
    key(),
    Column("model", String(64), nullable=False),
    Column("first_hour", BigInteger, nullable=False),
    Column("end_hour", BigInteger, nullable=False),
    Column("language", String(8), nullable=False),
    Column("asked_by", String(128), nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("made_us", BigInteger),
    Column("state", String(16), nullable=False),  # asked, ready, failed
    Column("note", Text, nullable=False),
    Column("body", Text),  # what it says, and from what it was made
    Column("sha256", String(64)),  # of the page
)
