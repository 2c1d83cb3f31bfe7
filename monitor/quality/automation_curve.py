"""Say for every threshold how much would be automatic, and how much of that right."""

from dataclasses import dataclass

import numpy as np

from monitor.profiles.histogram import RULERS, Histogram
from monitor.quality.calibration import Calibration

STEP = 5  # thresholds 0.025 apart


@dataclass(frozen=True)
class Point:
    """Hold a threshold: the automation rate, the expected accuracy of automatic answers, and the two weekly counts."""

    threshold: float
    rate: float
    accuracy: float
    to_people: float
    wrong: float


def curve(scores: Histogram, calibration: Calibration, weeks: float) -> list[Point]:
    """
    Return the points of the automation curve from the scores of `weeks` weeks.

    >>> points = curve(Histogram.of("score", [0.3] * 50 + [0.9] * 50), Calibration(tuple([0.9] * 200), 500), 1.0)
    >>> points[0].rate, points[-1].rate, round(points[20].to_people)
    (1.0, 0.0, 50)
    """
    edges, right = RULERS["score"], np.array(calibration.right)
    total = max(scores.total, 1)
    points = []
    for start in range(0, len(edges), STEP):
        some = scores.counts[start:]
        n = int(some.sum())
        accuracy = float(some @ right[start:] / n) if n else float("nan")
        wrong = float(some @ (1 - right[start:])) / weeks if n else 0.0
        points.append(Point(float(edges[start]), n / total, accuracy, (total - n) / weeks, wrong))
    return points
