"""Learn from labels how often an answer of a given score is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.profiles.histogram import RULERS

BINS = len(RULERS["score"]) - 1
LEAST_LABELS = 200
PRIOR_LABELS = 5.0


@dataclass(frozen=True)
class Calibration:
    """
    Hold the probability that an answer is right, per score bin of 0.005 (200 values, rising), and the labels behind it.

    >>> fitted = fit(np.repeat([0.2, 0.9], 500), np.r_[np.zeros(400), np.ones(100), np.ones(450), np.zeros(50)], np.ones(1000))
    >>> round(fitted.right[40], 2), round(fitted.right[180], 2), fitted.labels
    (0.2, 0.9, 1000)
    """

    right: tuple[float, ...]
    labels: int

    def accuracy(self, counts: np.ndarray, from_bin: int = 0) -> float:
        """Return the expected share of right answers among the counted scores from bin `from_bin` up; nan when none."""
        some = counts[from_bin:]
        return float(some @ np.array(self.right[from_bin:]) / some.sum()) if some.sum() else float("nan")


def fit(score: np.ndarray, right: np.ndarray, weight: np.ndarray) -> Calibration | None:
    """
    Fit a rising curve by pooling adjacent violators (Ayer et al. 1955) on labelled scores; None with fewer than 200.

    `score` in [0, 1], `right` 0 or 1, `weight` one over the probability with which the record came to be labelled.
    Scores without labels near them take the value of the nearest ones.
    """
    if len(score) < LEAST_LABELS:
        return None
    bins = np.clip((score * 10_000 + 0.5).astype(int) // 50, 0, BINS - 1)
    mass = np.bincount(bins, weight, BINS)
    hits = np.bincount(bins, weight * right, BINS)
    overall = hits.sum() / mass.sum()
    pull = PRIOR_LABELS * np.mean(weight)
    seen = np.flatnonzero(mass)
    value = np.array(_rising(list(hits[seen] / mass[seen]), list(mass[seen])))
    curve = np.interp(np.arange(BINS), seen, value)
    thin = np.interp(np.arange(BINS), seen, mass[seen] / (mass[seen] + pull))
    mixed = thin * curve + (1 - thin) * _near(curve, overall)
    rising = _rising(list(mixed), list(1 / (1 - thin)))  # bins are not pulled alike, so the mixture may fall
    return Calibration(tuple(float(v) for v in np.clip(rising, 0, 1)), len(score))


def _near(curve: np.ndarray, overall: float) -> np.ndarray:
    """Return the curve smoothed over 21 bins: what thin bins are pulled to."""
    kernel = np.ones(21) / 21
    padded = np.pad(curve, 10, mode="edge")
    return np.convolve(padded, kernel, mode="valid") if len(curve) else np.full(BINS, overall)


def _rising(value: Sequence[float], mass: Sequence[float]) -> list[float]:
    blocks: list[list[float]] = []  # mean, mass, length
    for v, m in zip(value, mass, strict=True):
        blocks.append([v, m, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            v2, m2, n2 = blocks.pop()
            v1, m1, n1 = blocks.pop()
            blocks.append([(v1 * m1 + v2 * m2) / (m1 + m2), m1 + m2, n1 + n2])
    return [v for v, _, n in blocks for _ in range(int(n))]
