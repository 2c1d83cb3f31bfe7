"""Draw the tables of what is right, and of what would do better: labels, estimates, challengers, decisions."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from monitor.store.tables.registry import key, metadata

label = Table(
    "label",
    metadata,
    key(),
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
    key(),
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
    key(),
    Column("model", String(64), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("requester", String(128), nullable=False),
    Column("recommendation", String(16), nullable=False),  # retrain, label_first, wait
    Column("sentence", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("trigger", Text, nullable=False),  # what runs, with its address and inputs, JSON; null: nothing
    Column("digest", String(64), nullable=False),
    # proposed, approved, rejected, expired, triggered, done, failed, in_doubt, recorded (nothing was to run)
    Column("state", String(16), nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("champion", String(128)),  # the version that answered when it was proposed; null: none is logged
    Column("settings", String(64)),  # SHA-256 of what config.yaml says of the model and of its retraining
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
    Column("state", String(16), nullable=False),  # calling, started, failed, in_doubt, recorded
    Column("called_us", BigInteger, nullable=False),  # for the first time
    Column("answer", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="1"),
)
outcome = Table(
    "outcome",
    metadata,
    Column("decision", BigInteger, primary_key=True),
    Column("day", Integer, primary_key=True),  # since the new champion began; 0: that it began
    Column("at_us", BigInteger, nullable=False),  # when it was looked at
    Column("forecast", Text, nullable=False),  # JSON: of the decision, see jobs.aftermath
    Column("realised", Text, nullable=False),  # JSON: version and began_hour; from day 7 on see monitor.outcome
)
