"""Counts behave as `collections.Counter` does on whole positive numbers."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.profiles.counts import Counts
from tests.monitor.profiles.rows import QUICK

NAMES = st.text("abcé ", min_size=1, max_size=3)
LISTS = st.lists(NAMES, max_size=30)


def of(names: list[str]) -> Counts:
    return Counts(dict(Counter(names)))


@QUICK
@given(LISTS, LISTS, LISTS)
def test_adding(one, two, three):
    """Adding counts is counting the joined lists, in any order."""
    joined = dict(Counter(one + two + three))
    assert dict((of(one) + of(two) + of(three)).of_name) == joined
    assert dict(Counts.sum([of(three), of(one), of(two)]).of_name) == joined
    assert of(one) + Counts() == of(one) == Counts() + of(one)


@QUICK
@given(LISTS, NAMES)
def test_reading(names, name):
    """Total, count and share are those of the list."""
    counts = of(names)
    assert (counts.total, counts[name], bool(counts)) == (len(names), names.count(name), bool(names))
    assert counts.share(name) == (np.mean([one == name for one in names]) if names else 0.0)


@QUICK
@given(LISTS, LISTS)
def test_beside(one, two):
    """Two counts lie over the same names, sorted; nothing is lost."""
    mine, other = of(one).beside(of(two))
    names = sorted(set(one + two))
    assert mine.tolist() == [one.count(name) for name in names]
    assert other.tolist() == [two.count(name) for name in names]


@QUICK
@given(LISTS, LISTS)
def test_unchanged(one, two):
    """Adding leaves both sides as they were."""
    mine, other = of(one), of(two)
    _ = mine + other, Counts.sum([mine, other])
    assert (mine, other) == (of(one), of(two))


def test_zeros():
    """Names written with zero are absent."""
    assert Counts.of(a=0, b=2) == Counts.of(b=2)
    assert Counts.of(b=2).over(["c", "b"]).tolist() == [0, 2]
