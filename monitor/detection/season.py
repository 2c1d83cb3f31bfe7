"""Say what to expect of an hour from the hours of the reference that are like it."""

import numpy as np

CELLS = 72  # three kinds of day x 24 hours, for scalars
BUCKETS = 12  # three kinds of day x four parts of a day, for mixes
SCALAR_PRIOR, MIX_PRIOR = 20.0, 1500.0  # records that pull a thin cell to the overall mean


def day_type(hour: np.ndarray) -> np.ndarray:
    """
    Return 0 for a weekday, 1 for a Saturday, 2 for a Sunday (UTC), of hours since 1970.

    >>> day_type(np.array([0, 48, 72])).tolist()                 # 1970 began on a Thursday
    [0, 1, 2]
    """
    weekday = (hour // 24 + 3) % 7
    return np.where(weekday < 5, 0, np.where(weekday == 5, 1, 2))


def cell_of(hour: np.ndarray) -> np.ndarray:
    """Return the cell of each hour, 0 to 71."""
    cell: np.ndarray = day_type(hour) * 24 + hour % 24
    return cell


def bucket_of(hour: np.ndarray) -> np.ndarray:
    """Return the bucket of each hour, 0 to 11: nights, mornings, afternoons, evenings of each kind of day."""
    return day_type(hour) * 4 + np.searchsorted([7, 12, 18], hour % 24, side="right")


def means(value: np.ndarray, size: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """
    Return the expected value of each cell: its mean, smoothed over neighbouring hours, pulled to the overall mean.

    >>> hours = np.arange(24 * 14)
    >>> found = means(np.where(hours % 24 < 12, 1.0, 3.0), np.full(len(hours), 1000.0), hours)
    >>> round(float(found[3]), 2), round(float(found[15]), 2)
    (1.0, 3.0)
    """
    usable = size > 0
    cell = cell_of(hour[usable])
    total = np.bincount(cell, (value * size)[usable], CELLS).reshape(3, 24)
    weight = np.bincount(cell, size[usable], CELLS).reshape(3, 24)
    overall = total.sum() / max(weight.sum(), 1e-9)

    def smooth(table: np.ndarray) -> np.ndarray:
        return table + 0.5 * np.roll(table, 1, axis=1) + 0.5 * np.roll(table, -1, axis=1)

    return np.asarray(((smooth(total) + SCALAR_PRIOR * overall) / (smooth(weight) + SCALAR_PRIOR)).ravel())


def usual_records(records: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """
    Return log(1 + records) of each cell: geometric means, raised together until they add up to the records.

    A geometric mean is not pulled by one large batch but lies below the mean, which the sum of a day would show as growth;
    for the common factor an hour counts at most four times its expectation.
    """
    weight = np.full(len(hour), SCALAR_PRIOR)  # one hour outweighs the prior: nights must not look like noon
    usual = np.expm1(means(np.log1p(records), weight, hour))
    due = usual[cell_of(hour)]
    raised: np.ndarray = np.log1p(usual * np.minimum(records, 4 * due + 1).sum() / max(due.sum(), 1.0))
    return raised


def mixes(counts: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """Return the expected mix of each bucket (12, labels): its own, pulled to the mix of all hours."""
    overall = counts.sum(0) + 0.5
    overall = overall / overall.sum()
    bucket = bucket_of(hour)
    inside = np.array([counts[bucket == one].sum(0) for one in range(BUCKETS)])
    return np.asarray((inside + MIX_PRIOR * overall) / (inside.sum(1, keepdims=True) + MIX_PRIOR))


def capped(counts: np.ndarray) -> np.ndarray:
    """Cut each label's wild days to three times its usual day (or 3), so that one batch is not taken for normal."""
    day = counts.reshape(-1, 24, counts.shape[1]).sum(1)
    limit = np.maximum(3.0, 3.0 * np.median(day, axis=0))
    return np.asarray(counts * np.repeat(np.minimum(1.0, limit / np.maximum(day, 1e-9)), 24, axis=0))
