"""Reckon in the hours and days in which people work."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from monitor.errors import ConfigError

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_DAYS = 400  # without one working day: no calendar of people


@dataclass(frozen=True)
class WorkingTime:
    """
    Hold the local hours from `begin` to `end` (not included) of the `days` of a week (0: Monday) that are no holiday.

    A time that the clock leaves out in spring moves on by the gap; of one that comes twice in autumn the first counts.
    """

    zone: str
    days: frozenset[int]
    begin: time
    end: time
    holidays: frozenset[date] = frozenset()

    def opening(self, at: datetime) -> datetime:
        """
        Return `at` itself when people work then, else when they begin next. Raises ConfigError as all of these do, when
        nobody works for more than a year.

        >>> paris = WorkingTime("Europe/Paris", weekdays("mon-fri"), time(8, 30), time(18))
        >>> friday = datetime(2026, 3, 27, 17, tzinfo=UTC)
        >>> [f"{paris.opening(one):%a %H:%M}" for one in (friday - timedelta(hours=3), friday)]
        ['Fri 14:00', 'Mon 06:30']
        """
        return next(self._ahead(at))[0]

    def hours_on(self, at: datetime, hours: float) -> datetime:
        """
        Return the first moment at which people worked for so many hours since `at`.

        >>> paris = WorkingTime("Europe/Paris", weekdays("mon-fri"), time(8, 30), time(18))
        >>> f"{paris.hours_on(datetime(2026, 3, 27, 15, tzinfo=UTC), 4):%a %H:%M}"
        'Mon 08:30'
        """
        left = timedelta(hours=hours)
        for begin, end in self._ahead(at):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise AssertionError("the days ahead do not end")

    def days_on(self, at: datetime, days: int) -> datetime:
        """
        Return the same time of day, so many working days after people work next; within their hours.

        >>> paris = WorkingTime("Europe/Paris", weekdays("mon-fri"), time(8, 30), time(18))
        >>> f"{paris.days_on(datetime(2026, 3, 27, 15, tzinfo=UTC), 1):%a %H:%M}"
        'Mon 14:00'
        """
        first = self.opening(at)
        begin, end = next(islice(self._ahead(first), days, None))
        zone = ZoneInfo(self.zone)
        return min(max(self._moment(begin.astimezone(zone).date(), first.astimezone(zone).time()), begin), end)

    def local(self, at: datetime) -> str:
        """Write a moment by the day and the clock of the zone, like Mon 08:30."""
        return f"{at.astimezone(ZoneInfo(self.zone)):%a %H:%M}"

    def _ahead(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield from when until when people work, from `at` on."""
        return ((max(begin, at), end) for begin, end in self._spans(at) if end > at)

    def _spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield when people begin and end on each working day, from the day before `at` on."""
        day = at.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1)
        idle = 0
        while idle < LONGEST_DAYS:
            begin, end = self._moment(day, self.begin), self._moment(day, self.end)
            if day.weekday() in self.days and day not in self.holidays and begin < end:
                idle = 0
                yield begin, end
            day, idle = day + timedelta(days=1), idle + 1
        raise ConfigError(f"nobody works for {LONGEST_DAYS} days from {at:%Y-%m-%d} on", "working_hours.holidays")

    def _moment(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, ZoneInfo(self.zone)).astimezone(UTC)


def weekdays(text: str) -> frozenset[int]:
    """
    Read days of a week: names and ranges, apart by commas. Raises ValueError for anything else.

    >>> sorted(weekdays("mon-wed, sat")), sorted(weekdays("fri-mon"))
    ([0, 1, 2, 5], [0, 4, 5, 6])
    """
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = part.strip().partition("-")
        if first not in WEEK or (dash and last not in WEEK):
            raise ValueError(f"{part.strip()!r} is no day or range of days, like mon-fri or sat")
        begin, end = WEEK.index(first), WEEK.index(last or first)
        found |= {day % 7 for day in range(begin, end + 1 if begin <= end else end + 8)}
    return frozenset(found)


def dates(text: str, where: str) -> frozenset[date]:
    r"""
    Read ISO dates in the first column of a CSV text, below its heading. Raises ConfigError with the place, as `where` names it.

    >>> sorted(dates("date,name\n2026-12-25,Christmas\n\n2027-01-01\n", "off.csv"))
    [datetime.date(2026, 12, 25), datetime.date(2027, 1, 1)]
    """
    found = set()
    for number, row in enumerate(text.splitlines()[1:], 2):
        try:
            found |= {date.fromisoformat(row.partition(",")[0].strip())} if row.strip() else set()
        except ValueError:
            raise ConfigError("a row begins with a date, like 2026-12-25", f"{where}:{number}") from None
    return frozenset(found)
