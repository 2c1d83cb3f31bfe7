"""Keep the detector's state beside the hour it has judged up to."""

from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.tables import detector


def load(connection: Connection, model: str, reference: int, *, to_change: bool = False) -> Any | None:
    """
    Return the saved row (judged_until, state, evidence) of the model under this reference; None before the first hour.

    Whoever will save it says `to_change`: the row is locked to the end of the transaction, so that nobody's change is lost.
    """
    query = select(detector).where(detector.c.model == model, detector.c.reference == reference)
    if to_change:
        query = query.with_for_update()  # SQLite lets one writer in at a time and ignores it
    return connection.execute(query).one_or_none()


def judged_until(connection: Connection, model: str) -> int | None:
    """Return the hour number up to which the model was judged, by whatever reference; None before the first hour."""
    return connection.execute(select(func.max(detector.c.judged_until)).where(detector.c.model == model)).scalar()


def save(
    connection: Connection, model: str, reference: int, *, judged_until: int, state: bytes, evidence: float
) -> None:
    """Replace the saved state."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"judged_until": judged_until, "state": state, "evidence": evidence}
    connection.execute(
        make(detector)
        .values(model=model, reference=reference, **values)
        .on_conflict_do_update(index_elements=["model", "reference"], set_=values)
    )
