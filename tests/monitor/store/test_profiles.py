"""Sums of any window are those of its hours, whatever was rolled up, rebuilt, added late or pruned before."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, select

from monitor.errors import NoData
from monitor.profiles.counts import Counts
from monitor.profiles.histogram import Histogram
from monitor.profiles.profile import Key, Profile
from monitor.store import profiles, references, retention
from monitor.store.store import Store
from monitor.store.tables import profile, profile_day
from monitor.window import Window
from tests.conftest import opened

DAYS = 5
HOURS = 24 * DAYS
SEGMENTS = ("desk", "web", "")
LAWS = settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def some(number: int) -> Profile:
    """Return a profile that no other number gives."""
    return Profile(records=number, labels=Counts.of(a=number, b=1), score=Histogram.of("score", [number % 100 / 100]))


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("replace"), st.lists(st.tuples(st.integers(0, HOURS - 1), st.sampled_from(SEGMENTS), st.integers(1, 999)), max_size=6)),
        st.tuples(st.just("empty"), st.integers(0, HOURS - 1)),
        st.tuples(st.just("add"), st.tuples(st.integers(0, HOURS - 1), st.sampled_from(SEGMENTS), st.integers(1, 999))),
        st.tuples(st.just("roll"), st.integers(0, DAYS + 1)),
        st.tuples(st.just("settle"), st.integers(0, DAYS)),
        st.tuples(st.just("let go"), st.integers(0, DAYS)),
        st.tuples(st.just("prune"), st.integers(0, 2)),
    ),
    max_size=12,
)  # fmt: skip


class Ledger:
    """Keep what was counted, by hour and segment: with rows behind it, and without."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, str], Profile] = {}
        self.bare: dict[tuple[int, str], Profile] = {}

    def replace(self, hours: set[int], built: dict[tuple[int, str], Profile]) -> None:
        self.rows = {key: one for key, one in self.rows.items() if key[0] not in hours} | built

    def add(self, hour: int, segment: str, part: Profile) -> None:
        self.bare[hour, segment] = self.bare.get((hour, segment), Profile()) + part

    def settle(self, day: int) -> None:
        for hour, segment in [key for key in self.rows if key[0] < 24 * day]:
            self.add(hour, segment, self.rows.pop((hour, segment)))

    def prune(self, day: int) -> None:
        self.rows, self.bare = ({k: v for k, v in side.items() if k[0] >= 24 * day} for side in (self.rows, self.bare))

    def over(self, window: Window) -> dict[str, Profile]:
        """Add up hour by hour."""
        found: dict[str, list[Profile]] = {}
        for side in (self.rows, self.bare):
            for (hour, segment), one in side.items():
                if window.first <= hour < window.end:
                    found.setdefault(segment, []).append(one)
        return {segment: Profile.sum(many) for segment, many in sorted(found.items())}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return a store for all examples, which clear it."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path_factory.mktemp('days')}/v.db" if is_sqlite else request.getfixturevalue("postgres")()
    with opened(url) as one:
        yield one


