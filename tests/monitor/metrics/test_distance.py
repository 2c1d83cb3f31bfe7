"""Distances between mixes against scipy, and the noise floor against drawing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import distance

from monitor.metrics.distance import jensen_shannon, noise_floor, total_variation
from monitor.metrics.prediction_shift import frequent, moved_share, prediction_shift
from monitor.profiles.counts import Counts
from monitor.profiles.profile import NO_LABEL, Profile
from tests.monitor.profiles.rows import QUICK

MIXES = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12).filter(
    lambda pairs: sum(a for a, _ in pairs) and sum(b for _, b in pairs)
)


@QUICK
@given(MIXES)
def test_jensen_shannon(pairs):
    """The distance is scipy's, base 2."""
    one, other = np.array(pairs).T
    assert jensen_shannon(one, other) == pytest.approx(distance.jensenshannon(one, other, base=2), abs=1e-7)


@QUICK
@given(MIXES)
def test_total_variation(pairs):
    """The share that moved is half of scipy's city-block distance of the mixes."""
    one, other = np.array(pairs).T
    expected = distance.cityblock(one / one.sum(), other / other.sum()) / 2
    assert total_variation(one, other) == pytest.approx(expected, abs=1e-12)


@QUICK
@given(MIXES)
def test_symmetric(pairs):
    """Both distances are symmetric, 0 for a mix and its multiple, and at most 1."""
    one, other = np.array(pairs).T
    for far in (jensen_shannon, total_variation):
        assert far(one, other) == pytest.approx(far(other, one))
        assert far(one, 3 * one) == pytest.approx(0, abs=1e-7)
        assert 0 <= far(one, other) <= 1 + 1e-12


def test_ends():
    """Mixes with nothing in common are 1 apart; an empty one is no distance away from anything."""
    one, other, none = np.array([4, 0]), np.array([0, 9]), np.zeros(2, int)
    for far in (jensen_shannon, total_variation):
        assert far(one, other) == pytest.approx(1)
        assert math.isnan(far(one, none))
        assert math.isnan(far(none, one))


def test_noise_floor():
    """The floor is what drawing both samples from one mix gives on average, within 5 %."""
    random = np.random.default_rng(3)
    mix = random.dirichlet(np.full(40, 2.0))
    reference = np.round(mix * 20_000).astype(int)
    far = [
        total_variation(random.multinomial(800, mix), random.multinomial(int(reference.sum()), mix)) for _ in range(300)
    ]
    assert noise_floor(reference, 800) == pytest.approx(np.mean(far), rel=0.05)
    assert math.isnan(noise_floor(reference, 0))
    assert math.isnan(noise_floor(np.zeros(3), 10))


def test_profiles():
    """A label seen on one side only is a zero on the other."""
    usual, today = Profile(labels=Counts.of(a=30, b=70)), Profile(labels=Counts.of(b=5, c=5))
    assert prediction_shift(today, usual) == pytest.approx(distance.jensenshannon([30, 70, 0], [0, 5, 5], base=2))
    moved, chance = moved_share(today, usual)
    assert moved == pytest.approx(0.5)
    assert chance == pytest.approx(2 * math.sqrt(0.3 * 0.7 * (1 / 10 + 1 / 100) / (2 * math.pi)))


def test_frequent():
    """A label has a bet of its own from two answers in a thousand on; no label is none."""
    counts = Counts({"a": 990, "b": 2, "c": 1, NO_LABEL: 7})
    assert frequent(Profile(labels=counts)) == ("a", "b")


@pytest.mark.parametrize(
    ("then", "now"), [((30, 70), (70, 30)), ((500, 300, 200), (420, 330, 250)), ((90, 10, 0), (60, 20, 20))]
)
def test_evidently_agrees(then: tuple[int, ...], now: tuple[int, ...]) -> None:
    """Evidently finds the same Jensen-Shannon distance in the rows that we find in their counts; it measures in nats, we in bits."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    sides = [
        Dataset.from_pandas(
            pd.DataFrame({"label": [f"L{k}" for k, count in enumerate(counts) for _ in range(count)]}),
            data_definition=DataDefinition(categorical_columns=["label"]),
        )
        for counts in (now, then)
    ]
    run = Report([ValueDrift(column="label", method="jensenshannon")]).run(sides[0], sides[1])
    (found,) = (one["value"] for one in run.dict()["metrics"])
    assert jensen_shannon(np.array(now), np.array(then)) == pytest.approx(float(found) / np.sqrt(np.log(2)), abs=1e-9)
