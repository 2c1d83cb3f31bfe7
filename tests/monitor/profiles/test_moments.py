"""Moments of shares: exact whole numbers, mean and spread as numpy computes them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.profiles.moments import Moments
from tests.monitor.profiles.rows import QUICK

SHARES = st.lists(st.integers(0, 10_000), max_size=40)


def of(shares: list[int]) -> Moments:
    return Moments(len(shares), sum(shares), sum(share**2 for share in shares))


@QUICK
@given(SHARES, SHARES, SHARES)
def test_adding(one, two, three):
    """The moments of joined shares are the sum of moments, in any order."""
    assert of(one + two + three) == of(one) + (of(two) + of(three)) == of(three) + of(two) + of(one)
    assert of(one) + Moments() == of(one)


@QUICK
@given(SHARES)
def test_numbers(shares):
    """Mean and spread are numpy's; nothing counted gives no number."""
    found = of(shares)
    if not shares:
        assert math.isnan(found.mean())
        assert math.isnan(found.spread())
        return
    assert found.mean() == pytest.approx(np.mean(shares) / 10_000)
    assert found.spread() == pytest.approx(np.std(shares) / 10_000, abs=1e-6)
