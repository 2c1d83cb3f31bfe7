"""Gather from the tables what `vigie doctor` judges a source by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, text

from monitor.store.predictions import between, inside
from monitor.store.tables import bookmark, data_loss, prediction, read_range, reject
from monitor.window import MICROSECONDS_PER_HOUR, Window


@dataclass(frozen=True)
class Refusal:
    """Hold how often a source was refused for one reason, and the newest of them."""

    reason: str
    count: int
    detail: str
    sample: str
    places: tuple[tuple[str, int, int], ...]  # path, position and length of the newest ones


def files(connection: Connection, name: str) -> Sequence[Any]:
    """Return the bookmarks of a source."""
    return connection.execute(select(bookmark).where(bookmark.c.source == name)).all()


def counted(connection: Connection, name: str, since_us: int) -> dict[str, int]:
    """Return lines and records of what a source brought since then, and its conflicting duplicates of all time."""
    sums = {one: func.sum(read_range.c[one]) for one in ("lines_read", "lines_other", "lines_rejected", "lines_half",
                                                        "accepted", "duplicate", "rejected")}  # fmt: skip
    query = select(*(total.label(one) for one, total in sums.items()))
    row = connection.execute(
        query.join(bookmark, bookmark.c.id == read_range.c.bookmark).where(
            bookmark.c.source == name, read_range.c.committed_us >= since_us
        )
    ).one()
    conflicts = select(func.sum(reject.c.count)).where(
        reject.c.source == name, reject.c.reason == "conflicting_duplicate"
    )
    return {one: int(value or 0) for one, value in row._mapping.items()} | {
        "conflicts": int(connection.execute(conflicts).scalar() or 0)
    }


def read_of(connection: Connection, names: Sequence[str], first_us: int, end_us: int) -> tuple[int, int, int]:
    """Return records accepted and refused of sources in ranges with events between two times, and bytes found lost then."""
    ours = select(bookmark.c.id).where(bookmark.c.source.in_(names))
    then = (
        read_range.c.bookmark.in_(ours),
        read_range.c.first_event_us < end_us,
        read_range.c.last_event_us >= first_us,
    )
    refused = read_range.c.lines_rejected + read_range.c.rejected
    row = connection.execute(select(func.sum(read_range.c.accepted), func.sum(refused)).where(*then)).one()
    lost = select(func.sum(data_loss.c.bytes)).where(
        data_loss.c.bookmark.in_(ours), data_loss.c.found_us >= first_us, data_loss.c.found_us < end_us
    )
    return int(row[0] or 0), int(row[1] or 0), int(connection.execute(lost).scalar() or 0)


def refusals(connection: Connection, name: str, since_day: int, most: int = 200) -> list[Refusal]:
    """Return a source's rejects by reason, the most frequent first, with the places of the newest ones."""
    recent = (reject.c.source == name, reject.c.day >= since_day)
    totals = connection.execute(
        select(reject.c.reason, func.sum(reject.c.count).label("refused")).where(*recent).group_by(reject.c.reason)
    ).all()
    found = []
    for row in sorted(totals, key=lambda one: (-int(one.refused), one.reason)):
        newest = connection.execute(
            select(bookmark.c.path_last, reject.c.position, reject.c.length, reject.c.detail, reject.c.sample)
            .join(bookmark, bookmark.c.id == reject.c.bookmark)
            .where(*recent, reject.c.reason == row.reason)
            .order_by(reject.c.day.desc(), reject.c.bookmark.desc(), reject.c.position.desc()).limit(most)
        ).all()  # fmt: skip
        first = newest[0]
        places = tuple((one.path_last, one.position, one.length) for one in newest)
        found.append(Refusal(row.reason, int(row.refused), first.detail, first.sample, places))
    return found


def losses(connection: Connection, name: str) -> Sequence[Any]:
    """Return why, how many bytes and when (microseconds) bytes of a source were destroyed unread, the newest first."""
    query = select(data_loss.c.why, data_loss.c.bytes, data_loss.c.found_us, bookmark.c.path_last)
    query = query.join(bookmark, bookmark.c.id == data_loss.c.bookmark).where(bookmark.c.source == name)
    return connection.execute(query.order_by(data_loss.c.found_us.desc())).all()


def clipped(connection: Connection, name: str, since_us: int) -> tuple[int, int]:
    """Return how many of a source's rows since then had a score outside 0 to 1, and how many had one."""
    some = (prediction.c.source == name, between(since_us), prediction.c.score.is_not(None))
    cut = select(func.count()).where(*some, prediction.c.flags.like("%score_clipped%"))
    return connection.execute(cut).scalar_one(), connection.execute(select(func.count()).where(*some)).scalar_one()


def answers(connection: Connection, name: str, span_us: tuple[int, int], most: int) -> list[tuple[int, bytes]]:
    """Return (second, text hash) of a source's newest rows with a text inside a span of time."""
    query = select(prediction.c.time, prediction.c.text_hash).where(
        prediction.c.source == name, prediction.c.text_hash.is_not(None), between(span_us[0], span_us[1] + 1),
    ).order_by(prediction.c.time.desc()).limit(most)  # fmt: skip
    return [(int(time) // 1_000_000, bytes(text)) for time, text in connection.execute(query)]


def by_hour(connection: Connection, model: str, first: int, end: int) -> dict[int, int]:
    """Return how many predictions each hour from `first` to before `end` has; hours without one are left out."""
    hour = prediction.c.time // MICROSECONDS_PER_HOUR
    query = (
        select(hour.label("hour"), func.count())
        .where(inside(model, Window(first, end)))
        .group_by(hour)
    )  # fmt: skip
    return {int(at): int(count) for at, count in connection.execute(query)}


def sequences(connection: Connection, name: str, since_us: int) -> Sequence[Any]:
    """Return per file, by time, the first, last and number of the producer's counter, and how many rows there were when."""
    some = (prediction.c.source == name, between(since_us), prediction.c.sequence.is_not(None))
    number = prediction.c.sequence
    query = select(
        bookmark.c.instance, func.min(number).label("first"), func.max(number).label("last"),
        func.count(number.distinct()).label("known"), func.count().label("rows"),
        func.min(prediction.c.time).label("began_us"), func.max(prediction.c.time).label("ended_us"),
    ).join(bookmark, bookmark.c.id == prediction.c.bookmark).where(*some, prediction.c.row == 0)  # fmt: skip
    return connection.execute(query.group_by(bookmark.c.id, bookmark.c.instance).order_by(text("began_us"))).all()
