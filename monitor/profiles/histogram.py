"""
Count numbers into bins whose edges are fixed for ever.

Edges taken from current data would make hours unmergeable, so there are four rulers and no more. A value below the
first edge counts in the first bin, one above the last edge in the last. Log rulers have a ratio of 1.02 between edges,
so a quantile read from them is off by at most 1 % (the bin's geometric middle).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np


def _log_edges(low: float, high: float, ratio: float = 1.02) -> np.ndarray:
    count = int(np.ceil(np.log(high / low) / np.log(ratio)))
    return low * ratio ** np.arange(count + 1)


RULERS: Final[dict[str, np.ndarray]] = {
    "score": np.linspace(0.0, 1.0, 201),  # 200 bins of 0.005; the last one holds 1
    "latency_ms": _log_edges(0.1, 120_000.0),
    "length_chars": _log_edges(0.98, 20_000.0),
    "nats": np.linspace(-3.0, 12.0, 151),  # 150 bins of 0.1
}
LINEAR: Final = {"score", "nats"}


@dataclass(frozen=True, eq=False)
class Histogram:
    """
    Hold whole counts per bin of a named ruler.

    >>> fast, slow = Histogram.of("latency_ms", [10, 10, 10]), Histogram.of("latency_ms", [100])
    >>> both = fast + slow
    >>> both.total, round(both.quantile(0.5)), both + Histogram("latency_ms") == both
    (4, 10, True)
    >>> round(Histogram.of("score", [0.2, 0.4]).mean(), 2)
    0.3
    """

    ruler: str
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        """Give an empty histogram its full row of zeros."""
        if self.counts.size == 0:
            object.__setattr__(self, "counts", np.zeros(len(RULERS[self.ruler]) - 1, np.int64))

    @classmethod
    def of(cls, ruler: str, values: Iterable[float]) -> "Histogram":
        """Count `values`, in the ruler's unit; missing numbers (nan) are left out."""
        array = np.asarray(list(values), dtype=np.float64)
        return cls(ruler, np.bincount(bin_of(ruler, array[~np.isnan(array)]), minlength=len(RULERS[ruler]) - 1))

    @classmethod
    def sparse(cls, ruler: str, bins: Iterable[int], counts: Iterable[int]) -> "Histogram":
        """Build it from bin numbers and their counts."""
        whole = np.zeros(len(RULERS[ruler]) - 1, np.int64)
        np.add.at(whole, np.asarray(list(bins), np.int64), np.asarray(list(counts), np.int64))
        return cls(ruler, whole)

    @classmethod
    def sum(cls, ruler: str, parts: Iterable["Histogram"]) -> "Histogram":
        """Add many histograms of one ruler."""
        whole = np.zeros(len(RULERS[ruler]) - 1, np.int64)
        for part in parts:
            whole += part.counts
        return cls(ruler, whole)

    def __add__(self, other: "Histogram") -> "Histogram":
        """Add bin by bin; both must lie on the same ruler."""
        assert self.ruler == other.ruler, f"{self.ruler} and {other.ruler} do not add"
        return Histogram(self.ruler, self.counts + other.counts)

    def __eq__(self, other: object) -> bool:
        """Say whether ruler and all counts are equal."""
        return isinstance(other, Histogram) and self.ruler == other.ruler and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]

    @property
    def total(self) -> int:
        """Count everything."""
        return int(self.counts.sum())

    @property
    def middles(self) -> np.ndarray:
        """Return the middle of each bin: arithmetic on linear rulers, geometric on logarithmic ones."""
        edges = RULERS[self.ruler]
        middles: np.ndarray = (edges[1:] + edges[:-1]) / 2
        return middles if self.ruler in LINEAR else np.sqrt(edges[1:] * edges[:-1])

    def mean(self) -> float:
        """Return the mean of the bins' middles; nan when empty."""
        return float(self.counts @ self.middles / self.total) if self.total else float("nan")

    def log_mean(self) -> float:
        """Return the mean natural logarithm; nan when empty. For log rulers."""
        return float(self.counts @ np.log(self.middles) / self.total) if self.total else float("nan")

    def spread(self, log: bool = False) -> float:
        """Return the standard deviation over records, of the values or of their logarithms; nan when empty."""
        if not self.total:
            return float("nan")
        value = np.log(self.middles) if log else self.middles
        centre = self.counts @ value / self.total
        return float(np.sqrt(self.counts @ (value - centre) ** 2 / self.total))

    def quantile(self, share: float) -> float:
        """Return the middle of the bin in which `share` (0 to 1) of the records is reached; nan when empty."""
        if not self.total:
            return float("nan")
        rank = max(1, int(np.ceil(share * self.total)))
        return float(self.middles[np.searchsorted(np.cumsum(self.counts), rank)])

    def share_from(self, value: float) -> float:
        """Return the share of records in the bin of `value` or above; nan when empty."""
        if not self.total:
            return float("nan")
        return float(self.counts[int(bin_of(self.ruler, np.array([value]))[0]) :].sum() / self.total)


def bin_of(ruler: str, values: np.ndarray) -> np.ndarray:
    """
    Return the bin number of each value; an edge belongs to the bin above it.

    >>> bin_of("score", np.array([0.0, 0.005, 0.999, 1.0])).tolist()
    [0, 1, 199, 199]
    """
    edges = RULERS[ruler]
    if ruler == "score":  # exact on the 1/10 000 grid, where 0.005 steps are not exact as floats
        return np.clip(np.floor(values * 10_000 + 0.5).astype(np.int64) // 50, 0, 199)
    if ruler == "nats":  # and on hundredths
        return np.clip((np.floor(values * 100 + 0.5).astype(np.int64) + 300) // 10, 0, 149)
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
