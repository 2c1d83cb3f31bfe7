"""Hold what one reading of a source brought, and where the next reading begins."""

from collections import Counter
from collections.abc import Iterable
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

    read: int = 0  # gave records
    blank: int = 0
    other: int = 0  # recognised, no prediction
    rejected: int = 0
    piece: int = 0  # part of a record that ends on a later line
    half: int = 0  # request or response of a call

    def __add__(self, more: "Lines") -> "Lines":
        """Add fate by fate."""
        return Lines(
            self.read + more.read, self.blank + more.blank, self.other + more.other, self.rejected + more.rejected,
            self.piece + more.piece, self.half + more.half,
        )  # fmt: skip

    @property
    def total(self) -> int:
        """Count all lines."""
        return self.read + self.blank + self.other + self.rejected + self.piece + self.half


@dataclass(frozen=True)
class Ledger:
    """
    Say what became of everything in many readings: counts by name, one example a reject reason, and what was not read.

    >>> one = Ledger({"lines read": 2, "reject too_new": 1}, {"too_new": "b.log, byte 7"})
    >>> both = Ledger.sum([one, Ledger({"lines read": 1}, {"too_new": "a.log, byte 9"}, ("c.gz: ends in the middle",))])
    >>> both.counts["lines read"], both.examples["too_new"], both.unread
    (3, 'a.log, byte 9', ('c.gz: ends in the middle',))
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()  # a file each, and why

    @classmethod
    def sum(cls, parts: Iterable["Ledger"]) -> "Ledger":
        """Add ledgers, whatever their order: of examples the first by name stays."""
        counts, examples, unread = Counter[str](), dict[str, str](), list[str]()
        for part in parts:
            counts.update(part.counts)
            unread += part.unread
            for reason, told in part.examples.items():
                examples[reason] = min(told, examples.get(reason, told))
        return cls({name: count for name, count in sorted(counts.items()) if count}, examples, tuple(sorted(unread)))


@dataclass(frozen=True)
class WaitingHalf:
    """
    Hold one line of a call as it may wait in the store: behind the privacy door, nothing unredacted in it.

    `join_digest` is the keyed id of the call, `side` input or answer, `payload` the bytes that complete the other half.
    """

    join_digest: bytes
    side: str
    position: int
    length: int
    digest: bytes
    time_us: int
    payload: bytes
    expires_us: int = 0


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
    rows_refused: int = 0  # rejects of single rows, on lines that count as read
    halves: tuple[WaitingHalf, ...] = ()
    completed: tuple[tuple[bytes, str], ...] = ()  # (join_digest, side) of waiting halves that this batch completes
    masked: dict[str, int] = field(default_factory=dict)  # rule of the redaction: how many finds
