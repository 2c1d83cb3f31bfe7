"""Keep what people announced; nothing is changed afterwards, only taken back."""

from datetime import datetime

from sqlalchemy import Connection, or_, select, update

from monitor.errors import NoData
from monitor.plan import Planned
from monitor.store.tables import planned_change
from monitor.window import microseconds


def add(connection: Connection, one: Planned) -> int:
    """Keep an entry (its `id` is given here) and return its number."""
    row = {"model": one.model, "kind": one.kind, "from_us": one.from_us, "to_us": one.to_us, "note": one.note,
           "author": one.author, "added_us": one.added_us}  # fmt: skip
    return int(connection.execute(planned_change.insert().values(row).returning(planned_change.c.id)).scalar_one())


def remove(connection: Connection, number: int, now: datetime) -> None:
    """Take an entry back from now on; NoData when there is none of this number that still holds."""
    done = connection.execute(
        update(planned_change)
        .where(planned_change.c.id == number, planned_change.c.removed_us.is_(None))
        .values(removed_us=microseconds(now))
    )
    if done.rowcount != 1:
        raise NoData(f"there is no entry {number} in the plan", remedy="vigie plan list")


def of_model(connection: Connection, model: str | None = None) -> list[Planned]:
    """Return the entries that concern a model, or all, the earliest first; those taken back too."""
    query = select(planned_change).order_by(planned_change.c.from_us, planned_change.c.id)
    if model is not None:
        query = query.where(or_(planned_change.c.model == "", planned_change.c.model == model))
    return [Planned(**row._mapping) for row in connection.execute(query)]
