"""A calibration learns how often an answer of a given score is right: rising, and near the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from monitor.quality.calibration import BINS, LEAST_LABELS, Calibration, _rising, fit

QUICK = settings(derandomize=True, deadline=None, max_examples=40)


@QUICK
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 50)), min_size=1, max_size=40))
def test_pooling(points):
    """Pooling adjacent violators gives scikit-learn's isotonic regression."""
    value, mass = (np.array(column) for column in zip(*points, strict=True))
    expected = IsotonicRegression().fit_transform(np.arange(len(value)), value, sample_weight=mass)
    assert _rising(value.tolist(), mass.tolist()) == pytest.approx(expected.tolist(), abs=1e-9)


@QUICK
@given(st.integers(0, 10**6), st.floats(0.2, 4))
def test_rising(seed, bent):
    """The curve rises from bin to bin, between 0 and 1, however few labels a bin has."""
    random = np.random.default_rng(seed)
    score = random.beta(3, 1.2, 300)
    found = fit(score, (random.random(300) < score**bent).astype(float), 1 / random.uniform(0.02, 1, 300))
    assert len(found.right) == BINS
    assert (np.diff(found.right) >= -1e-12).all()
    assert 0 <= found.right[0] <= found.right[-1] <= 1
    assert found.labels == 300


@pytest.mark.parametrize("bent", [0.5, 1.0, 2.0])
def test_truth(bent):
    """From 20 000 labels the curve is within 0.05 of the truth wherever one score in a thousand lies."""
    random = np.random.default_rng(3)
    score = random.beta(3, 1.5, 20_000)
    found = fit(score, (random.random(20_000) < score**bent).astype(float), np.ones(20_000))
    middles = (np.arange(BINS) + 0.5) / BINS
    usual = np.histogram(score, BINS, (0, 1))[0] >= 20
    assert np.abs(np.array(found.right) - middles**bent)[usual].max() < 0.05


def test_selection():
    """Labels drawn by score, weighted by one over their chance, give the curve of all labels."""
    random = np.random.default_rng(6)
    score = random.beta(3, 1.5, 60_000)
    right = (random.random(60_000) < score).astype(float)
    chance = np.clip(1.1 - score, 0.05, 1)
    drawn = random.random(60_000) < chance
    found = fit(score[drawn], right[drawn], 1 / chance[drawn])
    counts = np.histogram(score, BINS, (0, 1))[0]
    assert found.accuracy(counts) == pytest.approx(right.mean(), abs=0.01)


def test_few():
    """Fewer than 200 labels calibrate nothing."""
    few = LEAST_LABELS - 1
    assert fit(np.full(few, 0.5), np.ones(few), np.ones(few)) is None
    assert fit(np.full(few + 1, 0.5), np.ones(few + 1), np.ones(few + 1)) is not None


def test_same_score():
    """When all labels have one score, every score has that share of right answers, but for nothing."""
    found = fit(np.full(400, 0.7), np.r_[np.ones(300), np.zeros(100)], np.ones(400))
    assert np.array(found.right) == pytest.approx(0.75)


@QUICK
@given(st.lists(st.integers(0, 9), min_size=BINS, max_size=BINS), st.integers(0, BINS - 1), st.integers(0, 99))
def test_accuracy(counts, first, seed):
    """Expected accuracy is the mean of the curve over the counted scores, one by one; of none there is none."""
    right = np.sort(np.random.default_rng(seed).random(BINS))
    listed = [right[at] for at in range(first, BINS) for _ in range(counts[at])]
    found = Calibration(tuple(right), 500).accuracy(np.array(counts), first)
    assert found == pytest.approx(np.mean(listed) if listed else float("nan"), nan_ok=True)
