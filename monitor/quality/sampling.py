"""
Draw which predictions people should label, so that what they find can be weighed back to all of them.

Simple random sampling without replacement in every stratum: of a stratum of N predictions n are drawn, so each has the inclusion
probability n / N, whatever the order they came in (Cochran 1977, chapter 5).
"""

from collections.abc import Sequence

import numpy as np


def allotted(sizes: Sequence[int], wanted: int) -> list[int]:
    """
    Divide `wanted` equally among strata; what a small one cannot give goes to the others. Fewer in all only where there are no more.

    >>> allotted([1000, 10, 500], 100), allotted([3, 2], 100)
    ([45, 10, 45], [3, 2])
    """
    given = [0] * len(sizes)
    left = min(wanted, sum(sizes))
    while left:
        open_ones = [at for at, size in enumerate(sizes) if given[at] < size]
        share = max(left // len(open_ones), 1)
        for at in open_ones:
            more = min(share, sizes[at] - given[at], left)
            given[at], left = given[at] + more, left - more
    return given


def drawn(strata: Sequence[str], wanted: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the positions of those drawn, in order, and the inclusion probability of each (above 0, at most 1).

    `strata` names the stratum of each prediction, in an order that does not change; the same seed draws the same.

    >>> positions, inclusion = drawn(["rare", *["usual"] * 8], 3, seed=1)
    >>> len(positions), [float(one) for one in inclusion]
    (3, [1.0, 0.25, 0.25])
    """
    names, place = np.unique(np.array(strata, dtype=str), return_inverse=True)
    sizes = np.bincount(place, minlength=len(names)).tolist() if len(strata) else []
    random = np.random.default_rng(seed)
    chosen, odds = [np.empty(0, dtype=np.int64)], [np.empty(0)]
    for number, (size, many) in enumerate(zip(sizes, allotted(sizes, wanted), strict=True)):
        chosen.append(random.choice(np.flatnonzero(place == number), many, replace=False))
        odds.append(np.full(many, many / size))
    positions, inclusion = np.concatenate(chosen), np.concatenate(odds)
    order = np.argsort(positions)
    return positions[order], inclusion[order]
