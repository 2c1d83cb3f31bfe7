"""Hours in which people work are those a walk along the clock on their wall finds, minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ConfigError
from monitor.working_time import WorkingTime, weekdays

MINUTE = timedelta(minutes=1)
TURNS = (  # a day or two before a clock is set
    ("Europe/Paris", datetime(2026, 3, 27, 12, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 10, 23, 12, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 3, 12, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 2, 12, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 22, 12, tzinfo=UTC)),
    ("UTC", datetime(2026, 12, 30, 12, tzinfo=UTC)),
)
CLOCKS = st.integers(0, 24 * 12 - 1).map(lambda n: time(n // 12, n % 12 * 5))


def walked(one: WorkingTime, first: datetime, minutes: int) -> list[bool]:
    """
    Say of each minute from `first` on whether people work, by looking at the clock: they begin when it first shows, or has
    passed, `begin` on a day, and end the same way; a time it leaps over is shown as much later as it leapt.
    """
    zone, found = ZoneInfo(one.zone), []
    seen: dict[date, set[time]] = {}
    leaps: dict[date, timedelta] = {}
    clocks = [(first + n * MINUTE).astimezone(zone).replace(tzinfo=None) for n in range(-3 * 1440, minutes + 1440)]
    for before, now in pairwise(clocks):
        seen.setdefault(now.date(), set()).add(now.time())
        if now - before > MINUTE:
            leaps[now.date()] = now - before - MINUTE

    def shown(day: date, clock: time) -> datetime:
        late = timedelta() if clock in seen[day] else leaps.get(day, timedelta())
        return datetime.combine(day, clock) + late

    reached: set[tuple[date, str]] = set()
    for now in clocks[:-1440]:
        day = now.date()
        reached |= {(day, name) for name, clock in (("begin", one.begin), ("end", one.end)) if now >= shown(day, clock)}
        works = day.weekday() in one.days and day not in one.holidays
        found.append(works and (day, "begin") in reached and (day, "end") not in reached)
    return found[3 * 1440 :]


@settings(max_examples=40, deadline=None)
@given(
    turn=st.sampled_from(TURNS), begin=CLOCKS, end=CLOCKS, days=st.sets(st.integers(0, 6), min_size=2),
    off=st.sets(st.integers(0, 6), max_size=2), hours=st.integers(0, 20 * 12), start=st.integers(0, 3 * 288),
)  # fmt: skip
def test_as_walked(
    turn: tuple[str, datetime], begin: time, end: time, days: set[int], off: set[int], hours: int, start: int
) -> None:
    """The next opening, and a number of working hours on, are where the walk finds them, whatever the clock does meanwhile."""
    if begin == end:
        return
    zone, first = turn[0], turn[1] + start * 5 * MINUTE
    holidays = frozenset((first + timedelta(days=n)).date() for n in off)
    one = WorkingTime(zone, frozenset(days), min(begin, end), max(begin, end), holidays)
    works = walked(one, first, 16 * 1440)
    opens = next((n for n, is_on in enumerate(works) if is_on), None)
    if opens is not None:
        assert one.opening(first) == first + opens * MINUTE
    wanted = hours * 5
    minutes = [n for n, is_on in enumerate(works) if is_on]
    if wanted and len(minutes) >= wanted:
        assert one.hours_on(first, wanted / 60) == first + (minutes[wanted - 1] + 1) * MINUTE


def test_days_on() -> None:
    """A day on is the same time of the next working day, also over a holiday and a change of the clock."""
    easter = frozenset({date(2026, 4, 6)})
    paris = WorkingTime("Europe/Paris", weekdays("mon-fri"), time(8, 30), time(18), easter)
    tuesday = datetime(2026, 3, 24, 9, tzinfo=UTC)
    assert paris.days_on(tuesday, 1) == tuesday + timedelta(days=1)
    assert paris.days_on(tuesday, 4) == datetime(2026, 3, 30, 8, tzinfo=UTC)
    night = datetime(2026, 4, 3, 20, tzinfo=UTC)  # the Friday before Easter
    assert paris.opening(night) == datetime(2026, 4, 7, 6, 30, tzinfo=UTC)
    assert paris.days_on(night, 1) == datetime(2026, 4, 8, 6, 30, tzinfo=UTC)
    assert paris.local(paris.opening(night)) == "Tue 08:30"


def test_never_at_work() -> None:
    """A calendar without a working day is an error that names it."""
    every = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(900))
    idle = WorkingTime("UTC", weekdays("mon-sun"), time(8), time(9), every)
    with pytest.raises(ConfigError, match=r"working_hours.holidays: nobody works for 400 days from 2026-02-01"):
        idle.opening(datetime(2026, 2, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", ["", "mon-", "monday", "mon;tue", "-fri"])
def test_no_days(text: str) -> None:
    """What is no day of a week is refused."""
    with pytest.raises(ValueError, match="is no day or range of days"):
        weekdays(text)
