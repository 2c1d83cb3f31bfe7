"""Keep the hourly profiles, and add them up over any window."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, func, select, update

from monitor.errors import NoData
from monitor.profiles.profile import Key, Profile
from monitor.store.precedence import give_way
from monitor.store.tables import dirty_hour, profile, profile_day
from monitor.window import Window, start_of

HOURS_AT_ONCE = 400
DAYS_AT_ONCE = 31


def inside(model: str, window: Window) -> ColumnElement[bool]:
    """Ask for the profiles of a model in a window."""
    return and_(profile.c.model == model, profile.c.hour >= window.first, profile.c.hour < window.end)


def hours(connection: Connection, model: str, window: Window) -> dict[int, dict[str, Profile]]:
    """Return the stored profiles that have rows behind them by hour, then by segment."""
    found: dict[int, dict[str, Profile]] = defaultdict(dict)
    for hour, segment, body in _bodies(connection, model, window, profile.c.bare == 0):
        found[hour][segment] = Profile.from_bytes(body)
    return dict(found)


def _bodies(connection: Connection, model: str, window: Window, *more: ColumnElement[bool]) -> Any:
    query = select(profile.c.hour, profile.c.segment, profile.c.body).where(inside(model, window), *more)
    return connection.execute(query.order_by(profile.c.hour))


def by_hour(connection: Connection, model: str, window: Window) -> dict[int, Profile]:
    """Return one profile per hour, segments added up; hours without predictions are absent."""
    parts: dict[int, list[Profile]] = defaultdict(list)
    for hour, _, body in _bodies(connection, model, window):
        parts[hour].append(Profile.from_bytes(body))
    return {hour: Profile.sum(many) for hour, many in parts.items()}


def total(connection: Connection, model: str, window: Window, segment: str | None = None) -> Profile:
    """Add up all hours of `window`, of one segment or of all."""
    return Profile.sum(part for _, part in _parts(connection, model, window, segment))


def segments(connection: Connection, model: str, window: Window) -> dict[str, Profile]:
    """Return one profile per segment, hours added up."""
    parts: dict[str, list[Profile]] = defaultdict(list)
    for segment, part in _parts(connection, model, window):
        parts[segment].append(part)
    return {segment: Profile.sum(many) for segment, many in sorted(parts.items())}


def by_day(connection: Connection, model: str, window: Window) -> dict[int, Profile]:
    """Return one profile per whole day of `window`, segments added up; days without predictions are absent."""
    rolled = _rolled(connection, model)
    first, end = -(-window.first // 24), window.end // 24
    from_days = end if rolled is None else max(first, min(end, rolled + 1))
    parts: dict[int, list[Profile]] = defaultdict(list)
    if rolled is not None:
        query = select(profile_day.c.day, profile_day.c.body).where(
            profile_day.c.model == model, profile_day.c.day >= first, profile_day.c.day < from_days)  # fmt: skip
        for day, body in connection.execute(query):
            parts[day].append(Profile.from_bytes(body))
    begin = first if rolled is None else from_days
    for hour, _, body in _bodies(connection, model, Window(begin * 24, max(end, begin) * 24)):
        parts[hour // 24].append(Profile.from_bytes(body))
    return {day: Profile.sum(many) for day, many in sorted(parts.items())}


def _parts(
    connection: Connection, model: str, window: Window, segment: str | None = None
) -> Iterator[tuple[str, Profile]]:
    """Yield profiles that add up to `window`: of its whole days that are rolled up, and of the hours before and after."""
    rolled = _rolled(connection, model)
    first = -(-window.first // 24)
    end = first if rolled is None else max(first, min(window.end // 24, rolled + 1))
    asked = [select(profile_day.c.segment, profile_day.c.body).where(
        profile_day.c.model == model, profile_day.c.day >= first, profile_day.c.day < end)] if end > first else []  # fmt: skip
    beside = ((window.first, first * 24), (end * 24, window.end)) if end > first else ((window.first, window.end),)
    for begin, stop in beside:
        if stop > begin:
            asked.append(select(profile.c.segment, profile.c.body).where(inside(model, Window(begin, stop))))
    for query in asked:
        narrow = query if segment is None else query.where(query.selected_columns.segment == segment)
        for name, body in connection.execute(narrow):
            yield name, Profile.from_bytes(body)


def _rolled(connection: Connection, model: str) -> int | None:
    """Return the last day that is rolled up: it and all before it are; None when none is."""
    found: int | None = connection.execute(
        select(func.max(profile_day.c.day)).where(profile_day.c.model == model)
    ).scalar_one()
    return found


def unrolled(connection: Connection, model: str, before_day: int) -> int | None:
    """Return the oldest day with profiles before `before_day` that is not rolled up yet."""
    rolled = _rolled(connection, model)
    query = select(func.min(profile.c.hour)).where(profile.c.model == model, profile.c.hour < before_day * 24)
    if rolled is not None:
        query = query.where(profile.c.hour >= rolled * 24 + 24)
    hour = connection.execute(query).scalar_one()
    return None if hour is None else int(hour) // 24


def roll(connection: Connection, model: str, before_day: int) -> None:
    """
    Roll up days that are over, the oldest first and at most a month at once.

    From then on every change of an hour changes its day too, in the same transaction.
    """
    alone(connection, model)
    first = unrolled(connection, model, before_day)
    for day in () if first is None else range(first, min(before_day, first + DAYS_AT_ONCE)):
        _roll_day(connection, model, day)


def _roll_day(connection: Connection, model: str, day: int) -> None:
    """Sum up a day: what was let go of it, and the hours it has."""
    those = (profile_day.c.model == model, profile_day.c.day == day)
    base = dict(connection.execute(select(profile_day.c.segment, profile_day.c.base)
                                   .where(*those, profile_day.c.base.is_not(None))).tuples().all())  # fmt: skip
    parts: dict[str, list[Profile]] = {segment: [Profile.from_bytes(body)] for segment, body in base.items()}
    for _, segment, body in _bodies(connection, model, Window(day * 24, day * 24 + 24)):
        parts.setdefault(segment, []).append(Profile.from_bytes(body))
    connection.execute(delete(profile_day).where(*those))
    if parts:
        rows = [{"model": model, "segment": segment, "day": day, "body": Profile.sum(many).to_bytes(), "base": base.get(segment)}
                for segment, many in sorted(parts.items())]  # fmt: skip
        connection.execute(profile_day.insert(), rows)


def whole_hours(connection: Connection, model: str, window: Window) -> dict[int, Profile]:
    """Return what `by_hour` does; raises NoData when hours of the window were let go, so that they cannot be told from quiet ones."""
    day = let_go(connection, model, window)
    if day is not None:
        raise NoData(f"hours of {model} before {start_of(day * 24 + 24):%Y-%m-%d} were let go (privacy.hourly_days)",
                     remedy="name a later period, or keep hours for longer")  # fmt: skip
    return by_hour(connection, model, window)


def let_go(connection: Connection, model: str, window: Window) -> int | None:
    """Return the last day of `window` of which hours were let go; None when all it had are there."""
    days = profile_day.c.day >= window.first // 24, profile_day.c.day <= (window.end - 1) // 24
    query = select(func.max(profile_day.c.day)).where(
        profile_day.c.model == model, *days, profile_day.c.base.is_not(None)
    )
    found: int | None = connection.execute(query).scalar_one()
    return found


def reroll(connection: Connection, model: str, hours: Collection[int]) -> None:
    """Sum up the days of these hours again, as far as days are rolled up."""
    rolled = _rolled(connection, model)
    for day in sorted({hour // 24 for hour in hours}):
        if rolled is not None and day <= rolled:
            _roll_day(connection, model, day)


def alone(connection: Connection, model: str) -> None:
    """Let others who change profiles of the model wait until this transaction ends; on SQLite they do anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(model, 7316595))))


