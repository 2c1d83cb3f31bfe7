"""Each prediction is drawn as often as its inclusion probability says, and what is drawn weighs back to all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality.sampling import allotted, drawn


@given(st.lists(st.integers(0, 60), max_size=6), st.integers(0, 200))
def test_allotted(sizes: list[int], wanted: int) -> None:
    """As many as are wanted or there are; none more than it has; one that gave less than another had no more."""
    given_ = allotted(sizes, wanted)
    assert sum(given_) == min(wanted, sum(sizes))
    assert all(many <= size for many, size in zip(given_, sizes, strict=True))
    short = [many for many, size in zip(given_, sizes, strict=True) if many < size]
    assert not short or max(given_) - min(short) <= 1 or min(short) >= max(given_) - 1


@given(st.lists(st.sampled_from("abc"), max_size=80), st.integers(0, 60), st.integers(0, 9))
def test_weighs_back(strata: list[str], wanted: int, seed: int) -> None:
    """In every stratum that gave any, the weights of those drawn sum to its size; nobody is drawn twice."""
    positions, inclusion = drawn(strata, wanted, seed)
    assert len(set(positions.tolist())) == len(positions) == min(wanted, len(strata))
    for name in {strata[at] for at in positions}:
        weights = [1 / odds for at, odds in zip(positions, inclusion, strict=True) if strata[at] == name]
        assert abs(sum(weights) - strata.count(name)) < 1e-9 * len(strata)


def test_as_often_as_said() -> None:
    """Over many seeds each one is drawn with its inclusion probability, within four standard deviations."""
    strata, seeds = ["a"] * 40 + ["b"] * 4 + ["c"] * 15, 4000
    times, said = np.zeros(len(strata)), np.zeros(len(strata))
    for seed in range(seeds):
        positions, inclusion = drawn(strata, 20, seed)
        times[positions] += 1
        said[positions] = inclusion
    spread = np.sqrt(np.maximum(said * (1 - said), 1e-9) / seeds)
    assert said.min() > 0
    assert (np.abs(times / seeds - said) <= 4 * spread + 1e-12).all()
    assert said[40:44].tolist() == [1.0] * 4
