"""Marks of every kind a database gives run forward, are looked back from far enough, and survive being written down."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.settings import Source, Table
from monitor.sources.highwater import is_ahead, look_back, place_of, read, written

TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1))
FORMS: dict[str, Any] = {
    "seconds": lambda t: f"{t:%Y-%m-%d %H:%M:%S}", "fraction": lambda t: f"{t:%Y-%m-%d %H:%M:%S.%f}",
    "zulu": lambda t: f"{t:%Y-%m-%dT%H:%M:%S}Z", "milliseconds": lambda t: t.isoformat("T", "milliseconds") + "+01:00",
    "day": lambda t: f"{t:%Y-%m-%d}", "minutes": lambda t: f"{t:%Y-%m-%d %H:%M}",
    "naive": lambda t: t, "aware": lambda t: t.replace(tzinfo=timezone(timedelta(hours=2))), "date": lambda t: t.date(),
}  # fmt: skip


def table(**more: Any) -> Table:
    return Table(url="sqlite:///x", name="t", key=("id",), mark="at", **more)


@pytest.mark.parametrize("form", FORMS)
@given(mark=TIMES, back=st.floats(0, 1), hours=st.floats(0.01, 50))
def test_rows_within_the_overlap_are_met(form: str, mark: datetime, back: float, hours: float) -> None:
    """A row whose time lies within the overlap is behind the place looked back to, for the database and for the memory of it."""
    late = mark - timedelta(hours=hours) * back
    first, floor = look_back(FORMS[form](mark), table(overlap_hours=hours)) or (None, None)
    assert FORMS[form](late) >= first
    assert place_of(FORMS[form](late)) >= floor
    assert place_of(first) >= floor


@given(mark=st.integers(0, 2**53), back=st.integers(0, 10_000))
def test_numbers(mark: int, back: int) -> None:
    """A counter is looked back from by its own numbers, an epoch by hours."""
    assert look_back(mark, table(overlap_numbers=back)) == (mark - back, float(mark - back))
    assert look_back(mark, table(overlap_hours=0.5, mark_unit="ms")) == (mark - 1_800_000, float(mark - 1_800_000))


@given(values=st.tuples(TIMES, TIMES.map(lambda t: t.replace(tzinfo=UTC)), st.dates(), st.decimals(allow_nan=False), st.uuids(),
                        st.binary(max_size=9), st.text(), st.integers(), st.floats(allow_nan=False)))  # fmt: skip
def test_written_down(values: tuple[Any, ...]) -> None:
    """What is read back has the same values and the same types."""
    found = read(written(values))
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


@given(one=TIMES, other=TIMES)
def test_order(one: datetime, other: datetime) -> None:
    """Places are in the order of times."""
    for form in FORMS.values():
        if form(one) < form(other):
            assert place_of(form(one)) <= place_of(form(other))


NOON = datetime(2026, 9, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mark", "zone", "unit", "ahead"),
    [
        (NOON, None, None, False), (NOON + timedelta(seconds=1), None, None, True),
        ("2026-09-02T12:00:01Z", None, None, True), ("2026-09-02 14:00:00+02:00", None, None, False),
        ("2026-09-02 14:00:01", "Europe/Paris", None, True), ("2026-09-02 14:00:00", "Europe/Paris", None, False),
        ("2026-09-03 02:00:00", None, None, False), ("2026-09-03 02:00:01", None, None, True),
        (date(2026, 9, 3), "UTC", None, True), (1788350400_000, None, "ms", False), (1788350400_001, None, "ms", True),
        (9 * 10**18, None, None, False), ("01J9", None, None, False), (UUID(int=5), None, None, False),
        (Decimal("1788350400.5"), None, "s", True), ("9999-12-31T23:59:59-14:00", None, None, True),
    ],
)  # fmt: skip
def test_future(mark: Any, zone: str | None, unit: Any, ahead: bool) -> None:
    """A mark later than noon is ahead, by its own offset or the source's zone; without either the farthest zone is allowed for."""
    source = Source(table=table(mark_unit=unit), zone=zone)
    assert is_ahead(mark, source, round(NOON.timestamp() * 1e6)) is ahead
