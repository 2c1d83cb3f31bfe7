"""Sums of any window are those of its hours, whatever was rolled up, rebuilt, added late or pruned before."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from monitor.profiles.counts import Counts
from monitor.profiles.histogram import Histogram
from monitor.profiles.profile import Key, Profile
from monitor.store import profiles, retention
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
        st.tuples(st.just("prune"), st.integers(0, 2)),
    ),
    max_size=12,
)  # fmt: skip


def by_hand(store: Store, window: Window) -> dict[str, Profile]:
    """Add up the stored hours, one by one."""
    found: dict[str, list[Profile]] = {}
    with store.read() as connection:
        for row in connection.execute(select(profile).where(profile.c.model == "m")):
            if window.first <= row.hour < window.end:
                found.setdefault(row.segment, []).append(Profile.from_bytes(row.body))
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
    """After any history each window, its segments and each segment alone add up as by hand."""
    with shared.write() as connection:
        connection.execute(delete(profile))
        connection.execute(delete(profile_day))
    for name, what in operations:
        with shared.write() as connection:
            if name == "replace":
                built = {Key("m", segment, hour): some(number) for hour, segment, number in what}
                profiles.replace(connection, "m", sorted({key.hour for key in built}), built)
            elif name == "empty":
                profiles.replace(connection, "m", [what], {})
            elif name == "add":
                profiles.add(connection, {Key("m", what[1], what[0]): some(what[2])})
            elif name == "roll":
                profiles.roll(connection, "m", what)
            else:
                retention.counts(connection, what)
    with shared.read() as connection:
        for first, second in windows:
            window = Window(min(first, second), max(first, second))
            hand = by_hand(shared, window)
            assert profiles.segments(connection, "m", window) == hand
            assert profiles.total(connection, "m", window) == Profile.sum(hand.values())
            days = {
                day: by_hand(shared, Window(24 * day, 24 * day + 24))
                for day in range(-(-window.first // 24), window.end // 24)
            }
            assert profiles.by_day(connection, "m", window) == {
                day: Profile.sum(parts.values()) for day, parts in days.items() if parts
            }
            for segment in SEGMENTS:
                assert profiles.total(connection, "m", window, segment) == hand.get(segment, Profile())


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
