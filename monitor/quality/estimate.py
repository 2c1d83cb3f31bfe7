"""Estimate how many answers are right although nobody labelled them."""

from dataclasses import dataclass

import numpy as np

from monitor.profiles.histogram import Histogram, bin_of
from monitor.quality.calibration import Calibration

SHIFT_POINTS = 0.02  # prior of the estimate's own error, until audits tell how far it was off


@dataclass(frozen=True)
class Figure:
    """Hold a share with its 95 % interval, the records behind it, and a note where it is not known."""

    value: float | None
    low: float | None
    high: float | None
    size: float
    note: str = ""


def estimated(scores: Histogram, calibration: Calibration, from_score: float = 0.0) -> Figure:
    """
    Return the expected accuracy of the answers that reach `from_score`: calibrated scores averaged over their histogram.

    The interval holds the chance of single answers and a prior of 2 points for what a shift does to the calibration.

    >>> even = Calibration(tuple([0.8] * 200), 1000)
    >>> figure = estimated(Histogram.of("score", [0.5] * 400), even)
    >>> round(figure.value, 2), round(figure.low, 2), round(figure.high, 2)
    (0.8, 0.74, 0.86)
    """
    first = int(bin_of("score", np.array([from_score]))[0])
    counts, right = scores.counts[first:], np.array(calibration.right[first:])
    n = int(counts.sum())
    if n == 0:
        return Figure(None, None, None, 0, "no answer reaches this score")
    value = float(counts @ right / n)
    spread = float(np.sqrt(counts @ (right * (1 - right)) / n**2 + SHIFT_POINTS**2))
    return Figure(value, max(0.0, value - 1.96 * spread), min(1.0, value + 1.96 * spread), n)


def pessimistic(scores: Histogram, reference: Histogram, accuracy: float) -> float:
    """
    Return the share of scores above the level that separated right from wrong in the reference (ATC-MC).

    Garg et al. (2022), arXiv 2201.04234: the level is the one with as many reference scores above it as were right.
    """
    above = np.cumsum(reference.counts[::-1])[::-1] / max(reference.total, 1)
    level = int(np.argmin(np.abs(above - accuracy)))
    return float(scores.counts[level:].sum() / scores.total) if scores.total else float("nan")
