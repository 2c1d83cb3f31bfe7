"""Let go of what is kept no longer: texts first, then rows, then hourly counts."""

import json
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from monitor.store import profiles, references
from monitor.store.rows import forget_contexts
from monitor.store.tables import (
    data_loss,
    dirty_hour,
    incident,
    job_run,
    label,
    prediction_input,
    prediction_row,
    profile,
    profile_day,
    read_range,
    reject,
    report,
    shadow_answer,
    shadow_cache,
)
from monitor.window import MICROSECONDS_PER_HOUR, Window

MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
COUNTED = ("lines_read", "lines_blank", "lines_other", "lines_rejected", "lines_piece", "lines_half", "accepted",
           "duplicate", "rejected", "erased")  # fmt: skip
QUOTING = "evidently"  # the kind of report that shows texts


def texts(connection: Connection, before_day: int) -> int:
    """Delete texts, fields, samples of rejects and quoted examples from before a day; returns how many texts."""
    gone = _days(connection, prediction_input, before_day)
    connection.execute(update(reject).where(reject.c.day < before_day, reject.c.sample != "").values(sample=""))
    connection.execute(delete(shadow_cache).where(shadow_cache.c.used_us < before_day * MICROSECONDS_PER_DAY))
    old = select(incident.c.id, incident.c.detail).where(incident.c.found_hour < before_day * 24)
    for row in connection.execute(old).all():
        detail = json.loads(row.detail)
        if detail.get("texts"):
            body = json.dumps({**detail, "texts": []}, ensure_ascii=False)
            connection.execute(update(incident).where(incident.c.id == row.id).values(detail=body))
    return gone


def quoting_reports(connection: Connection, before_day: int) -> list[str]:
    """Forget reports that show texts and were made before a day; returns their files, for the caller to delete."""
    old = (report.c.kind == QUOTING, report.c.created_us < before_day * MICROSECONDS_PER_DAY)
    paths = [str(path) for path in connection.execute(select(report.c.path).where(*old)).scalars()]
    connection.execute(delete(report).where(*old))
    return paths


def rows(connection: Connection, before_day: int) -> int:
    """
    Delete predictions, labels, challenger answers, rejects and ranges from before a day; returns how many predictions.

    Not from days that wait to be counted. From then on the counts of these days cannot be built again: they are marked so, and
    a late line adds to them instead of taking their place.
    """
    waiting = connection.execute(select(func.min(dirty_hour.c.hour))).scalar_one()
    before_day = before_day if waiting is None else min(before_day, int(waiting) // 24)
    for table in (label, shadow_answer, reject):
        connection.execute(delete(table).where(table.c.day < before_day))
    _days(connection, prediction_input, before_day)
    before_us = before_day * MICROSECONDS_PER_DAY
    connection.execute(delete(data_loss).where(data_loss.c.found_us < before_us))
    connection.execute(delete(read_range).where(read_range.c.committed_us < before_us))
    gone = _days(connection, prediction_row, before_day)
    if gone:
        forget_contexts(connection)
    profiles.settle(connection, before_day * 24)
    return gone


def _days(connection: Connection, table: Table, before_day: int) -> int:
    """Let go of whole days; on PostgreSQL their partitions are dropped, unless somebody reads for more than two seconds."""
    gone = 0
    if connection.dialect.name == "postgresql":
        gone = connection.execute(select(func.vigie_drop_days(table.name, before_day))).scalar_one()
    return gone + connection.execute(delete(table).where(table.c.day < before_day)).rowcount


def counts(connection: Connection, before_day: int) -> int:
    """Delete profiles of hours and days from before a day; returns how many hours."""
    connection.execute(delete(profile_day).where(profile_day.c.day < before_day))
    return connection.execute(delete(profile).where(profile.c.hour < before_day * 24)).rowcount


def hours(connection: Connection, before_day: int) -> int:
    """
    Let go of the hours of days from before a day that are summed up; returns how many.

    Hours of a reference in use stay: incidents are explained by them.
    """
    return sum(profiles.forget_hours(connection, model, day, kept=_references(connection, model))
               for model, day in profiles.summed(connection, before_day))  # fmt: skip


def _references(connection: Connection, model: str) -> Window | None:
    row = references.active(connection, model)
    return None if row is None else Window(row.first_hour, row.end_hour)


def runs(connection: Connection, before_day: int) -> int:
    """Delete what is known of job runs from before a day; returns how many."""
    return connection.execute(delete(job_run).where(job_run.c.slot_us < before_day * MICROSECONDS_PER_DAY)).rowcount


def merge_ranges(connection: Connection, before_day: int) -> int:
    """
    Put the ranges that were read of a file on one day before `before_day` into one; returns how many were saved.

    Counts are added and the ranges still tile the file.
    """
    query = select(read_range).where(read_range.c.committed_us < before_day * MICROSECONDS_PER_DAY)
    saved = 0
    ordered = connection.execute(query.order_by(read_range.c.bookmark, read_range.c.start)).mappings().all()
    for _, group in groupby(ordered, lambda one: (one["bookmark"], one["committed_us"] // MICROSECONDS_PER_DAY)):
        for run in _touching([dict(one) for one in group]):
            if len(run) > 1:
                those = (
                    read_range.c.bookmark == run[0]["bookmark"],
                    read_range.c.start.in_([one["start"] for one in run]),
                )
                connection.execute(delete(read_range).where(*those))
                connection.execute(read_range.insert().values(_merged(run)))
                saved += len(run) - 1
    return saved


def _touching(ranges: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Split ranges in order of their start where one does not begin where the last one ended."""
    runs: list[list[dict[str, Any]]] = []
    for one in ranges:
        if runs and runs[-1][-1]["end"] == one["start"]:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _merged(run: list[dict[str, Any]]) -> dict[str, Any]:
    finds: dict[str, int] = {}
    for one in run:
        for name, count in json.loads(one["masked"] or "{}").items():
            finds[name] = finds.get(name, 0) + count
    first = [one["first_event_us"] for one in run if one["first_event_us"] is not None]
    last = [one["last_event_us"] for one in run if one["last_event_us"] is not None]
    return {**run[0], **{name: sum(one[name] for one in run) for name in COUNTED}, "end": run[-1]["end"],
            "masked": json.dumps(finds) if finds else None, "first_event_us": min(first, default=None),
            "last_event_us": max(last, default=None), "committed_us": run[-1]["committed_us"]}  # fmt: skip
