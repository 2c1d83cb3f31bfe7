"""Gather from the tables how the feed of every source stands."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select

from monitor.detection.baseline import Baseline
from monitor.feed import Feed
from monitor.settings import Source
from monitor.store import plans, references, standing
from monitor.store.tables import bookmark, data_loss, read_range, reject
from monitor.store.tables import source as sources
from monitor.window import MICROSECONDS_PER_HOUR, hour_of, microseconds, moment

LOOK_BACK_DAYS = 14
REFUSED_MINUTES, REFUSED_LINES = 15, 1000  # how far back refusals are counted: whichever of both reaches further


def feeds(connection: Connection, configured: Iterable[Source], now: datetime) -> list[Feed]:
    """Return the facts of every source of config.yaml, in its order; of one that was never read only the name."""
    known = {row.name: row for row in connection.execute(select(sources))}
    return [_feed(connection, one, known.get(one.name), now) for one in configured]


def _feed(connection: Connection, source: Source, row: Row[tuple[object, ...]] | None, now: datetime) -> Feed:
    if row is None:
        return Feed(source.name, source.model)
    since_us = microseconds(now - timedelta(days=1))
    lines, rejected = connection.execute(
        select(
            func.sum(read_range.c.lines_read + read_range.c.lines_rejected + read_range.c.lines_half),
            func.sum(read_range.c.lines_rejected + read_range.c.rejected),
        )
        .join(bookmark, bookmark.c.id == read_range.c.bookmark)
        .where(bookmark.c.source == source.name, read_range.c.committed_us >= since_us)
    ).one()
    losses, lost_bytes, lost_us = connection.execute(
        select(func.count(), func.sum(data_loss.c.bytes), func.max(data_loss.c.found_us))
        .join(bookmark, bookmark.c.id == data_loss.c.bookmark)
        .where(bookmark.c.source == source.name, data_loss.c.found_us >= since_us)
    ).one()
    newest = row.newest_us
    return Feed(
        source.name, source.model, row.read_us, newest, f"{moment(newest):%a %d %b %H:%M} UTC" if newest else "",
        int(row.lag_bytes or 0), int(lines or 0), int(rejected or 0), _worst(connection, source.name, now),
        int(lost_bytes or 0), int(losses), lost_us, _expected(connection, source, newest, now),
    )  # fmt: skip


def refused(connection: Connection, name: str, now: datetime) -> tuple[int, int, str]:
    """Return the newest lines of a source, how many of them were refused, and why mostly; lines of a day back at most."""
    query = (
        select(read_range.c.committed_us, read_range.c.lines_read + read_range.c.lines_rejected + read_range.c.lines_half,
               read_range.c.lines_rejected + read_range.c.rejected)
        .join(bookmark, bookmark.c.id == read_range.c.bookmark)
        .where(bookmark.c.source == name, read_range.c.committed_us >= microseconds(now - timedelta(days=1)))
        .order_by(read_range.c.committed_us.desc())
    )  # fmt: skip
    since_us, lines, rejected = microseconds(now - timedelta(minutes=REFUSED_MINUTES)), 0, 0
    for committed_us, some, bad in connection.execute(query):
        if committed_us < since_us and lines >= REFUSED_LINES:
            break
        lines, rejected = lines + int(some), rejected + int(bad)
    return lines, rejected, _worst(connection, name, now)


def _worst(connection: Connection, name: str, now: datetime) -> str:
    found = connection.execute(
        select(reject.c.reason)
        .where(reject.c.source == name, reject.c.day >= hour_of(now) // 24 - 1)
        .group_by(reject.c.reason).order_by(func.sum(reject.c.count).desc()).limit(1)
    ).first()  # fmt: skip
    return str(found.reason) if found else ""


def _expected(connection: Connection, source: Source, newest_us: int | None, now: datetime) -> float | None:
    """
    Return how many records the source owes since its newest, by its model's season.

    Its share of the model's traffic is what it gave in the two weeks before, over what the season expected in them.
    """
    pinned = None if source.model is None else references.active(connection, source.model)
    if pinned is None or newest_us is None:
        return None
    baseline = Baseline.from_bytes(pinned.baseline)
    newest_hour = newest_us // MICROSECONDS_PER_HOUR
    first_us = newest_us - LOOK_BACK_DAYS * 24 * MICROSECONDS_PER_HOUR
    gave, began_us = connection.execute(
        select(func.sum(read_range.c.accepted), func.min(read_range.c.first_event_us))
        .join(bookmark, bookmark.c.id == read_range.c.bookmark)
        .where(bookmark.c.source == source.name, read_range.c.last_event_us >= first_us)
    ).one()
    if not gave:
        return None
    usual = standing.due(baseline, began_us // MICROSECONDS_PER_HOUR, newest_hour + 1)
    owed = standing.due(baseline, newest_hour + 1, hour_of(now), plans.of_model(connection, source.model))
    return owed * int(gave) / usual if usual else None


def masked(connection: Connection, since_us: int) -> list[dict[str, Any]]:
    """Return (source, rule, finds, finds per record read) of what redaction masked since a moment."""
    query = select(bookmark.c.source, read_range.c.masked, read_range.c.accepted).join(
        bookmark, bookmark.c.id == read_range.c.bookmark
    )
    finds: dict[tuple[str, str], int] = {}
    records: dict[str, int] = {}
    for name, body, accepted in connection.execute(query.where(read_range.c.committed_us >= since_us)):
        records[name] = records.get(name, 0) + accepted
        for rule, count in json.loads(body or "{}").items():
            finds[name, rule] = finds.get((name, rule), 0) + count
    return [{"source": name, "rule": rule, "finds": count, "finds_a_record": count / records[name] if records[name] else None}
            for (name, rule), count in sorted(finds.items(), key=lambda one: -one[1])]  # fmt: skip
