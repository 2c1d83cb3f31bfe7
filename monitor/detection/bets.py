"""
Turn the value of a block into log e-values: evidence that multiplies, and that is at most 1 on average when nothing changed.

A block's value is centred, divided by its block-to-block spread `sqrt(phi / n + tau2)` after a floor is taken off, and
clipped above, which only lowers it. Then `lambda z - cost`: `lambda^2 / 2` for sums of many records, Bennett's bound for
shares, whose few ones make a skewed sum (Bennett 1962, eq. 8b).
"""

import math
from typing import Final, NamedTuple

import numpy as np

from monitor.settings import Detection

LAMBDAS: Final = (0.5, 1.0, 2.0)
COSTS: Final = (0.125, 0.5, 2.0)  # of sums of many records: half the squares
LARGEST: Final = 700.0  # as a power of e it is a float still
RAREST: Final = 0.002  # a share is judged as if its reference rate were at least this
FEW_BLOCKS = 4


class Spread(NamedTuple):
    """Hold the two parts of a block's variance: `phi` per record, `tau2` that no number of records removes."""

    phi: float
    tau2: float

    def of(self, size: float) -> float:
        """Return the standard deviation of a block of `size` records."""
        return math.sqrt(self.phi / max(size, 1.0) + self.tau2)


def tolerated(name: str, phi: float, share: float | None, settings: Detection) -> float:
    """
    Return how large a shift of a metric is too small to tell anybody: a part of the standard deviation of one record.

    Automation and the usual latency (a logarithm) have their own, in the unit people plan in.
    `phi` is the variance of one record, `share` the reference rate of a metric of zeros and ones.

    >>> round(tolerated("confidence", 0.04, None, Detection()), 6), round(tolerated("errors", 0.0, 0.0001, Detection()), 6)
    (0.005, 0.001117)
    """
    if name == "automation":
        return settings.automation_tolerance
    if name == "latency":
        return max(float(np.log1p(settings.latency_tolerance)), settings.tolerance_sd * float(np.sqrt(phi)))
    of_record = settings.tolerance_sd * float(np.sqrt(of_one(phi, share)))
    return of_record if share is None else max(of_record, 0.001)


def within(share: float) -> float:
    """Return the reference rate a share is judged by."""
    return min(max(share, RAREST), 1 - RAREST)


def of_one(phi: float, share: float | None) -> float:
    """
    Return the variance of one record that is reckoned with: of a share at least that of independent zeros and ones.

    >>> of_one(0.5, None), round(of_one(0.0, 0.0), 6)
    (0.5, 0.001996)
    """
    return phi if share is None else max(phi, within(share) * (1 - within(share)))


def fit_spread(residual: np.ndarray, size: np.ndarray) -> Spread:
    """
    Fit E[r^2] = phi / n + tau2 by weighted least squares, neither part negative, on squares cut at 6 robust sd.

    >>> random = np.random.default_rng(0)
    >>> n = random.integers(20, 200, 4000).astype(float)
    >>> found = fit_spread(random.normal(size=4000) * np.sqrt(0.25 / n), n)
    >>> 0.22 < found.phi < 0.28, found.tau2 < 0.001
    (True, True)
    """
    if len(residual) < FEW_BLOCKS:
        return Spread(1e-12, float(np.mean(residual**2)) if len(residual) else 0.0)
    robust = np.median(np.abs(residual) * np.sqrt(size)) / 0.6745
    square = np.minimum(residual**2, (6 * robust) ** 2 / size) if robust > 0 else residual**2
    weight = np.minimum(size, np.quantile(size, 0.9))
    design = np.stack([weight / size, weight], axis=1)
    target = weight * square
    phi, tau2 = np.linalg.lstsq(design, target, rcond=None)[0]
    if phi < 0 or tau2 < 0:
        alone = np.maximum(design.T @ target / (design**2).sum(0), 0.0)
        loss = ((target[:, None] - design * alone) ** 2).sum(0)
        phi, tau2 = (alone[0], 0.0) if loss[0] < loss[1] else (0.0, alone[1])
    return Spread(max(float(phi), 1e-12), float(tau2))


def caution(residual: np.ndarray, size: np.ndarray) -> float:
    """Return the factor on variances for few reference blocks (Wilson-Hilferty 1931, 10 % quantile) and blocks that echo."""
    df, z = max(len(size) - 1, 3), residual * np.sqrt(size)
    few = 1 / (1 - 2 / (9 * df) - 1.28155 * np.sqrt(2 / (9 * df))) ** 3
    echo = min(float(z[1:] @ z[:-1]) / max(float(z @ z), 1e-18), 0.8) if len(z) > 1 else 0.0
    return float(few * ((1 + echo) / (1 - echo) if echo > 2 / np.sqrt(max(len(z), 1)) else 1.0))


def wander(value: np.ndarray, size: np.ndarray, phi: float, smallest: float) -> float:
    """Return how much blocks of the next larger scale move by themselves, sampling noise taken off; 0 without blocks."""
    kept = size >= smallest
    if kept.sum() < 2:
        return 0.0
    weight = np.minimum(size[kept], np.median(size[kept]))
    return float(np.sqrt(max(0.0, np.average(value[kept] ** 2 - phi / size[kept], weights=weight))))


class Bet(NamedTuple):
    """
    Judge one metric on one scale in one direction.

    `centre` is not zero for witnesses only; `share` is the reference rate of a metric of zeros and ones.
    """

    direction: int
    centre: float
    floor: float
    spread: Spread
    share: float | None
    clip: float
    smallest: float

    def evidence(self, value: float, size: float, floor: float | None = None) -> list[float]:
        """
        Return three log e-values, one per lambda; nan where the block is too small to judge.

        >>> bet = Bet(1, 0.0, 0.1, Spread(1.0, 0.0), None, 4.0, 20)
        >>> bet.evidence(0.1, 100), bet.evidence(0.1, 19)
        ([-0.125, -0.5, -2.0], [nan, nan, nan])
        """
        if size < self.smallest or math.isnan(value):
            return [math.nan] * len(LAMBDAS)
        spread = self.spread.of(size)
        lowest = self.floor if floor is None else max(floor, self.floor)
        z = min((self.direction * (value - self.centre) - lowest) / spread, self.clip)
        low, middle, high = COSTS if self.share is None else self._costs(self.share, size, spread)
        return [LAMBDAS[0] * z - low, LAMBDAS[1] * z - middle, LAMBDAS[2] * z - high]

    def _costs(self, share: float, size: float, spread: float) -> list[float]:
        rare = within(share)
        jump = (1 - rare if self.direction > 0 else rare) * self.spread.phi / (rare * (1 - rare))
        unit, many, apart = jump / (size * spread), size * self.spread.phi / jump**2, self.spread.tau2 / spread**2
        powers = [min(of * unit, LARGEST) for of in LAMBDAS]
        return [cost * apart + many * (math.expm1(power) - power) for power, cost in zip(powers, COSTS, strict=True)]
