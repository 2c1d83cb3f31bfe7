"""Let what a backfill counted of an hour give way to what the service reads of it itself."""

from collections.abc import Collection

from sqlalchemy import Connection, delete

from monitor.store.tables import profile

BACKFILLED = 2  # and up, by source: in the column `bare` of what a backfill counted
HOURS_AT_ONCE = 400


def give_way(connection: Connection, model: str, hours: Collection[int]) -> None:
    """Delete what backfills counted of these hours: the same lines must not count twice."""
    ordered = sorted(hours)
    for at in range(0, len(ordered), HOURS_AT_ONCE):
        some = profile.c.hour.in_(ordered[at : at + HOURS_AT_ONCE])
        connection.execute(delete(profile).where(profile.c.model == model, some, profile.c.bare >= BACKFILLED))
