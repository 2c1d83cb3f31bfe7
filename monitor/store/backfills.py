"""Keep the hourly profiles that a backfill counted, apart from those of what the service read itself."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, union

from monitor.profiles.profile import Key, Profile
from monitor.store.precedence import BACKFILLED, HOURS_AT_ONCE
from monitor.store.profiles import alone, inside, reroll
from monitor.store.tables import dirty_hour, profile, profile_day, source
from monitor.window import Window

Bodies = dict[int, dict[str, bytes]]  # by hour, then by segment


@dataclass(frozen=True)
class Filled:
    """Count the hours of a backfill: written, there already and the same, left alone, and now with fewer predictions."""

    written: int = 0
    same: int = 0
    left: int = 0
    fewer: int = 0

    def __add__(self, more: "Filled") -> "Filled":
        """Add count by count."""
        return Filled(
            self.written + more.written, self.same + more.same, self.left + more.left, self.fewer + more.fewer
        )


def fill(connection: Connection, source_name: str, model: str, built: dict[Key, Profile]) -> Filled:
    """
    Put what a backfill counted of a source in the place of what its last one counted of these hours.

    Hours of which the service read any line itself are left alone: their lines may be the same ones. So are days whose
    hours were let go: their sum may hold them. An hour that is the same as before is not written again.
    """
    if not built:
        return Filled()
    alone(connection, model)
    mark = BACKFILLED + connection.execute(select(source.c.id).where(source.c.name == source_name)).scalar_one()
    hours = {key.hour for key in built}
    window = Window(min(hours), max(hours) + 1)
    own = hours & _own(connection, model, window)
    before, revisions = _before(connection, model, window, mark)
    bodies: Bodies = defaultdict(dict)
    for key, one in built.items():
        if key.hour not in own:
            bodies[key.hour][key.segment] = one.to_bytes()
    changed = sorted(hour for hour, body in bodies.items() if before.get(hour) != body)
    for at in range(0, len(changed), HOURS_AT_ONCE):
        some = profile.c.hour.in_(changed[at : at + HOURS_AT_ONCE])
        connection.execute(delete(profile).where(profile.c.model == model, some, profile.c.bare == mark))
    rows = [{"model": model, "segment": segment, "hour": hour, "bare": mark, "revision": revisions.get(hour, 0) + 1, "body": body}
            for hour in changed for segment, body in sorted(bodies[hour].items())]  # fmt: skip
    if rows:
        connection.execute(profile.insert(), rows)
    reroll(connection, model, changed)
    fewer = sum(_records(bodies[hour]) < _records(before[hour]) for hour in changed if hour in before)
    return Filled(len(changed), len(bodies) - len(changed), len(own), fewer)


def _own(connection: Connection, model: str, window: Window) -> set[int]:
    """Return hours of which the service read something itself, summed up or not yet, or that are let go but for their day's sum."""
    summed = select(profile.c.hour).where(inside(model, window), profile.c.bare < BACKFILLED)
    marked = select(dirty_hour.c.hour).where(dirty_hour.c.model == model)
    gone = select(profile_day.c.day).where(
        profile_day.c.model == model, profile_day.c.day >= window.first // 24, profile_day.c.base.is_not(None))  # fmt: skip
    own = set(connection.execute(union(summed, marked)).scalars())
    return own | {day * 24 + at for day in connection.execute(gone.distinct()).scalars() for at in range(24)}


def _before(connection: Connection, model: str, window: Window, mark: int) -> tuple[Bodies, dict[int, int]]:
    """Return what the last backfill of the source left, and the revision of each hour."""
    bodies: Bodies = defaultdict(dict)
    revisions: dict[int, int] = {}
    query = select(profile).where(inside(model, window), profile.c.bare == mark)
    for row in connection.execute(query):
        bodies[row.hour][row.segment] = bytes(row.body)
        revisions[row.hour] = max(row.revision, revisions.get(row.hour, 0))
    return dict(bodies), revisions


def _records(bodies: dict[str, bytes]) -> int:
    return sum(Profile.from_bytes(body).records for body in bodies.values())
