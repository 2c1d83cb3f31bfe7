"""
Say what a new champion brought: the same hours of the week before and after it, and what the difference is worth.

`gain = N (c_h recovered_manual + c_e recovered_error)` EUR a week, the terms of the forecast it is held against.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from monitor.profiles.profile import Profile
from monitor.quality.calibration import Calibration
from monitor.quality.estimate import Figure
from monitor.quality.notes import LEAST_LABELS
from monitor.retraining import Term

DRAWS, EIGHTY, NINETY_FIVE = 4000, (0.1, 0.9), 1.96
STEPS = 10_000  # of a score


@dataclass(frozen=True)
class Side:
    """
    Hold one of the two times: its days that count, how many of its audited automatic answers were right, and what is expected.

    `expected` is the share of its audited answers that the stored calibration expects to be right, and the share that was;
    None where one of the two is not known. `right` says why it is not known.
    """

    profile: Profile
    days: int
    right: Figure
    expected: tuple[float, float] | None = None

    @property
    def automatic(self) -> float:
        """Return the share of predictions nobody looked at; nan where none was decided on."""
        return self.profile.automatic / self.profile.decided if self.profile.decided else float("nan")

    def facts(self, minutes_per_case: float) -> dict[str, Any]:
        """Return the figures as JSON can hold them; counts are those of a week."""
        one, week = self.profile, 7 / self.days
        times = [one.latency.quantile(0.5), one.latency.quantile(0.95)] if one.latency.total else None
        sent = one.decisions["manual"] * week
        return {
            "predictions": one.records * week, "automatic": self.automatic if one.decided else None, "right": asdict(self.right),
            "calibration": self.expected and list(self.expected), "to_people": sent, "hours": sent * minutes_per_case / 60, "latency_ms": times,
        }  # fmt: skip


def worth(before: Side, after: Side, costs: Mapping[str, Term], loss: float | None, seed: int) -> dict[str, Any]:
    """
    Return what a week brings since, in EUR, as (value, low, high) of an 80 % interval, and which share that is of the `loss` forecast.

    `costs` holds the terms person_eur and error_eur. `from_people` is the part that fewer cases to people bring; `gain` is
    None, and `why` says so, where accuracy is not known on both sides: half a sum is no gain.

    >>> costs = {n: Term(n, v, v, v, "exact", "") for n, v in (("person_eur", 1.0), ("error_eur", 2.0))}
    >>> old, new = (Side(Profile(records=1000, automatic=a, decided=1000), 7, Figure(r, r, r, 100)) for a, r in ((600, 0.9), (700, 0.95)))
    >>> found = worth(old, new, costs, 300.0, 1)
    >>> round(found["from_people"][0]), round(found["gain"][0]), round(found["share"][0], 2)
    (100, 150, 0.5)
    """
    number = after.profile.records * 7 / after.days
    random = np.random.default_rng(seed)
    person, error = (costs[name] for name in ("person_eur", "error_eur"))
    persons, errors = person.draws(random, DRAWS), error.draws(random, DRAWS)
    sides = before, after
    if any(not one.profile.decided for one in sides):
        nothing = "no answer was decided on before or after"
        return {"from_people": None, "gain": None, "share": None, "why": nothing}
    shares = [random.normal(one.automatic, _spread(one.automatic, one.profile.decided), DRAWS) for one in sides]
    fewer = after.automatic - before.automatic
    people = _interval(number * person.value * fewer, number * persons * (shares[1] - shares[0]))
    unknown = next((one.right.note for one in sides if one.right.value is None), None)
    if unknown is not None:
        return {"from_people": people, "gain": None, "share": None, "why": unknown}
    wrong = [one.automatic * (1 - _of(one.right.value)) for one in sides]
    drawn = [share * (1 - _drawn(one.right, random)) for share, one in zip(shares, sides, strict=True)]
    value = number * (person.value * fewer + error.value * (wrong[0] - wrong[1]))
    draws = number * (persons * (shares[1] - shares[0]) + errors * (drawn[0] - drawn[1]))
    gain = _interval(value, draws)
    share = [one / loss for one in gain] if loss is not None and loss > 0 else None
    return {"from_people": people, "gain": gain, "share": share, "why": ""}


def _spread(share: float, many: int) -> float:
    return float((max(share * (1 - share), 0) / many) ** 0.5)


def _drawn(figure: Figure, random: np.random.Generator) -> np.ndarray:
    return random.normal(_of(figure.value), (_of(figure.high) - _of(figure.low)) / 2 / NINETY_FIVE, DRAWS)


def _of(value: float | None) -> float:
    if value is None:
        raise ValueError("a figure that is known has a value and an interval")
    return value


def _interval(value: float, draws: np.ndarray) -> list[float]:
    low, high = (float(one) for one in np.quantile(draws, EIGHTY))
    return [value, low, high]


def calibrated(right: np.ndarray, score_steps: np.ndarray, inclusion: np.ndarray, calibration: Calibration | None) -> tuple[float, float] | None:  # fmt: skip
    """
    Return the share of audited answers that the calibration expects to be right, and the share that was.

    None without a calibration or with fewer than 30 answers. Scores are in steps of one ten-thousandth.

    >>> calibrated(np.r_[np.ones(24), np.zeros(8)], np.full(32, 9000), np.full(32, 0.5), Calibration(tuple([0.5] * 200), 99))
    (0.5, 0.75)
    """
    if calibration is None or len(right) < LEAST_LABELS:
        return None
    weight, many = 1 / inclusion, len(calibration.right)
    bins = np.clip(score_steps.astype(int) // (STEPS // many), 0, many - 1)
    expected = np.array(calibration.right)[bins]
    return float(weight @ expected / weight.sum()), float(weight @ right / weight.sum())
