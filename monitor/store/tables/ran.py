"""Draw the tables of who does what, when: runs, leases, heartbeats, settings."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from monitor.store.tables.registry import metadata

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
    Column("stderr_tail", Text),  # the last 4 KiB, redacted, of a run that did not go well
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
    Column("config_hash", String(64), nullable=False, server_default=""),
)
setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),  # may hold the name of a model
    Column("value", Text, nullable=False),
)
