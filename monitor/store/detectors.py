"""Keep the detector's state beside the hour it has judged up to."""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.tables import detector


def load(connection: Connection, model: str, reference: int) -> Any | None:
    """Return the saved row (judged_until, state, evidence) of the model under this reference; None before the first hour."""
    query = select(detector).where(detector.c.model == model, detector.c.reference == reference)
    return connection.execute(query).one_or_none()


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
