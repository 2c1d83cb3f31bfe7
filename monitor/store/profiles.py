"""Keep the hourly profiles, and add them up over any window."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, select, update

from monitor.profiles.profile import Key, Profile
from monitor.store.tables import dirty_hour, profile
from monitor.window import Window

HOURS_AT_ONCE = 400


def _inside(model: str, window: Window) -> ColumnElement[bool]:
    return and_(profile.c.model == model, profile.c.hour >= window.first, profile.c.hour < window.end)


def hours(connection: Connection, model: str, window: Window) -> dict[int, dict[str, Profile]]:
    """Return the stored profiles that have rows behind them by hour, then by segment."""
    found: dict[int, dict[str, Profile]] = defaultdict(dict)
    for hour, segment, body in _bodies(connection, model, window, profile.c.bare == 0):
        found[hour][segment] = Profile.from_bytes(body)
    return dict(found)


def _bodies(connection: Connection, model: str, window: Window, *more: ColumnElement[bool]) -> Any:
    query = select(profile.c.hour, profile.c.segment, profile.c.body).where(_inside(model, window), *more)
    return connection.execute(query.order_by(profile.c.hour))


def by_hour(connection: Connection, model: str, window: Window) -> dict[int, Profile]:
    """Return one profile per hour, segments added up; hours without predictions are absent."""
    parts: dict[int, list[Profile]] = defaultdict(list)
    for hour, _, body in _bodies(connection, model, window):
        parts[hour].append(Profile.from_bytes(body))
    return {hour: Profile.sum(many) for hour, many in parts.items()}


def total(connection: Connection, model: str, window: Window, segment: str | None = None) -> Profile:
    """Add up all hours of `window`, of one segment or of all."""
    query = select(profile.c.body).where(_inside(model, window))
    if segment is not None:
        query = query.where(profile.c.segment == segment)
    return Profile.sum(Profile.from_bytes(body) for body in connection.execute(query).scalars())


def segments(connection: Connection, model: str, window: Window) -> dict[str, Profile]:
    """Return one profile per segment, hours added up."""
    parts: dict[str, list[Profile]] = defaultdict(list)
    query = select(profile.c.segment, profile.c.body).where(_inside(model, window))
    for segment, body in connection.execute(query):
        parts[segment].append(Profile.from_bytes(body))
    return {segment: Profile.sum(many) for segment, many in sorted(parts.items())}


def span(connection: Connection, model: str) -> Window | None:
    """Return the window from the first to the last stored hour; None when there is none."""
    first, last = connection.execute(
        select(func.min(profile.c.hour), func.max(profile.c.hour)).where(profile.c.model == model)
    ).one()
    return None if first is None else Window(first, last + 1)


def revisions(connection: Connection, model: str, window: Window) -> dict[int, int]:
    """Return the sum of the revisions of each hour; it rises whenever the hour is rebuilt."""
    query = select(profile.c.hour, func.sum(profile.c.revision)).where(_inside(model, window)).group_by(profile.c.hour)
    return {hour: int(revision) for hour, revision in connection.execute(query)}


def dirty(connection: Connection) -> list[tuple[str, int, int]]:
    """Return (model, hour, mark) of every hour whose rows are newer than its profile, oldest first."""
    query = select(dirty_hour.c.model, dirty_hour.c.hour, dirty_hour.c.mark).order_by(
        dirty_hour.c.hour, dirty_hour.c.model
    )
    return [(model, hour, mark) for model, hour, mark in connection.execute(query)]


def replace(connection: Connection, model: str, hours: Sequence[int], built: dict[Key, Profile]) -> None:
    """Put `built` in the place of all profiles of `model` in these hours, each with the next revision."""
    known: dict[int, int] = {}
    for at in range(0, len(hours), HOURS_AT_ONCE):
        those = (profile.c.model == model, profile.c.hour.in_(hours[at : at + HOURS_AT_ONCE]))
        query = select(profile.c.hour, func.max(profile.c.revision)).where(*those).group_by(profile.c.hour)
        known |= dict(connection.execute(query).tuples().all())
        connection.execute(delete(profile).where(*those, profile.c.bare == 0))
    if built:
        connection.execute(
            profile.insert(),
            [
                {"model": key.model, "segment": key.segment, "hour": key.hour, "bare": 0,
                 "revision": known.get(key.hour, 0) + 1, "body": one.to_bytes()}
                for key, one in sorted(built.items())
            ],
        )  # fmt: skip


def add(connection: Connection, parts: dict[Key, Profile]) -> None:
    """Add counts of predictions that are not kept to what is stored of their hours; part of the caller's transaction."""
    for key, part in sorted(parts.items()):
        where = (
            _inside(key.model, Window(key.hour, key.hour + 1)),
            profile.c.segment == key.segment,
            profile.c.bare == 1,
        )
        known = connection.execute(select(profile.c.revision, profile.c.body).where(*where).with_for_update()).first()
        row = {"model": key.model, "segment": key.segment, "hour": key.hour, "bare": 1}
        if known is None:
            connection.execute(profile.insert().values(**row, revision=1, body=part.to_bytes()))
            continue
        whole = Profile.from_bytes(known.body) + part
        connection.execute(update(profile).where(*where).values(revision=known.revision + 1, body=whole.to_bytes()))


def clean(connection: Connection, marks: list[tuple[str, int, int]]) -> None:
    """Forget dirty marks that have not risen since they were read."""
    those = (
        dirty_hour.c.model == bindparam("of"),
        dirty_hour.c.hour == bindparam("at"),
        dirty_hour.c.mark <= bindparam("up_to"),
    )
    connection.execute(
        delete(dirty_hour).where(*those), [{"of": model, "at": hour, "up_to": mark} for model, hour, mark in marks]
    )
