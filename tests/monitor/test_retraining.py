"""Retrain, label first, or wait: the rules one by one, and the money against a closed formula."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.calendar import Standing
from monitor.retraining import DRAWS, Case, Term, advise, net_benefit, rhythm
from monitor.said import Said
from monitor.settings import Retraining

MUST = (Said("The calendar is overdue, and its policy is must.", "reason.must"),)
QUICK = settings(derandomize=True, deadline=None, max_examples=30)


def case(*, manual: float = 0.0, error: float = 0.0, wide: float = 0.0, labels: int = 5000, recovered: float = 0.0,
         **more: object) -> Case:  # fmt: skip
    """Write a case of 20 000 predictions a week whose manual share and error grew."""
    terms = (
        Term("predictions", 20_000, 20_000, 20_000, "exact", "profiles"),
        Term("excess_manual", manual, manual - wide, manual + wide, "normal", "profiles"),
        Term("excess_error", error, error - wide, error + wide, "normal", "audits"),
        Term("person_eur", 0.9, 0.9, 0.9, "lognormal", "config.yaml"),
        Term("error_eur", 2.0, 2.0, 2.0, "lognormal", "config.yaml"),
        Term("growth_eur", 0.0, 0.0, 0.0, "normal", "none"),
        Term("recovered", 0.5, 0.5 - recovered, 0.5 + recovered, "beta" if recovered else "exact", "written by hand"),
        Term("retrain_eur", 6000, 6000, 6000, "lognormal", "config.yaml"),
        Term("risk_eur", 1500, 1500, 1500, "lognormal", "config.yaml"),
    )
    return Case(terms, 13, labels_since_training=labels, **more)


@QUICK
@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.integers(0, 99))
def test_exact(manual, error, seed):
    """Of exact terms the benefit is the formula's, every draw the same."""
    benefit, loss = net_benefit(case(manual=manual, error=error), seed)
    weekly = 20_000 * (0.9 * manual + 2.0 * error)
    assert loss == pytest.approx(np.full(DRAWS, weekly))
    assert benefit == pytest.approx(np.full(DRAWS, 0.5 * 13 * weekly - 7500))


def test_growth():
    """A loss that grows counts with half the square of the weeks."""
    grown = tuple(
        replace(one, value=100.0, low=100.0, high=100.0) if one.name == "growth_eur" else one for one in case().terms
    )
    benefit, _ = net_benefit(Case(grown, 13), 1)
    assert benefit == pytest.approx(np.full(DRAWS, 0.5 * 100 * 13**2 / 2 - 7500))


@pytest.mark.parametrize(
    ("made", "recommendation", "said"),
    [
        (case(), "wait", "A new model does not pay now"),
        (case(manual=0.2), "retrain", "A new model pays"),
        (case(manual=0.2, labels=1999), "label_first", "1 more labels are needed"),
        (case(manual=0.064, wide=0.05), "label_first", "most depends on the excess share automatic and wrong"),
        (case(manual=0.2, accuracy_unknown="no audit"), "label_first", "Accuracy is not known: no audit"),
        (case(manual=0.2, accuracy_unknown="no audit", after_deployment="#7"), "wait", "roll back first"),
        (case(manual=-0.2), "wait", "does not pay now"),
        (
            case(look_again=date(2026, 9, 7)),
            "wait",
            "Waiting costs about 0 EUR a week (0 to 0). Look again on 07 Sep 2026.",
        ),
        (case(manual=0.2, labels=30, wanted={"56": 30}), "retrain", "A new model pays"),
        (
            case(manual=0.2, labels=1999, wanted={"56": 30, "47": 29}),
            "label_first",
            "Labels lack to train it: 1 of 47.",
        ),
        (case(manual=0.2, labels=2000, wanted={"56": 30, "47": 0}), "retrain", "A new model pays"),
        (case(obliged=MUST), "retrain", "policy is must"),
        (
            case(obliged=MUST, labels=9, wanted={"47": 9, "62": 0}),
            "label_first",
            "policy is must. Labels lack to train it: 30 of 62, 21 of 47.",
        ),
        (case(obliged=MUST, labels=9), "label_first", "policy is must. 1,991 more labels are needed"),
        (case(obliged=MUST, accuracy_unknown="no audit"), "retrain", "policy is must"),
        (case(obliged=MUST, after_deployment="#7"), "wait", "roll back first"),
        (
            case(labels=9, wanted={f"{n}": 0 for n in range(10, 17)}, obliged=MUST),
            "label_first",
            "30 of 14, 2 more classes.",
        ),
    ],
)
def test_rules(made, recommendation, said):
    """The first rule that fits decides, and says why."""
    found = advise(made, 3)
    assert found.recommendation == recommendation
    assert said in found.sentence


@pytest.mark.parametrize(
    ("made", "state"),
    [
        (case(manual=0.2), "early"),
        (case(manual=0.2, labels=0), "early"),
        (case(obliged=MUST), "early"),
        (case(manual=0.2, accuracy_unknown="no audit"), "not_due"),
        (case(manual=0.2, after_deployment="#7"), "not_due"),
        (case(manual=0.064, wide=0.05), "not_due"),
        (case(), "not_due"),
    ],
)
def test_early(made, state):
    """Evidence that asks for a new model is early before the calendar does, whether labels suffice or not."""
    found = advise(replace(made, calendar=Standing("not_due", date(2026, 10, 5))), 3)
    assert found.calendar.state == state
    assert "by 05 Oct 2026" in found.sentence


