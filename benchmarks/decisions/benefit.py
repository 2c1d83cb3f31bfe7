"""
Compare the drawn probability that a new model pays with quadrature, and with worlds whose truth is known.

Quadrature takes another road: given the costs and the share recovered, the gain is normal, so the probability is a mean of
normal tails over Gauss-Hermite nodes for what is log-normal and Gauss-Jacobi nodes for the share.
"""

import tempfile
from typing import Any

import numpy as np
from scipy.special import ndtr, roots_hermitenorm, roots_jacobi

from jobs.weigh import Weeks, terms
from monitor.profiles.profile import Profile
from monitor.quality.accuracy import measured
from monitor.retraining import SURE, Case, Term, net_benefit
from monitor.settings import Retraining
from monitor.store import estimates, schema
from monitor.store.store import Store

CASES, QUICK_CASES = 200, 20
WORLDS, QUICK_WORLDS = 500, 50
NODES = 12
HORIZON_WEEKS = 13.0
REFERENCE, WEEK, AUDITED = 200_000, 40_000, 600
TWO_SIDED = 1.959963984540054  # the normal's 97.5 % point


def run(quick: bool) -> dict[str, Any]:
    """Return the largest error against quadrature, and what came of worlds in which retraining was said to pay."""
    draw = np.random.default_rng(31)
    errors = [
        abs(drawn(case, number) - exact(case))
        for number, case in enumerate(cases(draw, QUICK_CASES if quick else CASES))
    ]
    sure = [pays for probability, pays in worlds(draw, QUICK_WORLDS if quick else WORLDS) if probability >= SURE]
    return {
        "quadrature": {"cases": len(errors), "largest_error": max(errors), "mean_error": float(np.mean(errors))},
        "worlds": {
            "worlds": QUICK_WORLDS if quick else WORLDS,
            "said_to_pay": len(sure),
            "paid": float(np.mean(sure)) if sure else 0.0,
        },
    }


def drawn(case: Case, seed: int) -> float:
    """Return P(NB > 0) as a decision gives it."""
    return float((net_benefit(case, seed)[0] > 0).mean())


def exact(case: Case) -> float:
    """Return P(NB > 0) by quadrature: growth and excesses normal, costs log-normal, the share recovered beta."""
    count, weeks = case.term("predictions").value, case.horizon_weeks
    person, error = _lognormal(case.term("person_eur")), _lognormal(case.term("error_eur"))
    retrain, risk, share = (
        _lognormal(case.term("retrain_eur")),
        _lognormal(case.term("risk_eur")),
        _beta(case.term("recovered")),
    )
    grid = [axis.ravel() for axis in np.meshgrid(person[0], error[0], retrain[0], risk[0], share[0], indexing="ij")]
    weight = np.prod(
        [axis.ravel() for axis in np.meshgrid(person[1], error[1], retrain[1], risk[1], share[1], indexing="ij")],
        axis=0,
    )
    (manual, manual_sd), (wrong, wrong_sd), (growth, growth_sd) = (
        _normal(case.term(name)) for name in ("excess_manual", "excess_error", "growth_eur")
    )
    middle = weeks * count * (grid[0] * manual + grid[1] * wrong) + growth * weeks**2 / 2
    spread = np.sqrt(
        (weeks * count) ** 2 * ((grid[0] * manual_sd) ** 2 + (grid[1] * wrong_sd) ** 2)
        + (growth_sd * weeks**2 / 2) ** 2
    )
    return float(weight @ ndtr((grid[4] * middle - grid[2] - grid[3]) / (grid[4] * spread)))


