"""
Judge the same profiles by the rules that are usual elsewhere, a day at a time.

These are the documented rules, written anew on daily sums: what they say of a day depends on nothing else of their
packages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from monitor.metrics import all_for, yardsticks
from monitor.metrics.prediction_shift import prediction_shift
from monitor.profiles.profile import Profile
from monitor.window import Window


@dataclass(frozen=True)
class Peer:
    """Name a rule and hold its distance of a day from the reference; it alarms on days whose distance reaches `threshold`."""

    name: str
    distance: Callable[[list[Profile], list[Profile]], np.ndarray]  # of the reference's days and of those judged
    threshold: float

    def days(self, hours: Mapping[int, Profile], window: Window, first: int, end: int) -> np.ndarray:
        """Return the distance of every day from hour `first` on from those of the window."""
        return self.distance(_days(hours, window.first, window.end), _days(hours, first, end))


def _days(hours: Mapping[int, Profile], first: int, end: int) -> list[Profile]:
    return [Profile.sum(hours[h] for h in range(at, at + 24) if h in hours) for at in range(first, end - 23, 24)]


def label_distance(reference: list[Profile], days: list[Profile]) -> np.ndarray:
    """Return the Jensen-Shannon distance (base 2) of each day's answers from those of the reference."""
    whole = Profile.sum(reference)
    return np.array([prediction_shift(day, whole) if day.records else 0.0 for day in days])


def deviations(reference: list[Profile], days: list[Profile]) -> np.ndarray:
    """Return the largest distance of a metric from its mean over the reference's days, in their standard deviations."""
    at = yardsticks(Profile.sum(reference))
    worst = np.zeros(len(days))
    for metric in all_for(at, ()):
        known = np.array([metric.read(day, at).value for day in reference], float)
        if np.isnan(known).any() or known.std() == 0:
            continue
        seen = np.array([metric.read(day, at).value for day in days], float)
        worst = np.fmax(worst, np.abs(seen - known.mean()) / known.std())
    return worst


PEERS = (
    Peer("labels: Jensen-Shannon distance above 0.1, daily", label_distance, 0.1),
    Peer("any metric outside mean +- 3 sd, daily", deviations, 3.0),
)
