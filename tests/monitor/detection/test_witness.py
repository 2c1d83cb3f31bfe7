"""A witness learns from the past only: mean zero while nothing changes, the chi-distance after a change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection.witness import Direction, deviations, project

QUICK = settings(derandomize=True, deadline=None, max_examples=30)
POPULAR = np.array([0.4, 0.3, 0.15, 0.1, 0.04, 0.01])


@QUICK
@given(st.integers(0, 9999))
def test_deviations(seed):
    """Deviations are counts less expectation, hour by hour, and add to nothing."""
    random = np.random.default_rng(seed)
    counts, mix = random.integers(0, 50, (9, 6)), random.dirichlet(np.ones(6), 9)
    found = deviations(counts, mix)
    assert found.sum(1) == pytest.approx(0, abs=1e-9)
    assert found[4] == pytest.approx(counts[4] - counts[4].sum() * mix[4])


def test_null():
    """While the mix stays, values have mean zero over 20 000 blocks, though a direction is learned all the time."""
    random = np.random.default_rng(7)
    counts = random.multinomial(200, POPULAR, 20_000).astype(float)
    value, _ = project(counts, np.tile(POPULAR, (20_000, 1)), POPULAR, 1, restart=10**9)
    assert abs(value.mean()) < 3 * value.std() / np.sqrt(20_000)
    assert value.std() == pytest.approx(np.sqrt(1 / 200), rel=0.1)


def test_shift():
    """After a lasting change values tend to the chi-distance between the mixes."""
    random = np.random.default_rng(8)
    moved = np.array([0.3, 0.3, 0.2, 0.1, 0.06, 0.04])
    counts = random.multinomial(5000, moved, 400).astype(float)
    value, _ = project(counts, np.tile(POPULAR, (400, 1)), POPULAR, 1, restart=10**9)
    expected = np.sqrt(((moved - POPULAR) ** 2 / POPULAR).sum())
    assert value[100:].mean() == pytest.approx(expected, rel=0.05)


def test_past_only():
    """A block's value does not depend on what comes after, and the first one is zero."""
    random = np.random.default_rng(9)
    counts = random.multinomial(100, POPULAR, 60).astype(float)
    mix = np.tile(POPULAR, (60, 1))
    whole, _ = project(counts, mix, POPULAR, 1, restart=30)
    part, _ = project(counts[:40], mix[:40], POPULAR, 1, restart=30)
    assert (whole[:40] == part).all()
    assert whole[0] == whole[30] == 0


@QUICK
@given(st.lists(st.integers(1, 500), min_size=1, max_size=20), st.sampled_from([(1, 24), (24, 7)]))
def test_fading(sizes, scale):
    """What was learned is the sum of deviations, halved every half-life."""
    learned, half_life = Direction(np.zeros(1)), scale[1]
    for size in sizes:
        learned = learned.learned(np.array([size / 3]), size, scale[0])
    ages = np.arange(len(sizes))[::-1] / half_life
    assert learned.mass == pytest.approx((np.array(sizes) * 0.5**ages).sum())
    assert learned.square == pytest.approx((np.array(sizes) * 0.25**ages).sum())
    assert learned.deviation[0] == pytest.approx((np.array(sizes) / 3 * 0.5**ages).sum())


def test_days():
    """Daily blocks add up their 24 hours, and an unfinished day waits."""
    random = np.random.default_rng(3)
    counts = random.integers(0, 20, (24 * 5 + 7, 6)).astype(float)
    _, size = project(counts, np.tile(POPULAR, (127, 1)), POPULAR, 24, restart=99)
    assert size.tolist() == [counts[24 * d : 24 * d + 24].sum() for d in range(5)]


def test_empty():
    """An empty block has value zero and teaches nothing."""
    counts = np.zeros((3, 6))
    value, size = project(counts, np.tile(POPULAR, (3, 1)), POPULAR, 1, restart=9)
    assert (value.tolist(), size.tolist()) == ([0, 0, 0], [0, 0, 0])
