"""Commit what a reading brought together with the place where the next one begins."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from monitor.batch import Batch, Reject
from monitor.profiles.profile import Key, Profile
from monitor.store import halves, profiles, rows
from monitor.store.tables import (
    bookmark,
    data_loss,
    dirty_hour,
    last_seen,
    read_range,
    reject,
    source,
)
from monitor.window import MICROSECONDS_PER_HOUR


@dataclass(frozen=True)
class Saved:
    """Count what became of the records of a batch; `moved` is False when another runner was first."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    erased: int = 0
    moved: bool = True


def alone(connection: Connection, name: str) -> None:
    """
    Let one transaction at a time work on a source, until it ends.

    SQLite has one writer anyway; on PostgreSQL two runners would else take one file twice.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 7316592))))


def marks(connection: Connection, name: str, instance: str, first_digest: bytes) -> Sequence[Any]:
    """Return the bookmarks a file with this first line may continue, the furthest first."""
    query = select(bookmark).where(
        bookmark.c.source == name, bookmark.c.instance == instance, bookmark.c.first_digest == first_digest
    )
    return connection.execute(query.order_by(bookmark.c.position.desc())).all()


def register(connection: Connection, values: dict[str, Any]) -> Any:
    """Start a new generation of a file at position 0 and return its row; `values` are the identity and the hints."""
    same = (bookmark.c.source == values["source"], bookmark.c.instance == values["instance"],
            bookmark.c.first_digest == values["first_digest"])  # fmt: skip
    newest = connection.execute(select(func.max(bookmark.c.generation)).where(*same)).scalar()
    row = {"generation": 0 if newest is None else newest + 1, "position": 0, "tail_length": 0, "head_length": 0,
           "state": "active", "lost_bytes": 0, **values}  # fmt: skip
    return connection.execute(bookmark.insert().values(row).returning(bookmark)).one()


def note(connection: Connection, identity: int, **hints: Any) -> None:
    """Keep what the file system said of a file, or its state."""
    connection.execute(update(bookmark).where(bookmark.c.id == identity).values(**hints))


def lose(connection: Connection, identity: int, why: str, lost_bytes: int, now_us: int) -> None:
    """Record bytes that were destroyed before they were read."""
    connection.execute(update(bookmark).where(bookmark.c.id == identity).values(
        lost_bytes=bookmark.c.lost_bytes + lost_bytes, state="vanished"))  # fmt: skip
    connection.execute(data_loss.insert().values(bookmark=identity, why=why, bytes=lost_bytes, found_us=now_us))


def packed(connection: Connection, name: str, hints: tuple[int, int, int, int]) -> list[int]:
    """Return the bookmarks that ended in this very archive: device, inode, size in bytes and time of change are the same."""
    device, inode, size, modified_us = hints
    query = select(bookmark.c.id).where(
        bookmark.c.source == name, bookmark.c.device == device, bookmark.c.inode == inode,
        bookmark.c.packed_size == size, bookmark.c.modified_us == modified_us,
        bookmark.c.state.in_(("finished", "refused")),
    )  # fmt: skip
    return list(connection.execute(query).scalars())


def close(connection: Connection, identity: int, why: Reject | None, now_us: int, **hints: Any) -> None:
    """Note that an archive was read as far as it can be, and once the reason where that is not its end."""
    name = connection.execute(select(bookmark.c.source).where(bookmark.c.id == identity)).scalar_one()
    alone(connection, name)
    if why is not None:
        there = select(reject.c.bookmark).where(reject.c.bookmark == identity, reject.c.position == why.position)
        if connection.execute(there).first() is None:
            _insert_rejects(connection, [why], identity, name, now_us)
            connection.execute(
                data_loss.insert().values(bookmark=identity, why=why.reason, bytes=None, found_us=now_us)
            )
    note(connection, identity, **hints)


def active(connection: Connection, name: str) -> Sequence[Any]:
    """Return the bookmarks of a source whose files are still expected."""
    return connection.execute(select(bookmark).where(bookmark.c.source == name, bookmark.c.state == "active")).all()


def save(connection: Connection, batch: Batch, identity: int, place: dict[str, Any], now_us: int, *,
         parts: dict[Key, Profile] | None = None) -> Saved:  # fmt: skip
    """
    Write rows, rejects, dirty hours and the new position; the position must still be the batch's start.

    `place` holds the new tail and head of the bookmark. With `parts` no row is kept: these counts are added to the
    stored profiles instead, and a record that came before cannot be told. Returns `moved=False`, having written nothing, when another
    runner read this range: the caller must roll back.
    """
    name = connection.execute(select(bookmark.c.source).where(bookmark.c.id == identity)).scalar_one()
    alone(connection, name)
    if not halves.are_there(connection, name, batch.completed):
        return Saved(moved=False)  # another file's reader completed one of these calls
    moved = connection.execute(
        update(bookmark)
        .where(bookmark.c.id == identity, bookmark.c.position == batch.start)
        .values(position=batch.end, **place)
    )
    if moved.rowcount != 1:
        return Saved(moved=False)
    halves.complete(connection, name, batch.completed)
    halves.add(connection, name, identity, batch.halves)
    living = rows.living(connection, batch.predictions)
    fresh, conflicting = rows.insert(connection, living) if parts is None else (living, [])
    if parts is None:
        _mark_dirty(connection, fresh)
    else:
        profiles.add(connection, parts)
    _note_seen(connection, fresh)
    rejects = [*batch.rejects, *conflicting]
    _insert_rejects(connection, rejects, identity, name, now_us)
    duplicate = living.height - fresh.height - len(conflicting)
    erased = batch.predictions.height - living.height
    saved = Saved(fresh.height, duplicate, len(conflicting) + batch.rows_refused, erased)
    first, last = (
        (living["time"].dt.epoch("us").min(), living["time"].dt.epoch("us").max()) if living.height else (None, None)
    )
    connection.execute(read_range.insert().values(
        bookmark=identity, start=batch.start, end=batch.end, lines_read=batch.lines.read, lines_blank=batch.lines.blank,
        lines_other=batch.lines.other, lines_rejected=batch.lines.rejected, lines_piece=batch.lines.piece,
        lines_half=batch.lines.half, erased=saved.erased, masked=json.dumps(batch.masked) if batch.masked else None, accepted=saved.accepted,
        duplicate=saved.duplicate, rejected=saved.rejected, first_event_us=first, last_event_us=last, committed_us=now_us))  # fmt: skip
    return saved


def _insert_rejects(connection: Connection, rejects: list[Reject], identity: int, name: str, now_us: int) -> None:
    if not rejects:
        return
    connection.execute(reject.insert(), [
        {"bookmark": identity, "position": one.position, "record": one.record, "length": one.length, "count": one.count,
         "reason": one.reason, "detail": one.detail, "digest": one.digest or b"\x00" * 16, "sample": one.sample,
         "day": now_us // (24 * MICROSECONDS_PER_HOUR), "source": name}
        for one in rejects
    ])  # fmt: skip


def _mark_dirty(connection: Connection, fresh: pl.DataFrame) -> None:
    hours = fresh.select("model", hour=pl.col("time").dt.epoch("us") // MICROSECONDS_PER_HOUR).unique()
    mark_dirty_hours(connection, sorted(hours.iter_rows()))


def _note_seen(connection: Connection, fresh: pl.DataFrame) -> None:
    """Keep the time of the newest prediction of each model."""
    newest = fresh.group_by("model").agg(at_us=pl.col("time").dt.epoch("us").max()).sort("model")
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    row = make(last_seen)
    later = row.excluded.at_us > last_seen.c.at_us
    if newest.height:
        connection.execute(
            row.on_conflict_do_update(index_elements=["model"], set_={"at_us": row.excluded.at_us}, where=later),
            newest.to_dicts(),
        )


def mark_dirty_hours(connection: Connection, hours: Sequence[tuple[str, int]]) -> None:
    """Note (model, hour) whose profile is older than its rows: summarise sums them up again."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if hours:
        row = make(dirty_hour).on_conflict_do_update(
            index_elements=["model", "hour"], set_={"mark": dirty_hour.c.mark + 1}
        )
        connection.execute(row, [{"model": model, "hour": hour, "mark": 1} for model, hour in hours])


