"""Evidence is at most 1 on average when nothing changed, and spreads are fitted as they were drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, norm

from monitor.detection.bets import LAMBDAS, RAREST, Bet, Spread, caution, fit_spread, wander

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
WAY = st.sampled_from([1, -1])


@settings(derandomize=True, deadline=None, max_examples=15)
@given(WAY, st.floats(0, 0.2), st.floats(0.01, 4), st.floats(0, 0.1), st.integers(20, 5000), st.floats(1, 6))
def test_normal(way, floor, phi, tau2, size, clip):
    """Of a normal block that did not change the expected evidence is at most 1, by numerical integration."""
    spread = np.sqrt(phi / size + tau2)
    bet = Bet(way, 0.3, floor, Spread(phi, tau2), None, clip, 20)
    for number in range(3):
        mean, _ = quad(lambda z, n=number: norm.pdf(z) * np.exp(bet.evidence(0.3 + z * spread, size)[n]), -9, 12)
        assert mean <= 1 + 1e-6


@QUICK
@given(WAY, st.floats(RAREST, 1 - RAREST), st.integers(20, 2000), st.floats(1, 3))
def test_share(way, share, size, wide):
    """Of zeros and ones that did not change the expected evidence is at most 1, exactly, however few the ones."""
    bet = Bet(way, 0.0, 0.0, Spread(wide * share * (1 - share), 0.0), share, 4.0, 20)
    ones = np.arange(size + 1)
    likely = binom.pmf(ones, size, share)
    kept = ones[likely > 1e-12]
    mean = sum(likely[k] * np.exp(bet.evidence(k / size - share, size)) for k in kept)
    assert (mean <= 1 + 1e-6).all()


@QUICK
@given(st.floats(0, RAREST), st.integers(20, 5000))
def test_rarest(share, size):
    """A share rarer than the rarest is judged as that one, and stays valid."""
    bet = Bet(1, 0.0, 0.0, Spread(RAREST * (1 - RAREST), 0.0), share, 4.0, 20)
    ones = np.arange(60)
    mean = sum(binom.pmf(k, size, share) * np.exp(bet.evidence(k / size - share, size)) for k in ones)
    assert (mean <= 1 + 1e-6).all()


def test_without_bennett():
    """The price of few ones is needed: as a normal block a rare share would gain by nothing."""
    bet = Bet(1, 0.0, 0.0, Spread(0.002 * 0.998, 0.0), None, 4.0, 20)
    ones = np.arange(30)
    mean = sum(binom.pmf(k, 100, 0.002) * np.exp(bet.evidence(k / 100 - 0.002, 100)) for k in ones)
    assert mean.max() > 1.05


@QUICK
@given(WAY, st.floats(-1, 1), st.floats(-1, 1), st.integers(20, 999), st.none() | st.floats(0.01, 0.9))
def test_order(way, one, other, size, share):
    """More of the change never is less evidence, a higher floor never more, and the clip bounds it."""
    bet = Bet(way, 0.0, 0.05, Spread(0.3, 0.01), share, 4.0, 20)
    less, more = sorted([one, other], key=lambda value: way * value)
    assert np.all(np.array(bet.evidence(less, size)) <= bet.evidence(more, size))
    assert np.all(np.array(bet.evidence(more, size, 0.5)) <= bet.evidence(more, size))
    assert np.all(np.array(bet.evidence(more, size, 0.01)) == bet.evidence(more, size))
    assert np.all(bet.evidence(1e9 * way, size) <= 4 * np.array(LAMBDAS))


def test_wild_share():
    """A share that went by whole hours in the reference costs more than a float holds: the bet is off, nothing fails."""
    evidence = Bet(1, 0.0, 0.0, Spread(5000.0, 0.0), 0.0, 4.0, 20).evidence(1.0, 20)
    assert evidence == sorted(evidence, reverse=True)
    assert evidence[-1] < -1e100


@QUICK
@given(st.floats(-1, 1), st.integers(20, 999))
def test_mirrored(value, size):
    """Down is up seen in a mirror."""
    up, down = (Bet(way, 0.0, 0.05, Spread(0.3, 0.01), None, 4.0, 20) for way in (1, -1))
    assert up.evidence(value, size) == pytest.approx(down.evidence(-value, size))


@pytest.mark.parametrize(("value", "size"), [(0.1, 19), (float("nan"), 100), (0.1, 0)])
def test_small(value, size):
    """A block that is too small, or has no value, says nothing."""
    assert np.isnan(Bet(1, 0.0, 0.0, Spread(1.0, 0.0), None, 4.0, 20).evidence(value, size)).all()


@pytest.mark.parametrize(("phi", "tau"), [(0.25, 0.0), (0.25, 0.05), (1.0, 0.2), (0.02, 0.1)])
def test_spread(phi, tau):
    """Both parts of the variance are found again, whether or not one is zero."""
    random = np.random.default_rng(12)
    size = random.integers(20, 400, 6000).astype(float)
    residual = random.normal(size=6000) * np.sqrt(phi / size + tau**2)
    found = fit_spread(residual, size)
    assert found.phi == pytest.approx(phi, rel=0.2, abs=0.05)
    assert np.sqrt(found.tau2) == pytest.approx(tau, rel=0.1, abs=0.015)


def test_wild_blocks():
    """One wild block in a hundred does not double the spread, which it would triple uncut."""
    random = np.random.default_rng(13)
    size = random.integers(20, 400, 6000).astype(float)
    residual = random.normal(size=6000) * np.sqrt(0.25 / size)
    residual[::100] *= 30
    assert (residual**2 * size).mean() > 9 * 0.25
    assert fit_spread(residual, size).of(100) < 2 * np.sqrt(0.25 / 100)


def test_spread_of_few():
    """Fewer than four blocks give their mean square, none give nothing."""
    assert fit_spread(np.array([0.1, 0.3]), np.array([9.0, 9.0])).tau2 == pytest.approx(0.05)
    assert fit_spread(np.zeros(0), np.zeros(0)) == Spread(1e-12, 0.0)


def test_caution():
    """Few blocks call for more caution than many, and blocks that echo for more than those that do not."""
    random = np.random.default_rng(1)
    noise = random.normal(size=400)
    echo = noise[:-1] + noise[1:]
    few, many, alike = (caution(one, np.full(len(one), 50.0)) for one in (noise[:10], noise, echo))
    assert 1 < many < 1.3 < few
    assert alike > 1.8 * many


def test_caution_covers():
    """In nine of ten short references the cautious variance is at least the true one."""
    random = np.random.default_rng(2)
    draws = random.normal(size=(2000, 20))
    factor = np.array([caution(one, np.ones(20)) for one in draws])
    assert ((draws**2).mean(1) * factor >= 1).mean() >= 0.88


def test_wander():
    """What days move by themselves is found beside the sampling noise; without any it is nearly zero."""
    random = np.random.default_rng(4)
    size = np.full(3000, 400.0)
    noise = random.normal(size=3000) * np.sqrt(0.25 / 400)
    assert wander(noise, size, 0.25, 20) < 0.01
    assert wander(noise + 0.05 * random.normal(size=3000), size, 0.25, 20) == pytest.approx(0.05, rel=0.1)
    assert wander(noise, np.full(3000, 19.0), 0.25, 20) == 0