def span(connection: Connection, model: str) -> Window | None:
    """Return the window from the first to the last stored hour; None when there is none."""
    first, last = connection.execute(
        select(func.min(profile.c.hour), func.max(profile.c.hour)).where(profile.c.model == model)
    ).one()
    return None if first is None else Window(first, last + 1)


def revisions(connection: Connection, model: str, window: Window) -> dict[int, int]:
    """Return the sum of the revisions of each hour; it rises whenever the hour is rebuilt."""
    query = select(profile.c.hour, func.sum(profile.c.revision)).where(inside(model, window)).group_by(profile.c.hour)
    return {hour: int(revision) for hour, revision in connection.execute(query)}


def dirty(connection: Connection) -> list[tuple[str, int, int]]:
    """Return (model, hour, mark) of every hour whose rows are newer than its profile, oldest first."""
    query = select(dirty_hour.c.model, dirty_hour.c.hour, dirty_hour.c.mark).order_by(
        dirty_hour.c.hour, dirty_hour.c.model
    )
    return [(model, hour, mark) for model, hour, mark in connection.execute(query)]


def replace(connection: Connection, model: str, hours: Sequence[int], built: dict[Key, Profile]) -> None:
    """
    Put `built` in the place of all profiles of `model` in these hours that have rows, each with the next revision.

    What a backfill counted of an hour goes when the hour has rows of its own.
    """
    alone(connection, model)
    known: dict[int, int] = {}
    for at in range(0, len(hours), HOURS_AT_ONCE):
        those = (profile.c.model == model, profile.c.hour.in_(hours[at : at + HOURS_AT_ONCE]))
        query = select(profile.c.hour, func.max(profile.c.revision)).where(*those).group_by(profile.c.hour)
        known |= dict(connection.execute(query).tuples().all())
        connection.execute(delete(profile).where(*those, profile.c.bare == 0))
    give_way(connection, model, {key.hour for key in built})
    if built:
        connection.execute(
            profile.insert(),
            [
                {"model": key.model, "segment": key.segment, "hour": key.hour, "bare": 0,
                 "revision": known.get(key.hour, 0) + 1, "body": one.to_bytes()}
                for key, one in sorted(built.items())
            ],
        )  # fmt: skip
    reroll(connection, model, hours)


