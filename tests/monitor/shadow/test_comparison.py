"""What a comparison says, against a loop over the answers; and how evidence behaves where there is nothing to find."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from monitor.profiles.pairs import Pairs
from monitor.shadow.comparison import MOST_FLOWS, compare, evidence

QUICK = settings(derandomize=True, deadline=None, max_examples=30)
ANSWER = st.tuples(st.sampled_from("abcdef"), st.just(9000), st.sampled_from(["automatic", "manual", None]))
DAYS = st.lists(st.lists(st.tuples(ANSWER, ANSWER), max_size=30), min_size=1, max_size=5)


@QUICK
@given(DAYS)
def test_figures(days):
    """Flows, flips and automation rates are counted pair by pair."""
    pairs = [pair for day in days for pair in day]
    found = compare([Pairs.of(day) for day in days], 3, 1)
    assert found.compared == len(pairs)
    flows = Counter((a[0], b[0]) for a, b in pairs if a[0] != b[0])
    listed = [(row["champion"], row["challenger"], row["count"]) for row in found.flows]
    assert listed == sorted(((a, b, n) for (a, b), n in flows.items()), key=lambda row: (-row[2], row))[:MOST_FLOWS]
    for name, one, two in (
        ("automatic -> manual",) * 1 + ("automatic", "manual"),
        ("manual -> automatic", "manual", "automatic"),
    ):
        assert found.flips[name] == sum((a[2], b[2]) == (one, two) for a, b in pairs)
    for side in (0, 1):
        assert found.automation[side] == sum(pair[side][2] == "automatic" for pair in pairs) / max(len(pairs), 1)
    assert (found.wins, found.losses) == (3, 1)


@QUICK
@given(DAYS)
def test_interval(days):
    """The interval of the agreement lies between the worst and the best day, around what was seen."""
    found = compare([Pairs.of(day) for day in days], 0, 0)
    shares = [np.mean([a[0] == b[0] for a, b in day]) for day in days if day]
    if not shares:
        assert math.isnan(found.agreement)
    elif all(days):
        assert min(shares) - 1e-9 <= found.agreement_low <= found.agreement_high <= max(shares) + 1e-9
        assert found.agreement == np.mean([a[0] == b[0] for day in days for a, b in day])


def test_interval_width():
    """Over alike days of independent answers the interval is the binomial one, about."""
    random = np.random.default_rng(4)
    days = [
        [(("a", None, None), ("a" if hit else "b", None, None)) for hit in random.random(200) < 0.8] for _ in range(40)
    ]
    found = compare([Pairs.of(day) for day in days], 0, 0)
    assert found.agreement_high - found.agreement_low == pytest.approx(2 * 1.96 * math.sqrt(0.8 * 0.2 / 8000), rel=0.35)
    assert found == compare([Pairs.of(day) for day in days], 0, 0)


def test_nothing():
    """No day at all is no comparison, not an error."""
    found = compare([], 0, 0)
    assert (found.compared, found.flows, found.evidence, found.automation) == (0, [], 1.0, (0.0, 0.0))


@pytest.mark.parametrize("labels", [1, 2, 10, 100, 500])
def test_fair(labels):
    """When neither model is better, evidence is 1 on average, exactly."""
    wins = np.arange(labels + 1)
    mean = sum(binom.pmf(k, labels, 0.5) * evidence(int(k), int(labels - k)) for k in wins)
    assert mean == pytest.approx(1)


@pytest.mark.parametrize("chance", [0.5, 0.45])
def test_looking(chance):
    """Looking after every label, evidence of 20 is reached in at most 5 % of 2 000 careers in which nothing is better."""
    random = np.random.default_rng(11)
    hits = random.random((2000, 300)) < chance
    wins = hits.cumsum(1)
    losses = np.arange(1, 301) - wins
    bets = np.array([0.03, 0.06, 0.125, 0.25, 0.5])[:, None, None]
    reached = np.exp(np.log1p(bets) * wins + np.log1p(-bets) * losses).mean(0)
    assert reached[7, 299] == pytest.approx(evidence(int(wins[7, 299]), int(losses[7, 299])))
    assert (reached.max(1) >= 20).mean() <= 0.05


@QUICK
@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_finite(wins, losses):
    """Evidence is a finite number, however many labels there are, and more wins never lessen it."""
    assert 0 <= evidence(wins, losses) < math.inf
    assert evidence(wins + 1, losses) >= evidence(wins, losses)
    assert evidence(wins, losses + 1) <= evidence(wins, losses)
