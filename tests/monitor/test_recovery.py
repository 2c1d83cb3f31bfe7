"""The share that a new model recovers, against the beta distribution and by what must sharpen it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from monitor.recovery import Tried, recovered

QUICK = settings(derandomize=True, deadline=None, max_examples=60)


def drawn(term):
    return term.draws(np.random.default_rng(3), 40_000)


@pytest.mark.parametrize(
    ("tried", "realised", "first", "second"),
    [
        (None, (), 4, 4),
        (Tried(0, 0, 0, 0, 0.1), (), 4, 4),
        (Tried(100, 16, 7, 2, 0.1), (), 9, 5),
        (Tried(100, 16, 7, 2, None), (), 4, 4),
        (Tried(100, 10, 7, 2, 0.1), (), 4, 4),
        (Tried(100, 16, 90, 2, 0.1), (), 10, 4),
        (Tried(100, 16, 2, 7, 0.1), (), 4, 10),
        (None, (0.25,), 5, 7),
        (None, (7.0, -3.0), 8, 8),
        (Tried(100, 16, 7, 2, 0.1), (1.0,), 13, 5),
    ],
)
def test_beta(tried, realised, first, second):
    """What is drawn has the mean and spread of a beta distribution of the records that were counted."""
    term, other = recovered(tried, realised), beta(first, second)
    assert term.value == pytest.approx(other.mean())
    draws = drawn(term)
    assert (draws.mean(), draws.std()) == pytest.approx((other.mean(), other.std()), abs=0.005)
    assert np.quantile(draws, [0.1, 0.9]) == pytest.approx(other.ppf([0.1, 0.9]), abs=0.01)


@QUICK
@given(st.integers(0, 5000), st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2000), st.floats(0, 1))
def test_any_counts(more, wrong, wins, losses, usual):
    """Whatever was counted, the share lies between 0 and 1 and can be drawn."""
    draws = drawn(recovered(Tried(wrong + more, wrong, wins, losses, usual)))
    assert np.isfinite(draws).all()
    assert (draws >= 0).all()
    assert (draws <= 1).all()


def test_sharper():
    """Each past outcome narrows the interval, and says how many there were."""
    widths = [(one := recovered(None, [0.5] * count)).high - one.low for count in range(6)]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 6
    assert recovered(None, [0.5]).source.endswith("; sharpened by 1 past retraining")
