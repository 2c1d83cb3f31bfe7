"""Keep what people asked for, until a job applied or refused it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, desc, select, update

from monitor.store.tables import action
from monitor.window import microseconds


def ask(
    connection: Connection, actor: str, verb: str, subject: str, *, revision: int | None, reason: str, now: datetime
) -> int:
    """Insert an action; `revision` is the subject's as the person saw it. Returns its number."""
    row = {
        "asked_us": microseconds(now),
        "actor": actor,
        "verb": verb,
        "subject": subject,
        "revision": revision,
        "reason": reason,
    }
    return int(connection.execute(action.insert().values(row).returning(action.c.id)).scalar_one())


def pending(connection: Connection) -> list[dict[str, Any]]:
    """Return actions nobody has applied or refused, oldest first."""
    return [
        dict(row._mapping)
        for row in connection.execute(select(action).where(action.c.applied_us.is_(None)).order_by(action.c.id))
    ]


def settle(connection: Connection, number: int, now: datetime, refusal: str | None) -> bool:
    """Mark an action as applied, or refused with a sentence; False when another process was first."""
    done = connection.execute(
        update(action)
        .where(action.c.id == number, action.c.applied_us.is_(None))
        .values(applied_us=microseconds(now), refusal=refusal)
    )
    return done.rowcount == 1


def get(connection: Connection, number: int) -> dict[str, Any] | None:
    """Return one action, None when there is none of this number."""
    row = connection.execute(select(action).where(action.c.id == number)).one_or_none()
    return None if row is None else dict(row._mapping)


def about(connection: Connection, subject: str) -> list[dict[str, Any]]:
    """Return the actions on a subject, newest first."""
    return [
        dict(row._mapping)
        for row in connection.execute(select(action).where(action.c.subject == subject).order_by(desc(action.c.id)))
    ]
