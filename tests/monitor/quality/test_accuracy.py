"""Measured accuracy: the interval is Clopper and Pearson's, the weights undo the selection, and it covers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from monitor.quality.accuracy import LEAST_LABELS, measured, needed
from monitor.quality.estimate import Figure

QUICK = settings(derandomize=True, deadline=None, max_examples=60)


@QUICK
@given(st.integers(LEAST_LABELS, 400), st.floats(0, 1), st.floats(0.001, 1))
def test_equal_chances(labels, share, chance):
    """With equal chances it is the plain share, with the interval of scipy's exact binomial test."""
    hits = round(share * labels)
    found = measured(np.r_[np.ones(hits), np.zeros(labels - hits)], np.full(labels, chance))
    exact = binomtest(hits, labels).proportion_ci(0.95, "exact")
    assert found.value == pytest.approx(hits / labels, abs=1e-12)
    assert (found.low, found.high) == (pytest.approx(exact.low, abs=1e-9), pytest.approx(exact.high, abs=1e-9))
    assert found.size == labels


@QUICK
@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 1)), min_size=LEAST_LABELS, max_size=100))
def test_weights(labels):
    """A record drawn with chance p stands for 1 / p records; the interval holds the value."""
    right, chance = (np.array(column, float) for column in zip(*labels, strict=True))
    found = measured(right, chance)
    assert found.value == pytest.approx(np.average(right, weights=1 / chance))
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_effective_number():
    """Thirty records of weight 1 and ten of weight 3 count as thirty: half right gives the interval of 15 in 30."""
    found = measured(np.r_[np.ones(30), np.zeros(10)], np.r_[np.full(30, 0.9), np.full(10, 0.3)])
    exact = binomtest(15, 30).proportion_ci(0.95, "exact")
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == (pytest.approx(exact.low), pytest.approx(exact.high))


@pytest.mark.parametrize("labels", [0, 1, LEAST_LABELS - 1])
def test_few(labels):
    """Too few labels give no number but the reason, with how many there are."""
    found = measured(np.ones(labels), np.ones(labels))
    assert (found.value, found.low, found.high, found.size) == (None, None, None, labels)
    assert f"only {labels}" in found.note


def test_coverage():
    """Where unsure answers are drawn more often, 95 of 100 intervals hold the truth, and their middle is not off."""
    random = np.random.default_rng(8)
    score = random.beta(4, 1.5, 20_000)
    right = random.random(20_000) < score
    chance = np.clip(0.04 * (1.2 - score), 0.005, 1)
    covered, values = 0, []
    for _ in range(300):
        drawn = random.random(20_000) < chance
        found = measured(right[drawn].astype(float), chance[drawn])
        covered += found.low <= right.mean() <= found.high
        values.append(found.value)
    assert covered >= 0.93 * 300
    assert np.mean(values) == pytest.approx(right.mean(), abs=0.005)
    assert abs(right[random.random(20_000) < chance].mean() - right.mean()) > 0.03  # unweighted it would be


@QUICK
@given(st.floats(0.5, 1), st.integers(30, 3000), st.floats(0.005, 0.1))
def test_needed(value, size, width):
    """After labelling as many more as asked for, the half-width is what was wanted."""
    more = needed(Figure(value, 0.0, 1.0, size), width)
    variance = max(value * (1 - value), 0.01)
    assert more >= 0
    assert 1.96 * np.sqrt(variance / (size + more)) <= width + 1e-9
    assert more == 0 or 1.96 * np.sqrt(variance / (size + more - 1)) > width - 1e-9


def test_needed_from_nothing():
    """Without a figure the least number is asked for."""
    assert needed(Figure(None, None, None, 3, "only 3"), 0.03) == LEAST_LABELS
