"""Daily slots follow the clock on the wall where it is set forward and back, as a walk through every minute finds them."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from jobs.timetable import daily

ZONES = ("Europe/Paris", "Australia/Lord_Howe", "Africa/Cairo")
FIRST, DAYS = date(2025, 1, 1), 730
MINUTE, DAY = timedelta(minutes=1), 24 * 60


@cache
def walked(zone: str) -> tuple[dict[tuple[date, int], datetime], set[tuple[date, int]], set[tuple[date, int]]]:
    """
    Walk two years minute by minute, reading the clock on the wall; knows nothing of offsets.

    Returns when each (day, minute of the day) is first shown, or for one that a step leaves out when so much time had gone
    by since the step as lies between it and the time left first; then which were left out, and which shown twice.
    """
    shown: dict[tuple[date, int], datetime] = {}
    left_out, twice = set(), set()
    at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) - timedelta(days=3)
    wall = before = None
    for _ in range((DAYS + 4) * DAY):
        here = at.astimezone(ZoneInfo(zone))
        wall = here.replace(tzinfo=None)
        if before is not None and wall - before > MINUTE:
            skipped = before + MINUTE
            while skipped < wall:
                key = skipped.date(), skipped.hour * 60 + skipped.minute
                left_out.add(key)
                shown[key] = at + (skipped - before - MINUTE)
                skipped += MINUTE
        key = wall.date(), wall.hour * 60 + wall.minute
        if key in shown and key not in left_out:
            twice.add(key)
        shown.setdefault(key, at)
        before, at = wall, at + MINUTE
    return shown, left_out, twice


def days() -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(DAYS)]


@pytest.mark.parametrize("zone", ZONES)
def test_walk_meets_steps(zone: str) -> None:
    """The walk itself meets two steps forward and two back, each as long as the zone's."""
    _, left_out, twice = walked(zone)
    minutes = 30 if zone == "Australia/Lord_Howe" else 60
    assert (len(left_out), len(twice)) == (2 * minutes, 2 * minutes)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("time", ["00:30", "01:45", "02:00", "02:15", "02:30", "06:40", "23:00", "23:59"])
def test_each_day_once(zone: str, time: str) -> None:
    """Asked every half hour for two years, there is one slot a day, at the moment of the walk: none doubled, none missed."""
    hour, minute = map(int, time.split(":"))
    shown, _, _ = walked(zone)
    wanted = [shown[day, hour * 60 + minute] for day in days()]
    begin, end = wanted[0], wanted[-1]
    looks = {begin + timedelta(minutes=30 * number) for number in range((end - begin) // timedelta(minutes=30) + 1)}
    found = [daily(hour, minute, zone, look) for look in sorted(looks | {end})]
    assert found == sorted(found)
    assert [slot for slot, _ in itertools.groupby(found)] == wanted


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute(zone: str) -> None:
    """Every minute a step leaves out moves on by the gap, of every ambiguous one the first counts; so do 3,000 drawn ones."""
    shown, left_out, twice = walked(zone)
    draw = random.Random(zone)
    drawn = {(draw.choice(days()), draw.randrange(DAY)) for _ in range(3000)}
    for day, minute in sorted(left_out | twice | drawn):
        slot, before = shown[day, minute], shown[day - timedelta(days=1), minute]
        assert daily(*divmod(minute, 60), zone, slot) == slot
        assert daily(*divmod(minute, 60), zone, slot - MINUTE) == before
        assert daily(*divmod(minute, 60), zone, slot + timedelta(hours=2)) == slot
