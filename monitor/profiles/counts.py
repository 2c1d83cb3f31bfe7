"""Count how often each name occurred."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Counts:
    """
    Hold a whole number per name; names that never occurred are absent.

    Adding is commutative and associative, and `Counts()` adds nothing.

    >>> usual, today = Counts.of(a=30, b=70), Counts.of(b=7, c=3)
    >>> (usual + today).total, (usual + today)["b"], (usual + today)["z"]
    (110, 77, 0)
    >>> [column.tolist() for column in usual.beside(today)]
    [[30, 70, 0], [0, 7, 3]]
    """

    of_name: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, **counts: int) -> "Counts":
        """Write counts by hand, as in examples and tests."""
        return cls({name: count for name, count in counts.items() if count})

    @classmethod
    def sum(cls, parts: Iterable["Counts"]) -> "Counts":
        """Add many counts in one pass."""
        total: dict[str, int] = {}
        for part in parts:
            for name, count in part.of_name.items():
                total[name] = total.get(name, 0) + count
        return cls(total)

    @cached_property
    def total(self) -> int:
        """Count everything."""
        return sum(self.of_name.values())

    def __add__(self, other: "Counts") -> "Counts":
        """Add name by name."""
        return Counts.sum((self, other))

    def __getitem__(self, name: str) -> int:
        """Return the count of `name`, 0 if it never occurred."""
        return self.of_name.get(name, 0)

    def __bool__(self) -> bool:
        """Say whether anything was counted."""
        return bool(self.of_name)

    def share(self, name: str) -> float:
        """Return the share of `name` between 0 and 1; 0 when nothing was counted."""
        return self[name] / self.total if self.of_name else 0.0

    def beside(self, other: "Counts") -> tuple[np.ndarray, np.ndarray]:
        """Return both as vectors over the sorted union of their names."""
        names = sorted(self.of_name.keys() | other.of_name.keys())
        mine = np.array([self[name] for name in names], dtype=np.int64)
        return mine, np.array([other[name] for name in names], dtype=np.int64)

    def over(self, names: Iterable[str]) -> np.ndarray:
        """Return the counts of `names`, in that order."""
        return np.array([self[name] for name in names], dtype=np.int64)
