"""Accuracy without labels: the mean of calibrated scores, an honest interval, and the pessimist beside it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.profiles.histogram import Histogram
from monitor.quality.calibration import BINS, Calibration, fit
from monitor.quality.estimate import SHIFT_POINTS, estimated, pessimistic

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
STEPS = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)


def curve(seed: int) -> Calibration:
    return Calibration(tuple(np.sort(np.random.default_rng(seed).random(BINS))), 500)


@QUICK
@given(STEPS, st.integers(0, 99), st.integers(0, 200))
def test_mean(steps, seed, from_bin):
    """The estimate is the mean of the calibrated scores from the threshold on, its interval the formula's."""
    right = curve(seed).right
    reach = [right[min(step // 50, 199)] for step in steps if min(step // 50, 199) >= min(from_bin, 199)]
    found = estimated(Histogram.of("score", [s / 10_000 for s in steps]), curve(seed), from_bin / 200)
    assert found.size == len(reach)
    if not reach:
        assert (found.value, found.note) == (None, "no answer reaches this score")
        return
    half = 1.96 * np.sqrt(np.sum([one * (1 - one) for one in reach]) / len(reach) ** 2 + SHIFT_POINTS**2)
    assert found.value == pytest.approx(np.mean(reach))
    assert found.low == pytest.approx(max(0, np.mean(reach) - half))
    assert found.high == pytest.approx(min(1, np.mean(reach) + half))


@pytest.mark.parametrize("bent", [0.6, 1.0, 1.8])
def test_coverage(bent):
    """Calibrated on one sample, the interval holds the true accuracy of other weeks, also when scores shift."""
    random = np.random.default_rng(5)
    score = random.beta(4, 1.5, 3000)
    learned = fit(score, (random.random(3000) < score**bent).astype(float), np.ones(3000))
    held = automatic = 0
    for week in range(100):
        now = random.beta(4 - week / 50, 1.5, 1500)
        right = random.random(1500) < now**bent
        scores = Histogram.of("score", now)
        whole, upper = estimated(scores, learned), estimated(scores, learned, 0.7)
        held += whole.low <= right.mean() <= whole.high
        automatic += upper.low <= right[now >= 0.7].mean() <= upper.high
    assert held >= 95
    assert automatic >= 95


def test_few_answers():
    """Fewer answers give a wider interval, never outside 0 and 1."""
    even = Calibration(tuple([0.97] * BINS), 500)
    few, many = (estimated(Histogram.of("score", [0.9] * n), even) for n in (10, 10_000))
    assert few.low < many.low < 0.97 < many.high <= few.high == 1


@QUICK
@given(STEPS, STEPS, st.floats(0, 1))
def test_pessimistic(then, now, accuracy):
    """The pessimist's level has as many reference scores above it as were right; what lies above now is its figure."""
    found = pessimistic(*(Histogram.of("score", [s / 10_000 for s in side]) for side in (now, then)), accuracy)
    above = [np.mean([min(s // 50, 199) >= level for s in then]) for level in range(BINS)]
    level = min(range(BINS), key=lambda at: (abs(above[at] - accuracy), at))
    assert found == pytest.approx(np.mean([min(s // 50, 199) >= level for s in now]))


def test_pessimistic_unchanged():
    """On the reference itself the pessimist says its accuracy, within a bin."""
    scores = Histogram.of("score", np.random.default_rng(2).beta(4, 1.5, 20_000))
    assert pessimistic(scores, scores, 0.83) == pytest.approx(0.83, abs=0.01)
    assert np.isnan(pessimistic(Histogram("score"), scores, 0.83))
