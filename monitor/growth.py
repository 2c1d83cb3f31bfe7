"""Tell by how much the weekly loss grows since the last training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.retraining import Term
from monitor.said import Said

LEAST_WEEKS = 4
UNKNOWN_EUR = (0.0, -10.0, 10.0)  # a week


@dataclass(frozen=True)
class PastWeek:
    """Hold a whole week: its number in time, predictions, and excess shares sent to people and wrong (None: not known)."""

    number: int
    predictions: int
    excess_manual: float
    excess_error: float | None


def growth(weeks: Sequence[PastWeek], person_eur: float, error_eur: float) -> Term:
    """
    Return the slope of the weekly loss with its 95 % interval, in EUR a week, by least squares over at least four weeks.

    Wrong answers count where all weeks know them, else cases sent to people alone. Of fewer weeks nothing is known. The interval
    is Student's, with two degrees of freedom less than weeks; costs are taken as they stand.

    >>> weeks = [PastWeek(number, 1000, 0.01 * number, None) for number in range(4)]
    >>> found = growth(weeks, 2.0, 5.0)
    >>> round(found.value, 6), round(found.high - found.low, 6), found.source
    (20.0, 0.0, 'slope over 4 whole weeks, of cases sent to people alone')
    >>> growth(weeks[1:], 2.0, 5.0).source
    'no trend is known yet: 3 whole weeks since the last training, 4 are needed'
    """
    n = len(weeks)
    if n < LEAST_WEEKS:
        text = f"no trend is known yet: {n} whole week{'s' if n != 1 else ''} since the last training, {LEAST_WEEKS} are needed"
        return Term("growth_eur", *UNKNOWN_EUR, "normal", Said(text, "learnt.no_trend", n=n, needed=LEAST_WEEKS))
    errors = [one.excess_error for one in weeks if one.excess_error is not None]
    wrong = np.array(errors if len(errors) == n else [0.0] * n)
    count, manual = (
        np.array(column, float) for column in zip(*((w.predictions, w.excess_manual) for w in weeks), strict=True)
    )
    value, low, high = _slope(
        np.array([one.number for one in weeks], float), count * (person_eur * manual + error_eur * wrong)
    )
    text, key = f"slope over {n} whole weeks", "learnt.slope"
    if len(errors) < n:
        text, key = f"{text}, of cases sent to people alone", "learnt.slope_manual"
    return Term("growth_eur", value, low, high, "normal", Said(text, key, weeks=n))


def _slope(at: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    from scipy.special import stdtrit

    away = at - at.mean()
    spread = float(away @ away)
    value = float(away @ values) / spread
    rest = values - values.mean() - value * away
    freedom = len(at) - 2
    wide = float(stdtrit(freedom, 0.975)) * float(np.sqrt(rest @ rest / freedom / spread))
    return value, value - wide, value + wide
