"""Hold a stretch of whole UTC hours, counted since 1970, its end not included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MICROSECONDS_PER_HOUR = 3_600_000_000


def hour_of(moment: datetime) -> int:
    """
    Count the whole hours from 1970 to the hour that holds `moment` (aware, any zone).

    >>> hour_of(datetime(1970, 1, 2, 3, 59, tzinfo=UTC))
    27
    """
    return (moment - EPOCH) // HOUR


def start_of(hour: int) -> datetime:
    """
    Return the moment at which hour number `hour` begins, in UTC.

    >>> start_of(27).isoformat()
    '1970-01-02T03:00:00+00:00'
    """
    return EPOCH + hour * HOUR


def microseconds(moment: datetime) -> int:
    """
    Count microseconds since 1970, the form in which the store keeps times.

    >>> microseconds(datetime(1970, 1, 1, 1, tzinfo=UTC)) == MICROSECONDS_PER_HOUR
    True
    """
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(microsecond: int) -> datetime:
    """
    Return the UTC moment that many microseconds after 1970.

    >>> moment(MICROSECONDS_PER_HOUR).hour
    1
    """
    return EPOCH + timedelta(microseconds=microsecond)


@dataclass(frozen=True)
class Window:
    """
    Hold the hours from `first` (included) to `end` (not included).

    >>> day = Window.of(datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC))
    >>> day.hours, day.first in day, day.end in day
    (24, True, False)
    >>> day.before().end == day.first
    True
    """

    first: int
    end: int

    def __post_init__(self) -> None:
        """Refuse a window that ends before it begins."""
        if self.end < self.first:
            raise ValueError(f"window ends ({self.end}) before it begins ({self.first})")

    @classmethod
    def of(cls, start: datetime, end: datetime) -> "Window":
        """Take the hours from the one that holds `start` up to, not including, the one that holds `end`."""
        return cls(hour_of(start), hour_of(end))

    @property
    def hours(self) -> int:
        """Count the hours, 0 for an empty window."""
        return self.end - self.first

    @property
    def start(self) -> datetime:
        """Return the moment the first hour begins."""
        return start_of(self.first)

    @property
    def stop(self) -> datetime:
        """Return the moment the last hour is over."""
        return start_of(self.end)

    def before(self) -> "Window":
        """Return the window of the same length that ends where this one begins."""
        return Window(self.first - self.hours, self.first)

    def __contains__(self, hour: int) -> bool:
        """Say whether hour number `hour` lies inside."""
        return self.first <= hour < self.end

    def __iter__(self) -> Iterator[int]:
        """Walk through the hour numbers."""
        return iter(range(self.first, self.end))

    def __str__(self) -> str:
        """Write both ends as a person would, in UTC."""
        return f"{self.start:%Y-%m-%d %H:%M} to {self.stop:%Y-%m-%d %H:%M} UTC"
