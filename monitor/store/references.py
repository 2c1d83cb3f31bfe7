"""Keep which period was pinned as normal, and the baseline it gave."""

from typing import Any

from sqlalchemy import Connection, desc, select, update

from monitor.store.tables import reference


def pin(connection: Connection, values: dict[str, Any]) -> int:
    """Store a reference and make it the active one of its model; earlier ones stay on record."""
    connection.execute(update(reference).where(reference.c.model == values["model"]).values(active=0))
    row = {**values, "active": 1}
    return int(connection.execute(reference.insert().values(row).returning(reference.c.id)).scalar_one())


def active(connection: Connection, model: str) -> Any | None:
    """Return the active reference of `model` as a row, None when nothing is pinned."""
    query = select(reference).where(reference.c.model == model, reference.c.active == 1).order_by(desc(reference.c.id))
    return connection.execute(query.limit(1)).one_or_none()
