"""Histograms on fixed rulers: additive, and within their stated error of the raw numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.profiles.histogram import RULERS, Histogram, bin_of
from tests.monitor.profiles.rows import QUICK

RULER = st.sampled_from(sorted(RULERS))
SHARES = st.lists(st.floats(0, 1), max_size=40)
INSIDE = {"latency_ms": (0.1, 120_000.0), "length_chars": (1.0, 20_000.0)}


def drawn(ruler: str, shares: list[float]) -> list[float]:
    """Spread shares over the ruler: evenly for scores and nats, evenly in logarithms else."""
    if ruler == "score":
        return [round(share, 4) for share in shares]
    if ruler == "nats":
        return [round(15 * share - 3, 2) for share in shares]
    low, high = INSIDE[ruler]
    return [low * (high / low) ** share for share in shares]


@QUICK
@given(RULER, SHARES, SHARES, SHARES)
def test_adding(ruler, one, two, three):
    """The histogram of joined values is the sum of histograms, in any order; the empty one adds nothing."""
    a, b, c = (Histogram.of(ruler, drawn(ruler, part)) for part in (one, two, three))
    whole = Histogram.of(ruler, drawn(ruler, one + two + three))
    assert whole == a + b + c == Histogram.sum(ruler, [c, a, b])
    assert a + Histogram(ruler) == a
    assert whole.total == len(one) + len(two) + len(three)


@QUICK
@given(RULER, SHARES)
def test_bins(ruler, shares):
    """Counts are those of numpy's histogram on the ruler's edges."""
    values = np.array(drawn(ruler, shares), float)
    edges = RULERS[ruler].copy()
    if ruler == "score":  # whole numbers on the grid of 1/10 000: numpy's own floats round the edges
        values, edges = np.round(values * 10_000), np.arange(0, 10_001, 50)
    if ruler == "nats":
        values, edges = np.round(values * 100), np.arange(-300, 1201, 10)
    assert Histogram.of(ruler, drawn(ruler, shares)).counts.tolist() == np.histogram(values, edges)[0].tolist()


@QUICK
@given(st.sampled_from(sorted(INSIDE)), st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0, 1))
def test_quantile(ruler, shares, share):
    """A quantile on a log ruler is off by at most 1 % of the raw one."""
    values = drawn(ruler, shares)
    exact = np.quantile(values, share, method="inverted_cdf")
    assert Histogram.of(ruler, values).quantile(share) == pytest.approx(exact, rel=0.01)


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(0, 200))
def test_score_numbers(shares, step):
    """Mean, spread and shares of scores are those of the raw scores, within half a bin; shares at edges are exact."""
    values = np.array(drawn("score", shares))
    found = Histogram.of("score", values)
    assert found.mean() == pytest.approx(values.mean(), abs=0.0026)
    assert found.spread() == pytest.approx(values.std(), abs=0.0026)
    if step < 200:
        assert found.share_from(step / 200) == np.mean(np.round(values * 10_000) >= 50 * step)


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_logarithms(shares):
    """The mean and spread of logarithms are within 1 % (0.01) of the raw ones."""
    values = np.log(drawn("latency_ms", shares))
    found = Histogram.of("latency_ms", np.exp(values))
    assert found.log_mean() == pytest.approx(values.mean(), abs=0.01)
    assert found.spread(log=True) == pytest.approx(values.std(), abs=0.01)


@pytest.mark.parametrize("ruler", sorted(RULERS))
def test_ends(ruler):
    """What lies outside the ruler counts in its first or last bin; missing numbers do not count."""
    low = RULERS[ruler][0]
    counts = Histogram.of(ruler, [low - 1.0, min(low, 0.0), 1e9, float("nan")]).counts
    assert (counts[0], counts[-1], counts.sum()) == (2, 1, 3)


@pytest.mark.parametrize("ruler", sorted(RULERS))
def test_edges(ruler):
    """An edge belongs to the bin above it, the last one to the last bin."""
    edges = RULERS[ruler]
    assert bin_of(ruler, edges).tolist() == [*range(len(edges) - 1), len(edges) - 2]


def test_empty():
    """Nothing counted gives no number, not zero."""
    empty = Histogram("latency_ms")
    numbers = [empty.mean(), empty.log_mean(), empty.spread(), empty.quantile(0.5), empty.share_from(10)]
    assert np.isnan(numbers).all()


def test_other_ruler():
    """Histograms of different rulers do not add."""
    with pytest.raises(AssertionError, match="do not add"):
        _ = Histogram("score") + Histogram("latency_ms")


@QUICK
@given(st.integers(0, 10_000))
def test_grid(step):
    """A score of k/10 000 falls into bin k // 50, whatever its float's last bit says."""
    for score in (step / 10_000, step * 0.0001, np.nextafter(step / 10_000, 0)):
        assert bin_of("score", np.array([score]))[0] == min(step // 50, 199)


@QUICK
@given(RULER, st.dictionaries(st.integers(0, 149), st.integers(1, 10**9), max_size=9))
def test_sparse(ruler, counts):
    """Bins written one by one come back where they were put."""
    found = Histogram.sparse(ruler, counts.keys(), counts.values())
    assert {int(at): int(found.counts[at]) for at in np.flatnonzero(found.counts)} == counts