def cases(draw: np.random.Generator, count: int) -> list[Case]:
    """Draw cases around the point where a new model just pays."""
    found = []
    for _ in range(count):
        manual, wrong = draw.normal(0.02, 0.02), draw.normal(0.01, 0.015)
        half, wide = draw.uniform(0.003, 0.03), draw.uniform(0.003, 0.03)
        share, growth = draw.uniform(0.3, 0.7), draw.normal(0, 30)
        found.append(Case((
            Term("predictions", 38_000, 38_000, 38_000, "exact", "drawn"),
            Term("excess_manual", manual, manual - half, manual + half, "normal", "drawn"),
            Term("excess_error", wrong, wrong - wide, wrong + wide, "normal", "drawn"),
            Term("person_eur", 0.9, 0.7, 1.15, "lognormal", "drawn"), Term("error_eur", 2, 1, 4, "lognormal", "drawn"),
            Term("growth_eur", growth, growth - 30, growth + 30, "normal", "drawn"),
            Term("recovered", share, share - 0.25, share + 0.25, "beta", "drawn"),
            Term("retrain_eur", 6000, 4500, 8000, "lognormal", "drawn"), Term("risk_eur", 1500, 500, 4500, "lognormal", "drawn"),
        ), HORIZON_WEEKS))  # fmt: skip
    return found


def worlds(draw: np.random.Generator, count: int) -> list[tuple[float, bool]]:
    """
    Draw worlds and let the job weigh what can be seen of each; return P(NB > 0) and whether a new model pays in truth.

    Seen are profiles of a reference and of a week, and two audits. Costs, growth and the share recovered are drawn from
    what config.yaml and the priors say of them: that they are honest is assumed, not tested.
    """
    with tempfile.TemporaryDirectory(prefix="vigie-benefit-") as made:
        store = Store.open(f"sqlite:///{made}/vigie.db")
        schema.upgrade(store)
        found = [_world(store, draw, number) for number in range(count)]
        store.engine.dispose()
    return found


def _world(store: Store, draw: np.random.Generator, number: int) -> tuple[float, bool]:
    manual, wrong = draw.uniform(0.1, 0.5), draw.uniform(0.03, 0.1)
    more_manual, more_wrong = max(draw.normal(0.03, 0.04), -manual / 2), max(draw.normal(0.015, 0.025), -wrong / 2)
    then = _profile(draw, REFERENCE, manual)
    now = _profile(draw, WEEK, manual + more_manual)
    automatic = 1 - manual - more_manual
    with store.write() as connection:
        estimates.put(
            connection,
            [_audit(draw, f"world-{number}", 1, wrong), _audit(draw, f"world-{number}", 2, wrong + more_wrong)],
        )
        seen = terms(connection, f"world-{number}", Weeks(then, now), Retraining())
    truth = {one.name: float(one.draws(draw, 1)[0]) for one in seen}
    week = WEEK * (truth["person_eur"] * more_manual + truth["error_eur"] * automatic * more_wrong)
    gain = truth["recovered"] * (HORIZON_WEEKS * week + truth["growth_eur"] * HORIZON_WEEKS**2 / 2)
    return drawn(Case(seen, HORIZON_WEEKS), number), gain > truth["retrain_eur"] + truth["risk_eur"]


def _profile(draw: np.random.Generator, decided: int, manual: float) -> Profile:
    return Profile(records=decided, decided=decided, automatic=decided - int(draw.binomial(decided, manual)))


def _audit(draw: np.random.Generator, model: str, day: int, wrong: float) -> dict[str, Any]:
    right = (draw.random(AUDITED) >= wrong).astype(float)
    figure = measured(right, np.ones(AUDITED))
    return {"model": model, "day": day, "name": "accuracy_automatic", "basis": "measured", "value": figure.value,
            "low": figure.low, "high": figure.high, "size": figure.size, "note": ""}  # fmt: skip


def _normal(term: Term) -> tuple[float, float]:
    return term.value, (term.high - term.low) / (2 * TWO_SIDED)


def _lognormal(term: Term) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = roots_hermitenorm(NODES)
    return term.value * (term.high / term.low) ** (nodes / (2 * TWO_SIDED)), weights / weights.sum()


def _beta(term: Term) -> tuple[np.ndarray, np.ndarray]:
    total = term.value * (1 - term.value) / _normal(term)[1] ** 2 - 1
    first, second = term.value * total, (1 - term.value) * total
    nodes, weights = roots_jacobi(NODES, second - 1, first - 1)
    return (1 + nodes) / 2, weights / weights.sum()
