"""Hours since 1970 and stretches of them, against the calendar."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.window import Window, hour_of, microseconds, moment, start_of

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=ZONES)
HOURS = st.integers(-10_000, 1_000_000)


@QUICK
@given(MOMENTS)
def test_hour(when):
    """An hour holds the moment, whatever zone it is written in, before 1970 too."""
    hour = hour_of(when)
    assert start_of(hour) <= when < start_of(hour + 1)
    assert hour == when.timestamp() // 3600
    assert hour == hour_of(when.astimezone(UTC))


@QUICK
@given(MOMENTS)
def test_microseconds(when):
    """Microseconds come back as the same moment, to the last one."""
    assert moment(microseconds(when)) == when
    assert moment(microseconds(when)).utcoffset() == timedelta(0)


@QUICK
@given(HOURS, st.integers(0, 500), HOURS)
def test_window(first, hours, hour):
    """A window is a range: same members, same length."""
    window, usual = Window(first, first + hours), range(first, first + hours)
    assert list(window) == list(usual)
    assert (window.hours, hour in window) == (len(usual), hour in usual)
    assert window.stop - window.start == timedelta(hours=hours)
    assert window.before() == Window(first - hours, first)


@QUICK
@given(MOMENTS, MOMENTS)
def test_of(one, other):
    """A window of two moments begins with the hour of the first and ends before the hour of the second."""
    if one.timestamp() // 3600 > other.timestamp() // 3600:
        with pytest.raises(ValueError, match="before it begins"):
            Window.of(one, other)
    else:
        window = Window.of(one, other)
        assert window.start <= one
        assert window.stop <= other < window.stop + timedelta(hours=1)


def test_naive():
    """A time without a zone is refused, not guessed."""
    with pytest.raises(TypeError):
        hour_of(datetime(2026, 1, 1))


def test_written():
    """A window reads as a person would write it."""
    window = Window.of(datetime(2026, 1, 5, 9, 59, tzinfo=UTC), datetime(2026, 1, 6, 10, 1, tzinfo=UTC))
    assert str(window) == "2026-01-05 09:00 to 2026-01-06 10:00 UTC"
