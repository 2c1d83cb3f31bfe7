"""
Draw the tables: one schema for SQLite and PostgreSQL.

Times are whole microseconds since 1970 in UTC, hours and days whole numbers since 1970, digests 16 bytes, documents
JSON text. Migrations create these tables; a test compares the two.
"""

from monitor.store.tables.arrived import (
    bookmark,
    context,
    data_loss,
    dirty_hour,
    half,
    last_seen,
    prediction,
    prediction_input,
    prediction_row,
    read_range,
    reject,
    row_known,
    source,
    tombstone,
)
from monitor.store.tables.looked import detector, profile, profile_day, reading, reference
from monitor.store.tables.ran import heartbeat, job_run, lease, setting
from monitor.store.tables.registry import metadata
from monitor.store.tables.right import (
    approval,
    challenger,
    comparison,
    decision,
    estimate,
    label,
    outcome,
    pairs,
    shadow_answer,
    shadow_cache,
    trigger_call,
)
from monitor.store.tables.told import (
    action,
    backtest,
    change_log,
    course,
    incident,
    outbox,
    planned_change,
    report,
    sheet,
    silence,
)

__all__ = [
    "action",
    "approval",
    "backtest",
    "bookmark",
    "challenger",
    "change_log",
    "comparison",
    "context",
    "course",
    "data_loss",
    "decision",
    "detector",
    "dirty_hour",
    "estimate",
    "half",
    "heartbeat",
    "incident",
    "job_run",
    "label",
    "last_seen",
    "lease",
    "metadata",
    "outbox",
    "outcome",
    "pairs",
    "planned_change",
    "prediction",
    "prediction_input",
    "prediction_row",
    "profile",
    "profile_day",
    "read_range",
    "reading",
    "reference",
    "reject",
    "report",
    "row_known",
    "setting",
    "shadow_answer",
    "shadow_cache",
    "sheet",
    "silence",
    "source",
    "tombstone",
    "trigger_call",
]
