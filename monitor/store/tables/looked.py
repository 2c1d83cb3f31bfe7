"""Draw the tables of what the hours looked like: profiles, references, detectors, readings."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table, Text

from monitor.store.tables.registry import key, metadata

profile = Table(
    "profile",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("segment", String(128), primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("bare", Integer, primary_key=True, default=0),  # 0: of stored rows; 1: no rows were kept, it cannot be
    # built again; above: 2 + id of the source that a backfill counted it from, gone once the service reads the hour itself
    Column("revision", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
profile_day = Table(
    "profile_day",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("segment", String(128), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),  # the sum of the day's hours
    Column("base", LargeBinary),  # the part of it whose hours were let go
)
reference = Table(
    "reference",
    metadata,
    key(),
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
    Column("metric", Text, primary_key=True),  # label:<name> and field:<name>=<value> have no length of their own
    Column("hour", BigInteger, primary_key=True),
    Column("value", Float),
    Column("size", Float, nullable=False),  # records it rests on
    Column("expected", Float),
    Column("low", Float),  # what the reference does by itself
    Column("high", Float),
    Column("state", String(12), nullable=False),  # judged, small, learning, planned
)