def test_rhythm():
    """The rhythm that costs suggest is told where the loss is known to grow, and only there."""

    def growing(low, high):
        terms = tuple(
            replace(one, value=60.0, low=low, high=high) if one.name == "growth_eur" else one for one in case().terms
        )
        return Case(terms, 13)

    assert rhythm(growing(0.0, 120.0)) is None
    assert rhythm(growing(1.0, 119.0)) == pytest.approx(14.142, abs=0.001)  # sqrt(2 x 6 000 / 60)
    assert "every 14 weeks" in advise(growing(1.0, 119.0), 3).sentence
    assert "Costs suggest" not in advise(growing(0.0, 120.0), 3).sentence


@QUICK
@given(st.floats(-0.1, 0.2), st.floats(0, 0.1), st.integers(0, 99))
def test_numbers(manual, wide, seed):
    """Probability and intervals are those of the draws, in order, and the same seed says the same."""
    made = case(manual=manual, wide=wide)
    found, (benefit, loss) = advise(made, seed), net_benefit(made, seed)
    assert found.probability == np.mean(benefit > 0)
    for (middle, low, high), draws in ((found.benefit, benefit), (found.weekly_loss, loss)):
        assert low <= middle <= high
        assert np.mean(draws < low) <= 0.11
        assert np.mean(draws > high) <= 0.11
    assert found == advise(made, seed)
    assert all(0 <= share <= 1.001 for share in found.variance_shares.values())


def test_variance():
    """The term whose interval is wide in money is the one named, others have no part."""
    found = advise(case(manual=0.05, wide=0.0), 1).variance_shares
    assert max(found.values()) == pytest.approx(0)
    found = advise(case(manual=0.05, wide=0.02), 1).variance_shares
    assert found["excess_error"] == pytest.approx(4 / (4 + 0.81), abs=0.05)
    assert found["excess_manual"] == pytest.approx(0.81 / (4 + 0.81), abs=0.05)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (case(manual=0.05, wide=0.02, audit_size=1234), True),
        (case(manual=0.05, wide=0.02), False),
        (case(manual=0.05, recovered=0.3, audit_size=1234), False),
    ],
)
def test_audit(made, told):
    """The size of an audit is told where the benefit depends most on the share of wrong answers, and only there."""
    said = "About 1234 more audited answers would halve the variance of the excess share automatic and wrong."
    assert (said in advise(made, 1).sentence) == told


def test_drift_alone():
    """Without cases for people or wrong answers no change of anything pays for a new model."""
    assert advise(case(manual=0.0, error=0.0, wide=0.001), 5).probability == 0


@pytest.mark.parametrize(
    ("term", "low", "high"),
    [
        (Term("a", 5.0, 3.0, 7.0, "normal", ""), 3.0, 7.0),
        (Term("a", 2.0, 1.0, 4.0, "lognormal", ""), 1.0, 4.0),
    ],
)
def test_intervals(term, low, high):
    """A term's 95 % interval holds 95 of 100 of its draws, half of them on each side of its value."""
    draws = term.draws(np.random.default_rng(2), 40_000)
    assert np.quantile(draws, [0.025, 0.5, 0.975]) == pytest.approx([low, term.value, high], rel=0.03)


def test_beta():
    """A share is drawn between 0 and 1, with its value as the mean and the interval's variance."""
    draws = Term("recovered", 0.3, 0.1, 0.5, "beta", "").draws(np.random.default_rng(2), 40_000)
    assert draws.mean() == pytest.approx(0.3, abs=0.005)
    assert draws.std() == pytest.approx(0.4 / 2 / 1.96, abs=0.005)
    assert 0 < draws.min() < draws.max() < 1


@QUICK
@given(st.tuples(*[st.floats(-1, 4) | st.sampled_from([0.0, float("inf"), float("nan")])] * 3))
def test_costs(estimate):
    """Whatever costs a config may state can be drawn from; others are refused when it is read."""
    value, low, high = estimate
    fits = 0 < low <= value <= high < float("inf") or 0 <= low == value == high < float("inf")
    if not fits:
        with pytest.raises(ValidationError, match="needs 0 < low <= value <= high"):
            Retraining(error_eur=estimate)
        return
    stated = Retraining(error_eur=estimate).error_eur
    draws = Term("error_eur", *stated, "lognormal", "config.yaml").draws(np.random.default_rng(1), 100)
    assert np.isfinite(draws).all()
    assert (draws >= 0).all()


@pytest.mark.parametrize("estimate", [(2.0, 0.0, 4.0), (2.0, 3.0, 4.0), (2.0, 4.0, 1.0), (-1.0, -1.0, -1.0)])
def test_refused_costs(estimate):
    """A cost from zero on, out of order or below zero is refused, not divided by."""
    with pytest.raises(ValidationError, match="three equal numbers"):
        Retraining(error_eur=estimate)
