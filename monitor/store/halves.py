"""Keep the halves of calls that wait for the other one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.batch import WaitingHalf
from monitor.store.tables import half, reject
from monitor.window import MICROSECONDS_PER_HOUR

AT_ONCE = 400


def waiting(connection: Connection, source: str, digests: list[bytes]) -> dict[tuple[bytes, str], bytes]:
    """Return the payload by (call, side) of the halves of these calls that wait."""
    found: dict[tuple[bytes, str], bytes] = {}
    for at in range(0, len(digests), AT_ONCE):
        query = select(half.c.join_digest, half.c.side, half.c.payload).where(
            half.c.source == source, half.c.join_digest.in_(digests[at : at + AT_ONCE])
        )
        found |= {(bytes(call), side): bytes(payload) for call, side, payload in connection.execute(query)}
    return found


def count(connection: Connection, source: str | None = None) -> int:
    """Count the halves that wait, of one source or of all."""
    query = select(func.count()).select_from(half)
    return int(connection.execute(query if source is None else query.where(half.c.source == source)).scalar_one())


def are_there(connection: Connection, source: str, keys: Sequence[tuple[bytes, str]]) -> bool:
    """Say whether all of these halves still wait: nobody else completed one."""
    return len(waiting(connection, source, [call for call, _ in keys]).keys() & set(keys)) == len(set(keys))


def complete(connection: Connection, source: str, keys: Sequence[tuple[bytes, str]]) -> None:
    """Forget halves that found their other one."""
    for at in range(0, len(keys), AT_ONCE):
        those = [and_(half.c.join_digest == call, half.c.side == side) for call, side in keys[at : at + AT_ONCE]]
        connection.execute(delete(half).where(half.c.source == source, or_(*those)))


def add(connection: Connection, source: str, bookmark: int, halves: Sequence[WaitingHalf]) -> None:
    """Let halves wait; one that waits already stays as it is."""
    if not halves:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(make(half).on_conflict_do_nothing(), [
        {"source": source, "join_digest": one.join_digest, "side": one.side, "bookmark": bookmark, "position": one.position,
         "length": one.length, "digest": one.digest, "event_us": one.time_us, "payload": one.payload, "expires_us": one.expires_us}
        for one in halves
    ])  # fmt: skip


def expire(connection: Connection, source: str, now_us: int) -> int:
    """Turn halves whose other one did not come in time into rejects that name the side there was."""
    late = connection.execute(select(half).where(half.c.source == source, half.c.expires_us <= now_us)).all()
    for row in late:
        _insert(connection, {
            "bookmark": row.bookmark, "position": row.position, "record": 0, "length": row.length, "count": 1,
            "reason": "half_missing", "detail": f"only the {row.side} of a call came", "digest": row.digest, "sample": "",
            "day": now_us // (24 * MICROSECONDS_PER_HOUR), "source": source})  # fmt: skip
        connection.execute(delete(half).where(
            half.c.source == source, half.c.join_digest == row.join_digest, half.c.side == row.side))  # fmt: skip
    return len(late)


def _insert(connection: Connection, values: dict[str, Any]) -> None:
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(make(reject).values(values).on_conflict_do_nothing())
