"""Keep the reports that people asked for: of which time, what they say, and the digest of the page."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, desc, select, update

from monitor.errors import NoData
from monitor.store.tables import sheet
from monitor.window import Window, microseconds


def ask(connection: Connection, model: str, window: Window, language: str, *, by: str, now: datetime) -> int:
    """Note that somebody wants a report of a window; returns its number."""
    row = {"model": model, "first_hour": window.first, "end_hour": window.end, "language": language, "asked_by": by,
           "asked_us": microseconds(now), "state": "asked", "note": ""}  # fmt: skip
    return int(connection.execute(sheet.insert().values(row).returning(sheet.c.id)).scalar_one())


def waiting(connection: Connection) -> list[int]:
    """Return the numbers of reports that were asked for and not made yet, the oldest first."""
    return list(connection.execute(select(sheet.c.id).where(sheet.c.state == "asked").order_by(sheet.c.id)).scalars())


def settle(connection: Connection, number: int, now: datetime, body: dict[str, Any], sha256: str) -> None:
    """Keep what a report says and the digest of its page."""
    values = {"state": "ready", "made_us": microseconds(now), "body": json.dumps(body), "sha256": sha256}
    connection.execute(update(sheet).where(sheet.c.id == number, sheet.c.state == "asked").values(values))


def fail(connection: Connection, number: int, now: datetime, note: str) -> None:
    """Keep why a report could not be made."""
    values = {"state": "failed", "made_us": microseconds(now), "note": note}
    connection.execute(update(sheet).where(sheet.c.id == number, sheet.c.state == "asked").values(values))


def get(connection: Connection, number: int) -> dict[str, Any]:
    """Return a report, `body` as it was given or None; NoData when there is none of this number."""
    row = connection.execute(select(sheet).where(sheet.c.id == number)).one_or_none()
    if row is None:
        raise NoData(f"there is no report {number}", remedy="the page Reports lists them")
    return {**row._mapping, "body": None if row.body is None else json.loads(row.body)}


def all(connection: Connection, limit: int = 200) -> list[dict[str, Any]]:
    """Return reports without what they say, newest first."""
    columns = [column for column in sheet.c if column.name != "body"]
    rows = connection.execute(select(*columns).order_by(desc(sheet.c.id)).limit(limit))
    return [dict(row._mapping) for row in rows]


def forget(connection: Connection, before_us: int) -> list[int]:
    """Delete reports that were asked for before a moment; returns their numbers, for the caller to delete their files."""
    return sorted(connection.execute(delete(sheet).where(sheet.c.asked_us < before_us).returning(sheet.c.id)).scalars())
