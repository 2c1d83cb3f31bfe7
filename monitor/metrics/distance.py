"""Measure how far two mixes are apart."""

import numpy as np


def jensen_shannon(one: np.ndarray, other: np.ndarray) -> float:
    """
    Return the Jensen-Shannon distance (base 2) of two count vectors over the same names.

    0 is the same mix, 1 has nothing in common; nan when either is empty. Lin (1991), IEEE Trans. Inf. Theory 37(1),
    eq. 4.1, square root.

    >>> round(jensen_shannon(np.array([30, 70]), np.array([70, 30])), 4)
    0.3445
    """
    if not one.sum() or not other.sum():
        return float("nan")
    p, q = one / one.sum(), other / other.sum()
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log2(p / middle), 0.0).sum()
        right = np.where(q > 0, q * np.log2(q / middle), 0.0).sum()
    return float(np.sqrt(max(0.0, (left + right) / 2)))


def total_variation(one: np.ndarray, other: np.ndarray) -> float:
    """
    Return the share of records that would have to change their name; nan when either is empty.

    >>> round(total_variation(np.array([30, 70]), np.array([70, 30])), 4)
    0.4
    """
    if not one.sum() or not other.sum():
        return float("nan")
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def noise_floor(reference: np.ndarray, size: int) -> float:
    """
    Return the total variation that chance alone gives at `size` records drawn from the reference's mix.

    Sum over names of sqrt(p (1 - p) (1/n + 1/m) / (2 pi)), the mean absolute normal deviation, halved.

    >>> round(noise_floor(np.full(100, 50), 1000), 3)
    0.138
    """
    m = reference.sum()
    if not size or not m:
        return float("nan")
    p = reference / m
    return float(np.sqrt(p * (1 - p) * (1 / size + 1 / m) / (2 * np.pi)).sum())
