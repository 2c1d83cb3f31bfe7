"""Keep what people silenced; nothing is changed afterwards, only ended."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from monitor.errors import NoData
from monitor.silence import Silence
from monitor.store.tables import silence
from monitor.window import microseconds


def add(connection: Connection, one: Silence) -> int:
    """Keep a silence (its `id` is given here) and return its number."""
    row = {"model": one.model, "kind": one.kind, "from_us": one.from_us, "to_us": one.to_us, "author": one.author,
           "reason": one.reason}  # fmt: skip
    return int(connection.execute(silence.insert().values(row).returning(silence.c.id)).scalar_one())


def end(connection: Connection, number: int, now: datetime) -> None:
    """End a silence now; NoData when none of this number goes on."""
    goes_on = silence.c.id == number, silence.c.ended_us.is_(None), silence.c.to_us > microseconds(now)
    if connection.execute(update(silence).where(*goes_on).values(ended_us=microseconds(now))).rowcount != 1:
        raise NoData(f"there is no silence {number} that goes on", remedy="vigie incidents silences")


def on(connection: Connection, now: datetime) -> list[Silence]:
    """Return the silences that hold messages back now, the earliest first."""
    is_on = silence.c.from_us <= microseconds(now), silence.c.to_us > microseconds(now), silence.c.ended_us.is_(None)
    rows = connection.execute(select(silence).where(*is_on).order_by(silence.c.id))
    return [Silence(**row._mapping) for row in rows]
