"""Measure answers class by class: F1 of each, and its mean over classes, over answers, and by how often a class is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.quality.estimate import Figure
from monitor.quality.notes import LEAST_LABELS, few

DRAWS = 400


@dataclass(frozen=True)
class Scores:
    """Hold F1 over all answers (micro), as the mean of the classes (macro) and weighted by their size, and by class (label, labels, F1)."""

    macro: Figure
    micro: Figure
    weighted: Figure
    classes: tuple[tuple[str, int, float], ...]


def scores(truth: Sequence[str], answers: Sequence[str | None], weight: np.ndarray, seed: int) -> Scores:
    """
    Return F1 with 95 % intervals, which draw the labels anew by `seed`; classes are those that are true or answered at least once.

    `weight` is one over the chance with which each came to be labelled. No answer is a miss of the true class and of no
    other. With fewer than 30 labels the means are not known.

    >>> found = scores(["a", "a", "b", "c"] * 10, ["a", "b", "b", None] * 10, np.ones(40), 1)
    >>> [(label, many, round(f1, 3)) for label, many, f1 in found.classes]
    [('a', 20, 0.667), ('b', 10, 0.667), ('c', 10, 0.0)]
    >>> [round(one.value, 3) for one in (found.macro, found.micro, found.weighted)]
    [0.444, 0.571, 0.5]
    """
    names = sorted({*truth, *(one for one in answers if one is not None)})
    number = {name: at for at, name in enumerate(names)}
    right = np.array([number[one] for one in truth], int)
    given = np.array([-1 if one is None else number[one] for one in answers], int)
    by_class = _f1(right, given, weight, len(names))
    support = np.bincount(right, minlength=len(names))
    classes = tuple((name, int(support[at]), float(by_class[0][at])) for at, name in enumerate(names))
    if len(truth) < LEAST_LABELS:
        unknown = Figure(None, None, None, len(truth), few(len(truth)))
        return Scores(unknown, unknown, unknown, classes)
    random = np.random.default_rng(seed)
    drawn = [_means(*_f1(right, given, weight * random.multinomial(len(truth), np.full(len(truth), 1 / len(truth))), len(names)))
             for _ in range(DRAWS)]  # fmt: skip
    low, high = np.quantile(np.array(drawn), (0.025, 0.975), axis=0)
    macro, micro, weighted = (Figure(value, float(low[at]), float(high[at]), len(truth)) for at, value in enumerate(_means(*by_class)))  # fmt: skip
    return Scores(macro, micro, weighted, classes)


Counted = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _f1(right: np.ndarray, given: np.ndarray, weight: np.ndarray, many: int) -> Counted:
    """Return by class F1 (nan where it neither is true nor answered), hits, and what is true and answered."""
    answered = given >= 0
    hits = np.bincount(right[right == given], weight[right == given], many)
    true, told = np.bincount(right, weight, many), np.bincount(given[answered], weight[answered], many)
    whole = true + told
    return np.divide(2 * hits, whole, out=np.full(many, np.nan), where=whole > 0), hits, true, told


def _means(f1: np.ndarray, hits: np.ndarray, true: np.ndarray, told: np.ndarray) -> tuple[float, float, float]:
    return float(np.nanmean(f1)), float(2 * hits.sum() / (true.sum() + told.sum())), float(true @ np.nan_to_num(f1) / true.sum())  # fmt: skip