def note_source(connection: Connection, name: str, kind: str, **facts: Any) -> None:
    """Keep what the last pass over a source found: newest event, lag, and the hour it is complete to."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        make(source).values(name=name, kind=kind, **facts).on_conflict_do_update(index_elements=["name"], set_=facts)
    )


def know_source(connection: Connection, name: str, kind: str) -> None:
    """Let a source be known before anything was read of it."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(make(source).values(name=name, kind=kind).on_conflict_do_nothing(index_elements=["name"]))


def feed(connection: Connection) -> list[dict[str, Any]]:
    """Return per source what was read so far: lines by fate, records, rejects, lost bytes, newest time."""
    totals = select(
        bookmark.c.source,
        *(func.sum(read_range.c[n]).label(n) for n in ("lines_read", "lines_blank", "lines_other", "lines_rejected",
                                                      "lines_piece", "lines_half", "accepted", "duplicate", "rejected", "erased")),
    ).join(read_range, read_range.c.bookmark == bookmark.c.id).group_by(bookmark.c.source)  # fmt: skip
    counted = {row.source: dict(row._mapping) for row in connection.execute(totals)}
    sums = select(bookmark.c.source, func.sum(bookmark.c.lost_bytes)).group_by(bookmark.c.source)
    lost = {row[0]: row[1] for row in connection.execute(sums)}
    return [{**dict(row._mapping), **counted.get(row.name, {}), "lost_bytes": int(lost.get(row.name, 0) or 0)}
            for row in connection.execute(select(source).order_by(source.c.name))]  # fmt: skip


def rejects_by_reason(connection: Connection) -> list[dict[str, Any]]:
    """Return (source, reason, count, one detail, one redacted sample), the most frequent first."""
    query = (
        select(reject.c.source, reject.c.reason, func.sum(reject.c.count).label("count"), func.max(reject.c.detail).label("detail"),
               func.max(reject.c.sample).label("sample"))
        .group_by(reject.c.source, reject.c.reason)
        .order_by(func.sum(reject.c.count).desc())
    )  # fmt: skip
    return [dict(row._mapping) for row in connection.execute(query)]


def rejects_by_day(connection: Connection, first: int, last: int) -> list[tuple[str, int, str, int]]:
    """Return (source, day of reading, reason, count) of what was refused from day `first` to `last`, both since 1970 and both included."""
    key = (reject.c.source, reject.c.day, reject.c.reason)
    query = (
        select(*key, func.sum(reject.c.count)).where(reject.c.day.between(first, last)).group_by(*key).order_by(*key)
    )
    return [(source, day, reason, int(many)) for source, day, reason, many in connection.execute(query)]
