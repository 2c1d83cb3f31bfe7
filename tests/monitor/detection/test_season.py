"""What to expect of an hour, against the calendar and against slow sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection import season
from monitor.window import start_of

QUICK = settings(derandomize=True, deadline=None, max_examples=40)


@QUICK
@given(st.integers(0, 900_000))
def test_calendar(hour):
    """Kind of day, cell and bucket are those of the calendar."""
    when = start_of(hour)
    kind = max(0, when.weekday() - 4)
    part = next(at for at, end in enumerate((7, 12, 18, 24)) if when.hour < end)
    at = np.array([hour])
    assert season.day_type(at)[0] == kind
    assert season.cell_of(at)[0] == 24 * kind + when.hour
    assert season.bucket_of(at)[0] == 4 * kind + part


@QUICK
@given(st.integers(0, 9999))
def test_means(seed):
    """A cell is the weighted mean of its hour and half its neighbours' records, with twenty records of the overall mean."""
    random = np.random.default_rng(seed)
    hour = np.arange(96, 96 + 24 * 14)
    value, size = random.random(len(hour)), random.integers(0, 40, len(hour)).astype(float)
    overall = np.average(value, weights=size)
    cell = int(random.integers(72))
    kind, of_day = divmod(cell, 24)
    top, bottom = 20 * overall, 20.0
    for near, weight in ((of_day - 1, 0.5), (of_day, 1.0), (of_day + 1, 0.5)):
        here = (season.day_type(hour) == kind) & (hour % 24 == near % 24)
        top, bottom = top + weight * (value * size)[here].sum(), bottom + weight * size[here].sum()
    assert season.means(value, size, hour)[cell] == pytest.approx(top / bottom)


def test_nothing():
    """Hours without records expect the overall mean, and no record at all expects zero."""
    hour = np.arange(96, 96 + 24 * 5)  # weekdays only
    found = season.means(np.full(len(hour), 0.4), np.full(len(hour), 30.0), hour)
    assert found == pytest.approx(0.4)
    assert season.means(np.zeros(24), np.zeros(24), np.arange(24)) == pytest.approx(0)


@QUICK
@given(st.integers(0, 9999), st.integers(1, 8))
def test_mixes(seed, labels):
    """Every bucket's mix adds to 1, has no zero, and is its own mix where there are many records."""
    random = np.random.default_rng(seed)
    hour = np.arange(96, 96 + 24 * 14)
    counts = random.poisson(3.0, (len(hour), labels)).astype(float)
    found = season.mixes(counts, hour)
    assert found.shape == (12, labels)
    assert found.sum(1) == pytest.approx(1)
    assert (found > 0).all()
    many = season.mixes(counts * 10**6, hour)
    for bucket in range(12):
        here = counts[season.bucket_of(hour) == bucket].sum(0)
        assert many[bucket] == pytest.approx(here / here.sum(), abs=0.01)


def test_capped():
    """A wild day of a label is cut to three usual days, other days and labels stay."""
    counts = np.full((24 * 10, 2), 2.0)
    counts[24:48, 0] = 100.0
    found = season.capped(counts)
    assert found[24:48, 0].sum() == pytest.approx(3 * 48)
    counts[24:48, 0] = found[24:48, 0]
    assert (found == counts).all()
