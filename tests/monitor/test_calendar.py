"""The calendar of retraining, against a walk through its days written by another road."""

from datetime import date, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.calendar import NO_CALENDAR, Standing, next_look, rhythm_weeks, standing
from monitor.settings import Calendar

QUICK = settings(derandomize=True, deadline=None, max_examples=200)
DAYS = st.dates(date(2024, 1, 1), date(2031, 12, 31))


@QUICK
@given(st.sampled_from([("quarter", 3), ("half-year", 6)]), DAYS, DAYS, DAYS, st.integers(0, 60), st.integers(0, 60))
def test_walk(every, anchor, trained, today, lead, overdue):
    """The date that counts is the first whose days of lead all come after the training, whatever the day of the month."""
    name, months = every
    found = standing(Calendar(every=name, anchor=anchor, lead_days=lead, overdue_days=overdue), trained, today)
    dates = (anchor + relativedelta(months=months * number) for number in range(40))
    by = next(one for one in dates if trained < one - timedelta(days=lead))
    state = "not_due" if (by - today).days > lead else "due" if (today - by).days < overdue else "overdue"
    assert (found.by, found.state) == (by, state)


def test_short_month():
    """A month without the day takes its last one, and the months after it the day again."""
    quarterly = Calendar(every="quarter", anchor=date(2025, 8, 31), lead_days=0)
    trained = [date(2025, 8, 30), date(2025, 8, 31), date(2025, 11, 30), date(2026, 2, 28)]
    told = [standing(quarterly, day, day).by for day in trained]
    assert told == [date(2025, 8, 31), date(2025, 11, 30), date(2026, 2, 28), date(2026, 5, 31)]


def test_none():
    """Without a calendar nothing is asked and nothing said; evidence is not early."""
    found = standing(Calendar(), date(2026, 1, 1), date(2030, 1, 1))
    assert found == NO_CALENDAR == found.beside(asks=True)
    assert found.said is None


@pytest.mark.parametrize(
    ("state", "asks", "told"),
    [("not_due", True, "early"), ("not_due", False, "not_due"), ("due", True, "due"), ("overdue", True, "overdue")],
)
def test_early(state, asks, told):
    """Evidence is early only before a date is due."""
    found = Standing(state, date(2026, 10, 15), date(2026, 9, 15)).beside(asks=asks)
    assert found.state == told
    assert "15 Oct 2026" in found.said


@QUICK
@given(DAYS, DAYS)
def test_next_look(today, begins):
    """The next look is the first Monday after today, or before it the day from which a date is due."""
    days = [today + timedelta(days=number) for number in range(1, 8)]
    expected = next(day for day in days if day.isoweekday() == 1 or day == begins)
    assert next_look(Standing("not_due", begins + timedelta(days=30), begins), today) == expected


def test_rhythm():
    """No other rhythm costs less a week."""
    best = rhythm_weeks(6000, 20)
    cost = {weeks: 6000 / weeks + 20 * weeks / 2 for weeks in (0.9 * best, best, 1.1 * best)}
    assert min(cost, key=cost.get) == best


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"every": "quarter"}, "every: quarter needs anchor"),
        ({"every": "month", "anchor": "2026-01-15"}, "'quarter', 'half-year' or 'none'"),
        ({"every": "quarter", "anchor": "mid-January"}, "valid date"),
        ({"lead_days": 61}, "less than or equal to 60"),
    ],
)
def test_refused(values, wrong):
    """A calendar that cannot be reckoned with is refused."""
    with pytest.raises(ValidationError, match=wrong):
        Calendar(**values)