@LAWS
@given(OPERATIONS, st.lists(st.tuples(st.integers(0, HOURS), st.integers(0, HOURS)), min_size=1, max_size=5))
def test_sums(shared: Store, operations: list, windows: list[tuple[int, int]]) -> None:
    """After any history each window, its segments and each segment alone add up; of days whose hours went, as a whole."""
    with shared.write() as connection:
        connection.execute(delete(profile))
        connection.execute(delete(profile_day))
    ledger = Ledger()
    for name, what in operations:
        with shared.write() as connection:
            done(connection, ledger, name, what)
    with shared.read() as connection:
        for first, second in windows:
            window = Window(min(first, second), max(first, second))
            if window.end > window.first and profiles.let_go(connection, "m", window) is not None:
                window = Window(window.first // 24 * 24, -(-window.end // 24) * 24)
            hand = ledger.over(window)
            assert profiles.segments(connection, "m", window) == hand
            assert profiles.total(connection, "m", window) == Profile.sum(hand.values())
            days = {
                day: ledger.over(Window(24 * day, 24 * day + 24))
                for day in range(-(-window.first // 24), window.end // 24)
            }
            assert profiles.by_day(connection, "m", window) == {
                day: Profile.sum(parts.values()) for day, parts in days.items() if parts
            }
            for segment in SEGMENTS:
                assert profiles.total(connection, "m", window, segment) == hand.get(segment, Profile())


def done(connection: Connection, ledger: Ledger, name: str, what: Any) -> None:
    """Do one operation in the store and in the ledger."""
    if name == "replace":
        built = {Key("m", segment, hour): some(number) for hour, segment, number in what}
        profiles.replace(connection, "m", sorted({key.hour for key in built}), built)
        ledger.replace({key.hour for key in built}, {(key.hour, key.segment): one for key, one in built.items()})
    elif name == "empty":
        profiles.replace(connection, "m", [what], {})
        ledger.replace({what}, {})
    elif name == "add":
        profiles.add(connection, {Key("m", what[1], what[0]): some(what[2])})
        ledger.add(what[0], what[1], some(what[2]))
    elif name == "roll":
        profiles.roll(connection, "m", what)
    elif name == "prune":
        retention.counts(connection, what)
        ledger.prune(what)
    else:
        profiles.settle(connection, 24 * what)
        ledger.settle(what)
        if name == "let go":
            retention.hours(connection, what)


def test_hours_of_the_reference_stay(store: Store) -> None:
    """Hours of days that are summed up go, but for those of the reference in use; how many is told, and a second time none."""
    with store.write() as connection:
        profiles.add(connection, {Key("m", "", hour): some(hour + 1) for hour in range(96)})
        profiles.roll(connection, "m", 3)
        references.pin(connection, {"model": "m", "first_hour": 30, "end_hour": 40, "pinned_us": 0, "pinned_by": "t", "reason": "t",
                                    "clean": 1, "clean_detail": "", "baseline": b""})  # fmt: skip
        before = profiles.total(connection, "m", Window(0, 96))
        assert (retention.hours(connection, 9), retention.hours(connection, 9)) == (48, 0)
        assert sorted(profiles.by_hour(connection, "m", Window(0, 96))) == [*range(24, 48), *range(72, 96)]
        assert profiles.total(connection, "m", Window(0, 96)) == before
        with pytest.raises(NoData, match="before 1970-01-04 were let go"):
            profiles.whole_hours(connection, "m", Window(0, 96))
        assert len(profiles.whole_hours(connection, "m", Window(24, 48))) == 24
        assert [profiles.let_go(connection, "m", Window(a, b)) for a, b in ((0, 96), (0, 24), (24, 48), (72, 96))] == [
            2,
            0,
            None,
            None,
        ]


def test_rolls_on_behind_a_gap(store: Store) -> None:
    """Days are rolled up a month at a time, the oldest first, and a year without predictions does not stop it."""
    days = (*range(40), 400, 401)
    with store.write() as connection:
        profiles.replace(
            connection, "m", [24 * day for day in days], {Key("m", "", 24 * day): some(day + 1) for day in days}
        )
        for rolled in (31, 40, 41, 41):
            profiles.roll(connection, "m", 401)
            assert connection.execute(select(func.count()).select_from(profile_day)).scalar_one() == rolled
        assert profiles.unrolled(connection, "m", 401) is None
        assert profiles.unrolled(connection, "m", 402) == 401
        assert profiles.unrolled(connection, "other", 402) is None


def test_changed_while_rolled(store_url: str) -> None:
    """A day that is rolled up while others add to its hours holds what they added."""
    models = [f"m{number}" for number in range(12)]
    with opened(store_url) as store, opened(store_url) as other:
        with store.write() as connection:
            profiles.add(connection, {Key(model, "", 0): some(1) for model in models})
        gate = threading.Barrier(2)

        def add() -> None:
            gate.wait()
            for model in models:
                for number in range(1, 4):
                    with other.write() as connection:
                        profiles.add(connection, {Key(model, "", 12 * number): some(number)})

        beside = threading.Thread(target=add)
        beside.start()
        gate.wait()
        for model in models:
            with store.write() as connection:
                profiles.roll(connection, model, 2)
        beside.join()
        with store.read() as connection:
            for model in models:
                hours = profiles.by_hour(connection, model, Window(0, 48))
                assert len(hours) == 4
                assert profiles.total(connection, model, Window(0, 48)) == Profile.sum(hours.values())
