"""
Project each block's deviation from the expected mix on the direction learned from earlier blocks only.

Under a stable mix the value has mean zero whatever the number of labels; under a lasting shift to q it tends to the
chi-distance sqrt(sum (q - r)^2 / r). The idea of a learned witness: Shekhar and Ramdas (2021), arXiv 2112.09162.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from monitor.detection.baseline import WITNESS, Line
from monitor.detection.bets import Spread
from monitor.metrics.metric import Reading

SCALES: Final = (1, 24)
HALF_LIVES: Final = {1: 24, 24: 7}  # in blocks of that scale: a day, a week
RAREST: Final = 0.001  # a label is weighed as if it had at least this share: a newborn one else moves without bounds


@dataclass(frozen=True)
class Direction:
    """Hold what was learned so far: summed deviations, the records behind them, and their squared weights."""

    deviation: np.ndarray
    mass: float = 0.0
    square: float = 0.0

    def value(self, deviation: np.ndarray, expected: np.ndarray, popular: np.ndarray, size: float) -> float:
        """Return the block's projection, in chi-distance units; 0 before anything was learned or in an empty block."""
        if self.mass <= 0 or size <= 0:
            return 0.0
        records = self.mass**2 / self.square
        weight = self.deviation / self.mass / (np.maximum(popular, RAREST) + 3 / records)
        spread = np.sqrt(max(float(weight**2 @ np.maximum(expected, RAREST) - (weight @ expected) ** 2), 1e-18))
        return float(weight @ deviation / size / spread)

    def learned(self, deviation: np.ndarray, size: float, scale: int) -> "Direction":
        """Return the direction after this block: earlier ones fade by the scale's half-life."""
        keep = 0.5 ** (1 / HALF_LIVES[scale])
        return Direction(keep * self.deviation + deviation, keep * self.mass + size, keep**2 * self.square + size)


def deviations(counts: np.ndarray, expected_mix: np.ndarray) -> np.ndarray:
    """Return counts less what the expected mix makes of their total, per hour."""
    return np.asarray(counts - counts.sum(-1, keepdims=True) * expected_mix)


def project(counts: np.ndarray, expected_mix: np.ndarray, popular: np.ndarray, scale: int, restart: int
            ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """
    Return value and size of consecutive blocks of `scale` hours; learning restarts at block number `restart`.

    >>> steady = np.full((100, 4), 25.0)
    >>> value, size = project(steady, np.full((100, 4), 0.25), np.full(4, 0.25), 1, restart=50)
    >>> float(np.abs(value).max()), float(size[0])
    (0.0, 100.0)
    """
    whole = len(counts) // scale * scale
    off = deviations(counts[:whole], expected_mix[:whole]).reshape(-1, scale, counts.shape[1]).sum(1)
    hourly = counts[:whole].sum(1)
    size = hourly.reshape(-1, scale).sum(1)
    due = (hourly[:, None] * expected_mix[:whole]).reshape(-1, scale, counts.shape[1]).sum(1) / np.maximum(size, 1)[
        :, None
    ]
    value, direction = np.zeros(len(size)), Direction(np.zeros(counts.shape[1]))
    for block in range(len(size)):
        if block == restart:
            direction = Direction(np.zeros(counts.shape[1]))
        value[block] = direction.value(off[block], due[block], popular, size[block])
        direction = direction.learned(off[block], size[block], scale)
    return value, size


def shown(
    lines: Iterable[Line], values: Mapping[tuple[int, str], tuple[float, float]]
) -> tuple[Reading, float, float] | None:
    """
    Return what is shown of the mix in an hour: its projection (in chi-distance units), what is usual of it, and its spread at this many answers.

    `values` are projection and size by scale and metric. The hourly line says what is usual; where traffic is too thin for
    one, the daily line does at the end of a day, of that day. None in all other hours, and while the mix is learnt anew.

    >>> line = Line(WITNESS, "outputs", 24, 0.1, 1, 0.02, 0.1, 1.0, 0.0, None)
    >>> shown([line], {(1, WITNESS): (0.5, 4.0)}), shown([line], {(1, WITNESS): (0.5, 4.0), (24, WITNESS): (0.3, 100.0)})
    (None, (Reading(value=0.3, size=100.0), 0.02, 0.1))
    """
    line = min((one for one in lines if one.metric == WITNESS), key=lambda one: one.scale, default=None)
    if line is None or (line.scale, WITNESS) not in values:
        return None
    reading = Reading(*values[line.scale, WITNESS])
    return reading, line.centre, Spread(line.phi, line.tau2).of(reading.size)
