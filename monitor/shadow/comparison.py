"""Compare two models from their pair counts and the labels where they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.profiles.pairs import Pairs

BETS = (0.03, 0.06, 0.125, 0.25, 0.5)
MOST_FLOWS = 15
DRAWS, SEED = 400, 3
MOST_NATS = 690.0


def evidence(wins: int, losses: int) -> float:
    """
    Return the evidence that the challenger is better, from labelled disagreements; it may be looked at after every label.

    If it is not better, this ever reaches 20 with probability at most 5 % (Ville's inequality).

    >>> round(evidence(11, 0), 1) > 17, evidence(0, 0), evidence(3, 9) < 1
    (True, 1.0, True)
    """
    logs = [wins * np.log1p(bet) + losses * np.log1p(-bet) for bet in BETS]  # powers of thousands of wins overflow
    return float(np.exp(min(np.logaddexp.reduce(logs) - np.log(len(BETS)), MOST_NATS)))


@dataclass(frozen=True)
class Comparison:
    """Hold the figures of a comparison, ready to be shown."""

    compared: int
    agreement: float
    agreement_low: float
    agreement_high: float
    flows: list[dict[str, Any]]
    flips: dict[str, int]
    wins: int
    losses: int
    evidence: float
    automation: tuple[float, float]  # champion, challenger


def compare(days: Sequence[Pairs], wins: int, losses: int) -> Comparison:
    """Compute the figures from one `Pairs` per day; the interval of the agreement resamples whole days, seeded."""
    whole = Pairs.sum(days)
    random = np.random.default_rng(SEED)
    same = np.array([d.agreement * d.compared if d.compared else 0.0 for d in days])
    many = np.array([d.compared for d in days], float)
    low = high = whole.agreement
    if len(days) > 1:
        picks = random.integers(0, len(days), (DRAWS, len(days)))
        shares = same[picks].sum(1) / np.maximum(many[picks].sum(1), 1)
        low, high = (float(q) for q in np.quantile(shares, (0.025, 0.975)))
    changed = sorted(
        ((a, b, n) for (a, b), n in whole.labels.items() if a != b), key=lambda row: (-row[2], row[0], row[1])
    )
    flips = {"automatic -> manual": 0, "manual -> automatic": 0}
    rates = [0, 0]
    for (one, two, _), count in whole.decisions.items():
        rates[0] += count * (one == "automatic")
        rates[1] += count * (two == "automatic")
        if f"{one} -> {two}" in flips:
            flips[f"{one} -> {two}"] += count
    total = max(whole.compared, 1)
    return Comparison(
        whole.compared, whole.agreement, low, high, [{"champion": a, "challenger": b, "count": n} for a, b, n in changed[:MOST_FLOWS]],
        flips, wins, losses, evidence(wins, losses), (rates[0] / total, rates[1] / total),
    )  # fmt: skip
