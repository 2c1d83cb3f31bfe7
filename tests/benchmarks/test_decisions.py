"""Net benefit is what quadrature and worlds of known truth say, and random histories of decisions break no rule."""

import numpy as np
import pytest

from benchmarks.decisions import benefit
from benchmarks.decisions.campaign import COUNTED, campaign
from monitor.retraining import SURE


def test_quadrature() -> None:
    """P(NB > 0) from draws is within 0.01 of quadrature."""
    found = benefit.cases(np.random.default_rng(8), 12)
    exact = [benefit.exact(case) for case in found]
    assert [benefit.drawn(case, number) for number, case in enumerate(found)] == pytest.approx(exact, abs=0.01)
    assert min(exact) < 0.2 < 0.8 < max(exact)


def test_worlds() -> None:
    """Where a new model is said to pay with 0.8 or more, it does in at least 80 % of 50 worlds."""
    sure = [pays for probability, pays in benefit.worlds(np.random.default_rng(9), 50) if probability >= SURE]
    assert len(sure) >= 10
    assert np.mean(sure) >= SURE


def test_histories() -> None:
    """Five random histories: nothing unapproved, nothing twice, nothing forgotten."""
    found = campaign(5, "ours", None)
    assert {name: found[name] for name in COUNTED} == dict.fromkeys(COUNTED, 0)
    assert found["started"] > 0


@pytest.mark.parametrize(("variant", "name"), [("blind_retry", "twice"), ("unbound", "unapproved")])
def test_controls(variant: str, name: str) -> None:
    """A job that repeats blindly, or compares no digest, is caught."""
    assert campaign(0, variant, None)[name] == 2
