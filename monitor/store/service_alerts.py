"""
Say which alerts about Vigie and its feed stand, by the messages that told of them.

An alert that can end holds `ends` in its facts. It stands from its message `opened` to its message `closed`.
"""

import json
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, func, select

from monitor.store.tables import outbox

INGEST, UNHEALTHY, PAUSED = BLIND = (
    "service:job:ingest",
    "service:unhealthy",
    "service:paused",
)  # nothing is read meanwhile
DEAD, OUTBOX, PROFILES, LOSING = "service:dead", "service:outbox", "service:profiles:", "service:source:losing:"
ANY_WAY = (
    DEAD,
    OUTBOX,
    PROFILES,
    LOSING,
)  # beginnings of what is told by every way there is: the usual one may be what is stuck
FLAPPING, UNMEASURED = "service:flapping:", "service:cannot_measure:"  # and the name of what is measured


def silent(model: str) -> str:
    """Name the alert that a model has no traffic although some was due."""
    return f"service:silent:{model}"


def shared(name: str) -> str:
    """Name the alert that several models which share something are silent."""
    return f"service:shared:silent:{name}"


def away(source: str) -> set[str]:
    """Name the alerts that say that nothing comes from a source."""
    return {f"service:source:silent:{source}", f"service:source:unread:{source}", shared(source)}


def explaining(standing: Collection[str], model: str, sources: Iterable[str]) -> str | None:
    """Return the alert that explains whatever is seen of a model meanwhile: nothing is read, or none of its `sources` gives; None: none."""
    whole = {*BLIND, silent(model)} & set(standing)
    gone = [away(name) & set(standing) for name in sources]
    known = whole or (gone[0] if gone and all(gone) else set())
    return min(known, default=None)


def standing(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the newest message of each alert that stands and can end, by the alert's name."""
    newest = select(func.max(outbox.c.id)).where(outbox.c.subject.like("service:%")).group_by(outbox.c.subject)
    rows = [_read(row) for row in connection.execute(select(outbox).where(outbox.c.id.in_(newest)))]
    return {row["subject"]: row for row in rows if row["event"] == "opened" and row["facts"].get("ends")}


def messages(connection: Connection, subject: str, event: str, sequence: int) -> dict[str, dict[str, Any]]:
    """Return the messages about one event of an alert, by recipient."""
    key = outbox.c.subject == subject, outbox.c.event == event, outbox.c.sequence == sequence
    return {row.recipient: _read(row) for row in connection.execute(select(outbox).where(*key))}


def is_over(connection: Connection, row: dict[str, Any]) -> bool:
    """Say whether an alert began and ended while its messages were held: its beginning, or its end, is no news any more."""
    other = "closed" if row["event"] == "opened" else "opened"
    mate = messages(connection, row["subject"], other, row["sequence"]).get(row["recipient"])
    return mate is not None and mate["state"] in ({"held"} if other == "closed" else {"held", "suppressed"})


def _read(row: Any) -> dict[str, Any]:
    return {**row._mapping, "facts": json.loads(row.facts)}
