"""
Know how the mark of a table's rows runs: where it stands on the number line, how far back to look, what lies in the future.

A mark is what a driver gives: a number, a time, a date, or the text SQLite keeps a time as.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from monitor.settings import Source, Table
from monitor.sources.record import UNITS_US, Refused, time_us
from monitor.window import microseconds

ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d.*)?")
FARTHEST_ZONE_US = 14 * 3_600_000_000
SECOND_US = 1_000_000
READERS: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat, "date": date.fromisoformat, "decimal": Decimal, "uuid": UUID, "bytes": bytes.fromhex,
}  # fmt: skip


def written(values: tuple[Any, ...]) -> str:
    """
    Write a mark or a key down so that `read` gives the same values of the same types.

    >>> from decimal import Decimal
    >>> read(written((Decimal("1.50"), "a", date(2026, 11, 20)))) == (Decimal("1.50"), "a", date(2026, 11, 20))
    True
    """
    return json.dumps([_tagged(one) for one in values])


def read(text: str) -> tuple[Any, ...]:
    """Return the values that `written` wrote down."""
    return tuple(READERS[kind](value) if kind in READERS else value for kind, value in json.loads(text))


def _tagged(value: Any) -> tuple[str, Any]:
    if isinstance(value, datetime):
        return "datetime", value.isoformat()
    if isinstance(value, date):
        return "date", value.isoformat()
    if isinstance(value, Decimal | UUID):
        return type(value).__name__.lower(), str(value)
    if isinstance(value, bytes):
        return "bytes", value.hex()
    return "plain", value


def place_of(mark: Any) -> float | None:
    """
    Return where a mark stands on the number line: microseconds for times, by their clock face where they are text.

    None for what is neither a time nor a number.

    >>> place_of("1970-01-01 00:00:02+01:00"), place_of(7), place_of("01J9") is None
    (2000000.0, 7.0, True)
    """
    if isinstance(mark, int | float | Decimal):
        return float(mark)
    when = _time(mark)
    if when is None:
        return None
    return float(microseconds(when.replace(tzinfo=UTC) if isinstance(mark, str) or when.tzinfo is None else when))


def look_back(mark: Any, table: Table) -> tuple[Any, float] | None:
    """
    Return the mark from which rows are looked at again, and the place from which on they must be remembered.

    None where a mark is neither a time nor a number: then nothing tells how far back a late row may lie.

    >>> look_back("2026-11-20T10:33:52.153Z", Table(url="sqlite:///x", name="t", key=("id",), mark="at"))[0]
    '2026-11-20T08:33'
    """
    place = place_of(mark)
    if place is None:
        return None
    if isinstance(mark, int | float | Decimal):
        by = table.overlap_numbers
        if table.mark_unit is not None:
            by = math.ceil(table.overlap_hours * 3600 * per_second(table.mark_unit))
        return type(mark)(mark - by), place - by
    hours = timedelta(hours=table.overlap_hours)
    if isinstance(mark, datetime):
        return mark - hours, place - hours / timedelta(microseconds=1)
    if isinstance(mark, date):
        days = timedelta(days=math.ceil(table.overlap_hours / 24))
        return mark - days, place - days / timedelta(microseconds=1)
    back = datetime.fromisoformat(mark).replace(tzinfo=None) - hours
    text = back.date().isoformat() if len(mark) == 10 else back.isoformat(mark[10], "minutes")
    # text of the shortest form there is, which sorts before all that say more; and so it begins earlier
    floor = timedelta(days=1) if len(mark) == 10 else timedelta(minutes=1)
    return text, place - (hours + floor) / timedelta(microseconds=1)


def is_ahead(mark: Any, source: Source, latest_us: int) -> bool:
    """
    Say whether a mark is a time later than `latest_us`: taken for the newest, it would hide all rows of before.

    A time without offset is read in the source's zone; where none is declared it may be ahead by the farthest zone.
    """
    table = source.table
    if isinstance(mark, int | float | Decimal):
        unit = table.mark_unit if table is not None else None
        return unit is not None and float(mark) / per_second(unit) > latest_us / SECOND_US
    when = _time(mark)
    if when is None:
        return False
    slack = FARTHEST_ZONE_US if when.tzinfo is None and source.zone is None else 0
    try:
        return time_us(when.isoformat(), source.zone or "UTC") > latest_us + slack
    except Refused:  # beyond what a calendar holds
        return True


def per_second(unit: str) -> int:
    """
    Return how many of a unit make a second.

    >>> per_second("ms"), per_second("ns")
    (1000, 1000000000)
    """
    return 10**9 if unit == "ns" else SECOND_US // UNITS_US[unit]


def _time(mark: Any) -> datetime | None:
    if isinstance(mark, datetime):
        return mark
    if isinstance(mark, date):
        return datetime(mark.year, mark.month, mark.day)
    if isinstance(mark, str) and ISO.fullmatch(mark):
        try:
            return datetime.fromisoformat(mark)
        except ValueError:
            return None
    return None
