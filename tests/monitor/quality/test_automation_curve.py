"""The automation curve, threshold by threshold, against the scores themselves."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.profiles.histogram import Histogram
from monitor.quality.automation_curve import curve
from monitor.quality.calibration import BINS, Calibration

QUICK = settings(derandomize=True, deadline=None, max_examples=30)


@QUICK
@given(st.lists(st.integers(0, 10_000), max_size=80), st.integers(1, 8))
def test_points(steps, weeks):
    """Every point counts the scores at its threshold or above, and what remains for people."""
    right = np.linspace(0.2, 0.98, BINS)
    points = curve(Histogram.of("score", [s / 10_000 for s in steps]), Calibration(tuple(right), 500), weeks)
    assert [round(10_000 * p.threshold) for p in points] == list(range(0, 10_001, 250))
    for at, point in enumerate(points):
        bins = [min(s // 50, 199) for s in steps if s >= 250 * at and at < 40]
        assert point.rate == pytest.approx(len(bins) / max(len(steps), 1))
        assert point.wrong == pytest.approx(sum(1 - right[one] for one in bins) / weeks)
        assert point.accuracy == pytest.approx(np.mean(right[bins]) if bins else float("nan"), nan_ok=True)
        if steps:
            assert point.to_people == pytest.approx((len(steps) - len(bins)) / weeks)


@QUICK
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=80))
def test_falling(steps):
    """A higher threshold never makes more automatic, nor more of it wrong."""
    points = curve(Histogram.of("score", [s / 10_000 for s in steps]), Calibration(tuple([0.9] * BINS), 500), 1)
    for lower, higher in pairwise(points):
        assert higher.rate <= lower.rate
        assert higher.wrong <= lower.wrong + 1e-12
        assert higher.to_people >= lower.to_people
