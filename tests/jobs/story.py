"""Count what log files hold and what a store holds, each by its own road."""

import glob
import json
import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from monitor.store.store import Store
from monitor.store.tables import bookmark, metadata, prediction, read_range


def logged(pattern: str) -> Counter[tuple[int, int]]:
    """Count calls by (day, status) over the files, with the standard library alone."""
    counted: Counter[tuple[int, int]] = Counter()
    for name in glob.glob(pattern):
        with open(name, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                day = (datetime.fromisoformat(row["time"]) - datetime.fromisoformat("1970-01-01T00:00:00Z")).days
                counted[day, row["status"]] += 1
    return counted


def stored(store: Store) -> Counter[tuple[int, int]]:
    """Count stored predictions by (day, status)."""
    query = select(prediction.c.day, prediction.c.status, func.count()).group_by(prediction.c.day, prediction.c.status)
    with store.read() as connection:
        return Counter({(day, status): count for day, status, count in connection.execute(query)})


def request_ids(store: Store) -> Counter[str]:
    """Count how often each request id is stored."""
    with store.read() as connection:
        return Counter(connection.execute(select(prediction.c.request_id)).scalars())


def contiguous(store: Store) -> bool:
    """Say whether the ranges read of each file touch, never overlap, and end at its bookmark."""
    with store.read() as connection:
        places = dict(connection.execute(select(bookmark.c.id, bookmark.c.position)).tuples().all())
        ranges = connection.execute(
            select(read_range.c.bookmark, read_range.c.start, read_range.c.end).order_by(
                read_range.c.bookmark, read_range.c.start
            )
        ).all()
    at = dict.fromkeys(places, 0)
    for one, start, end in ranges:
        if at[one] != start:
            return False
        at[one] = end
    return at == places


def snapshot(store: Store, but: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Return every row of every table, as text in a fixed order; `but` names tables or table.column to leave out."""
    found = {}
    with store.read() as connection:
        for name, table in {**metadata.tables, prediction.name: prediction}.items():
            if name not in but:
                columns = [c for c in table.c if f"{name}.{c.name}" not in but]
                rows = (
                    tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                    for row in connection.execute(select(*columns))
                )
                found[name] = sorted(map(repr, rows))
    return found


def failing(nth: int) -> Callable[[Connection], None]:
    """Return a guard of a store under which its nth writing transaction fails as on a full disk."""
    left = [nth]

    def guard(_connection: Connection) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full"))

    return guard
