"""Keep which reports were made, and where their files lie."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, desc, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.tables import report
from monitor.window import Window, microseconds


def put(
    connection: Connection, kind: str, subject: str, window: Window, *, path: str, state: str, note: str, now: datetime
) -> None:
    """Insert a report, or replace the one of the same kind, subject and window."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    changed = {"path": path, "state": state, "note": note, "created_us": microseconds(now)}
    connection.execute(
        make(report).values(kind=kind, subject=subject, first_hour=window.first, end_hour=window.end, **changed)
        .on_conflict_do_update(index_elements=["kind", "subject", "first_hour", "end_hour"], set_=changed)
    )  # fmt: skip


def has(connection: Connection, kind: str, subject: str, window: Window) -> bool:
    """Say whether this report was made."""
    query = select(report.c.id).where(report.c.kind == kind, report.c.subject == subject, report.c.first_hour == window.first,
                                      report.c.end_hour == window.end, report.c.state == "ready")  # fmt: skip
    return connection.execute(query).first() is not None


def all(connection: Connection, limit: int = 200) -> list[dict[str, Any]]:
    """Return reports, newest first."""
    return [
        dict(row._mapping)
        for row in connection.execute(select(report).order_by(desc(report.c.created_us)).limit(limit))
    ]
