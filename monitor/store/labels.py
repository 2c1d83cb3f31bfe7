"""Keep the labels people gave, joined to the predictions they are about."""

from typing import Any

import polars as pl
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.predictions import between, inside
from monitor.store.tables import label, prediction
from monitor.window import MICROSECONDS_PER_HOUR, Window

AT_ONCE = 400
MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
SCHEMA = {"day": pl.Int64, "uid": pl.Binary, "truth": pl.String, "source": pl.String, "inclusion": pl.Float64,
          "labelled_us": pl.Int64, "time": pl.Int64, "answer": pl.String, "score_step": pl.Int64, "decision": pl.String,
          "caller": pl.String}  # fmt: skip


def predictions_of(
    connection: Connection, model: str, request_ids: list[str]
) -> dict[str, dict[int, tuple[int, bytes]]]:
    """Return (day, uid) by request id and row of the call, of those that are stored; the newest call where an id repeats."""
    found: dict[str, dict[int, tuple[int, bytes]]] = {}
    for at in range(0, len(request_ids), AT_ONCE):
        query = (
            select(prediction.c.request_id, prediction.c.row, prediction.c.day, prediction.c.uid)
            .where(
                prediction.c.model == model,
                prediction.c.kind == "prediction",
                prediction.c.request_id.in_(request_ids[at : at + AT_ONCE]),
            )
            .order_by(prediction.c.time)
        )
        for identity, row, day, uid in connection.execute(query):
            found.setdefault(identity, {})[row] = (day, bytes(uid))
    return found


def predictions_with(
    connection: Connection, model: str, hashes: list[bytes], first_us: int
) -> dict[bytes, list[tuple[int, int, bytes]]]:
    """Return (time, day, uid) by text hash, oldest first, of the predictions since `first_us` that have such a text."""
    found: dict[bytes, list[tuple[int, int, bytes]]] = {}
    for at in range(0, len(hashes), AT_ONCE):
        query = (
            select(prediction.c.text_hash, prediction.c.time, prediction.c.day, prediction.c.uid)
            .where(prediction.c.model == model, between(first_us), prediction.c.text_hash.in_(hashes[at : at + AT_ONCE]))
            .order_by(prediction.c.time, prediction.c.uid)
        )  # fmt: skip
        for text, time, day, uid in connection.execute(query):
            found.setdefault(bytes(text), []).append((time, day, bytes(uid)))
    return found


def add(connection: Connection, rows: list[dict[str, Any]]) -> int:
    """Insert labels; one that is known changes nothing. Returns how many were new."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    count = select(func.count()).select_from(label)
    before = connection.execute(count).scalar_one()
    if rows:
        connection.execute(make(label).on_conflict_do_nothing(), rows)
    return int(connection.execute(count).scalar_one() - before)


def newest_audit_day(connection: Connection, model: str) -> int | None:
    """Return the day of the newest answer that was audited; None when none was."""
    audited = (label.c.model == model, label.c.source == "audit", label.c.inclusion.is_not(None))
    return connection.execute(select(func.max(label.c.day)).where(*audited)).scalar()


def joined(connection: Connection, model: str, window: Window | None = None) -> pl.DataFrame:
    """
    Return the newest label per prediction and source, beside what was answered.

    Columns are those of `SCHEMA`; `window` limits the predictions' time.
    """
    query = (
        select(label.c.day, label.c.uid, label.c.label, label.c.source, label.c.inclusion, label.c.labelled_us,
               prediction.c.time, prediction.c.label.label("answer"), prediction.c.score_step, prediction.c.decision,
               prediction.c.caller)
        .join(prediction, (prediction.c.day == label.c.day) & (prediction.c.uid == label.c.uid))
        .where(label.c.model == model)
        .order_by(label.c.labelled_us, label.c.id)
    )  # fmt: skip
    if window is not None:
        query = query.where(inside(model, window))
    frame = pl.DataFrame([tuple(row) for row in connection.execute(query)], schema=SCHEMA, orient="row")
    return frame.unique(["day", "uid", "source"], keep="last", maintain_order=True)
