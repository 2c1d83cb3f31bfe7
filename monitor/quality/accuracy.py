"""Measure how many answers are right, from audited records with known chances of having been drawn."""

import numpy as np
from scipy.special import betaincinv

from monitor.quality.estimate import Figure
from monitor.quality.notes import LEAST_LABELS, few


def measured(right: np.ndarray, inclusion: np.ndarray) -> Figure:
    """
    Return the accuracy of a population from records drawn with known probabilities, with a 95 % interval.

    Weighted by one over the probability (Hajek); the interval is Clopper and Pearson's (1934) at the effective number
    of records (Kish). Too few labels are said, not guessed at.

    >>> figure = measured(np.r_[np.ones(90), np.zeros(10)], np.full(100, 0.02))
    >>> figure.value, round(figure.low, 3), round(figure.high, 3)
    (0.9, 0.824, 0.951)
    """
    n = len(right)
    if n < LEAST_LABELS:
        return Figure(None, None, None, n, few(n))
    weight = 1 / inclusion
    value = float(weight @ right / weight.sum())
    many = float(weight.sum() ** 2 / (weight @ weight))
    hits = value * many
    low = float(betaincinv(hits, many - hits + 1, 0.025)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, many - hits, 0.975)) if hits < many else 1.0
    return Figure(value, low, high, n)


def needed(figure: Figure, half_width: float) -> int:
    """
    Return how many more audited answers would narrow the interval to ±`half_width`.

    >>> needed(Figure(0.9, 0.824, 0.951, 100), 0.03)
    285
    """
    if figure.value is None:
        return LEAST_LABELS
    variance = max(figure.value * (1 - figure.value), 0.01)
    return max(0, int(np.ceil(1.96**2 * variance / half_width**2 - figure.size)))