def add(connection: Connection, parts: dict[Key, Profile]) -> None:
    """Add counts of predictions that are not kept to what is stored of their hours; part of the caller's transaction."""
    hours: dict[str, set[int]] = defaultdict(set)
    for key in parts:
        hours[key.model].add(key.hour)
    for model in sorted(hours):
        alone(connection, model)
        give_way(connection, model, hours[model])
    for key, part in sorted(parts.items()):
        where = (
            inside(key.model, Window(key.hour, key.hour + 1)),
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
    for model in sorted(hours):
        reroll(connection, model, hours[model])


def settle(connection: Connection, before_hour: int) -> None:
    """Mark counts of before an hour as such that no rows stand behind any more; they join those that never had any."""
    old = (profile.c.hour < before_hour, profile.c.bare == 0)
    twin = profile.alias()
    alike = (twin.c.model == profile.c.model, twin.c.segment == profile.c.segment, twin.c.hour == profile.c.hour)
    alone = ~exists().where(*alike, twin.c.bare == 1)
    connection.execute(update(profile).where(*old, alone).values(bare=1))
    for row in connection.execute(select(profile).where(*old)).all():
        where = (
            profile.c.model == row.model,
            profile.c.segment == row.segment,
            profile.c.hour == row.hour,
            profile.c.bare == 1,
        )
        known = connection.execute(select(profile.c.body).where(*where)).scalar_one()
        whole = Profile.from_bytes(known) + Profile.from_bytes(row.body)
        connection.execute(update(profile).where(*where).values(revision=profile.c.revision + 1, body=whole.to_bytes()))
    connection.execute(delete(profile).where(*old))


def summed(connection: Connection, before_day: int) -> list[tuple[str, int]]:
    """Return model and day of what is rolled up and still has hours, of days before `before_day`."""
    same = (profile_day.c.model == profile.c.model, profile_day.c.day == profile.c.hour // 24)
    query = select(profile.c.model, profile_day.c.day).where(profile.c.hour < before_day * 24, *same).distinct()
    return [(model, int(day)) for model, day in connection.execute(query.order_by(profile.c.model, profile_day.c.day))]


def forget_hours(connection: Connection, model: str, day: int, kept: Window | None) -> int:
    """
    Let the hours of a day go whose sum is stored, but for a day that reaches into `kept`; returns how many profiles went.

    What comes late adds to the day.
    """
    window = Window(day * 24, day * 24 + 24)
    if kept is not None and kept.first < window.end and window.first < kept.end:
        return 0
    alone(connection, model)
    those = (profile_day.c.model == model, profile_day.c.day == day)
    connection.execute(update(profile_day).where(*those).values(base=profile_day.c.body))
    return connection.execute(delete(profile).where(inside(model, window))).rowcount


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
