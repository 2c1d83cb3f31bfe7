"""Keep count, sum and sum of squares of a share, as whole numbers so that any order of adding gives the same bits."""

from dataclasses import dataclass

UNIT = 10_000


@dataclass(frozen=True)
class Moments:
    """
    Hold count, sum and sum of squares of shares measured in 1/10 000.

    >>> texts = Moments(2, 10_000, 100_000_000)             # one text of unknown words only, one of none
    >>> texts.mean(), texts.spread(), Moments() + texts == texts
    (0.5, 0.5, True)
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def __add__(self, other: "Moments") -> "Moments":
        """Add all three."""
        return Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def mean(self) -> float:
        """Return the mean share, between 0 and 1; nan when nothing was counted."""
        return self.total / self.count / UNIT if self.count else float("nan")

    def spread(self) -> float:
        """Return the standard deviation over records; nan when nothing was counted."""
        if not self.count:
            return float("nan")
        return float(max(0.0, self.squares / self.count - (self.total / self.count) ** 2) ** 0.5) / UNIT
