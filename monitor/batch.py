"""Hold what one reading of a source brought, and where the next reading begins."""

from dataclasses import dataclass, field

import polars as pl

from monitor.prediction import empty


@dataclass(frozen=True)
class Reject:
    """
    Say why a line, or one record of it, did not become a prediction.

    `position` and `length` are bytes in the uncompressed file, `record` its number inside the line, `sample` redacted.
    """

    position: int
    length: int
    reason: str
    detail: str = ""
    digest: bytes = b""
    sample: str = ""
    record: int = 0
    count: int = 1


@dataclass(frozen=True)
class Lines:
    """Count the physical lines of a reading by their fate; they sum to the newlines read."""

    read: int = 0
    blank: int = 0
    other: int = 0
    rejected: int = 0

    def __add__(self, more: "Lines") -> "Lines":
        """Add fate by fate."""
        return Lines(
            self.read + more.read, self.blank + more.blank, self.other + more.other, self.rejected + more.rejected
        )

    @property
    def total(self) -> int:
        """Count all lines."""
        return self.read + self.blank + self.other + self.rejected


@dataclass(frozen=True)
class Batch:
    """
    Hold predictions, rejects and the byte range they came from.

    >>> Batch(start=0, end=0).predictions.height
    0
    """

    start: int
    end: int
    predictions: pl.DataFrame = field(default_factory=empty)
    rejects: tuple[Reject, ...] = ()
    lines: Lines = Lines()
