"""The growth of the weekly loss, against scipy's regression and against worlds whose growth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, t

from monitor.growth import LEAST_WEEKS, PastWeek, growth

QUICK = settings(derandomize=True, deadline=None, max_examples=100)
SHARES = st.floats(-0.1, 0.3)
WEEKS = st.lists(st.tuples(st.integers(1, 50_000), SHARES, SHARES), min_size=LEAST_WEEKS, max_size=60)


@QUICK
@given(WEEKS, st.floats(0.1, 5), st.floats(0.1, 5), st.randoms(use_true_random=False))
def test_regression(rows, person, error, draw):
    """Value and interval are those of a regression of the loss in EUR on the number of the week; gaps between weeks count."""
    numbers = sorted(draw.sample(range(-100, 0), len(rows)))
    found = growth([PastWeek(n, *row) for n, row in zip(numbers, rows, strict=True)], person, error)
    loss = [count * (person * manual + error * wrong) for count, manual, wrong in rows]
    other = linregress(numbers, loss)
    wide = t.ppf(0.975, len(rows) - 2) * np.nan_to_num(other.stderr)  # scipy's is nan where the loss never moves
    assert found.source == f"slope over {len(rows)} whole weeks"
    assert (found.value, found.low, found.high) == pytest.approx(
        (other.slope, other.slope - wide, other.slope + wide), rel=1e-6, abs=1e-4
    )


def test_true_growth():
    """In 400 worlds of five weeks the interval holds the true growth in about 95 of 100."""
    draw = np.random.default_rng(4)
    held = 0
    for _ in range(400):
        weeks = [PastWeek(n, 1000, 0.03 * n + draw.normal(0, 0.05), None) for n in range(5)]
        found = growth(weeks, 1.0, 2.0)
        held += found.low <= 30 <= found.high
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize("unknown", [0, 2, 4])
def test_one_week_unknown(unknown):
    """Where wrong answers of one week are not known, growth is that of the cases sent to people, and says so."""
    weeks = [PastWeek(n, 100, 0.01 * n, None if n == unknown else 0.5 * n) for n in range(5)]
    found = growth(weeks, 2.0, 9.0)
    assert found.value == pytest.approx(2.0)
    assert found.source == "slope over 5 whole weeks, of cases sent to people alone"


@pytest.mark.parametrize("count", range(LEAST_WEEKS))
def test_few_weeks(count):
    """Of less than four weeks nothing is known, and how many there are is told."""
    found = growth([PastWeek(n, 100, 1.0 * n, 0.0) for n in range(count)], 2.0, 2.0)
    assert (found.value, found.low, found.high) == (0.0, -10.0, 10.0)
    assert f": {count} whole week{'' if count == 1 else 's'} since" in found.source
