"""Texts, rows and counts go when their time is over, in that order, and nothing else changes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from jobs.ingest import ingest
from jobs.prune import prune
from jobs.rebuild import mend
from jobs.summarise import summarise
from monitor.errors import ConfigError, StoreError
from monitor.profiles.profile import Profile
from monitor.store import arrivals, profiles
from monitor.store.store import Store
from monitor.store.tables import incident, prediction, prediction_input, profile, read_range
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place, opened
from tests.jobs.story import contiguous, snapshot


def sizes(store: Store) -> dict[str, int]:
    with store.read() as connection:
        return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (prediction, prediction_input, profile, read_range)}  # fmt: skip


def test_in_their_order(place: Place, store: Store) -> None:
    """Texts go after 30 days, predictions after 400, profiles after 1830; what was counted stays until then."""
    config = place.configure()
    place.write(300, hours=20 * 24)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    before = sizes(store)
    prune(store, config, NOW)
    assert sizes(store) == before
    prune(store, config, NOW + timedelta(days=15))
    some = sizes(store)
    assert 0 < some["prediction_input"] < before["prediction_input"]
    assert some["prediction"] == before["prediction"]
    prune(store, config, NOW + timedelta(days=31))
    assert sizes(store) == {**before, "prediction_input": 0, "read_range": sizes(store)["read_range"]}
    prune(store, config, NOW + timedelta(days=401))
    assert sizes(store) == {**before, "prediction_input": 0, "prediction": 0, "read_range": 0, "profile": 0}
    with store.read() as connection:
        whole = Window(0, hour_of(NOW) // 24 * 24 + 24)
        assert profiles.total(connection, "ape", whole).records == before["prediction"]
        assert sum(one.records for one in profiles.by_day(connection, "ape", whole).values()) == before["prediction"]
    prune(store, config, NOW + timedelta(days=1831))
    with store.read() as connection:
        assert profiles.total(connection, "ape", whole) == Profile()


def test_late_behind_the_rows(place: Place, store: Store) -> None:
    """A line of a day whose rows are gone adds to what was counted; checking profiles against rows takes nothing away."""
    config = place.configure("privacy: {prediction_days: 5, hourly_days: 20}\n")
    place.write(300, seed=1, first=NOW - timedelta(days=10), hours=48)
    for job in (ingest, summarise, prune):
        job(store, config, NOW)
    hours = Window.of(NOW - timedelta(days=11), NOW - timedelta(days=7))
    with store.read() as connection:
        before = profiles.by_hour(connection, "ape", hours)
    assert sum(one.records for one in before.values()) > 200
    assert sizes(store)["prediction"] == 0
    assert mend(store, "ape", hours).endswith("0 differed")
    late = Place(place.folder, place.database)
    late.write(20, seed=2, first=NOW - timedelta(days=9), hours=1)
    for again in range(2):  # the second time their rows are gone too
        for job in (ingest, summarise, prune)[again:]:
            job(store, config, NOW)
        with store.read() as connection:
            after = profiles.by_hour(connection, "ape", hours)
        assert sum(one.records for one in after.values()) == sum(one.records for one in before.values()) + 20


def test_twice(place: Place, store: Store) -> None:
    """A second run finds nothing."""
    config = place.configure()
    place.write(200, hours=20 * 24)
    ingest(store, config, NOW)
    later = NOW + timedelta(days=15)
    prune(store, config, later)
    before = snapshot(store)
    assert prune(store, config, later) == (
        "0 texts, 0 predictions, 0 hourly profiles, 0 profiles of any kind, 0 job runs, 0 ranges merged, 0 reports with texts, 0 keys of days"
    )
    assert snapshot(store) == before


def test_ranges_are_merged(place: Place, store: Store) -> None:
    """After a week the ranges of a file's day are one; they still tile it, every count is the same, and reading goes on."""
    config = place.configure("ingest: {batch_mib: 0.01}\n")
    place.write(400, seed=1)
    ingest(store, config, NOW)
    with store.read() as connection:
        (before,) = arrivals.feed(connection)
    many = sizes(store)["read_range"]
    later = NOW + timedelta(days=9)
    prune(store, config, later)
    assert sizes(store)["read_range"] == 1 < many
    assert contiguous(store)
    with store.read() as connection:
        (after,) = arrivals.feed(connection)
    assert after == before
    place.write(50, seed=2, first=NOW)
    assert ingest(store, config, later) == "api: 50 read, 0 duplicate, 0 rejected"
    assert contiguous(store)


def test_quoted_texts(place: Place, store: Store) -> None:
    """An incident keeps its figures and loses the texts it quoted when their time is over."""
    config = place.configure()
    body = json.dumps({"texts": [{"text": "taxi"}], "claim": "more taxis"})
    hour = int(NOW.timestamp()) // 3600
    with store.write() as connection:
        connection.execute(incident.insert().values(model="ape", onset_hour=hour - 2, found_hour=hour, state="closed",
                                                    causes="[]", detail=body, quiet_hours=0, revision=1))  # fmt: skip
    for days, left in ((29, 1), (31, 0)):
        prune(store, config, NOW + timedelta(days=days))
        with store.read() as connection:
            detail = json.loads(connection.execute(select(incident.c.detail)).scalar_one())
        assert (len(detail["texts"]), detail["claim"]) == (left, "more taxis")


def days(store: Store, table: str) -> list[str]:
    with store.read() as connection:
        query = text("select relname from pg_class where relispartition and relkind = 'r' and relname ~ :of order by 1")
        return [name.removeprefix(f"{table}_") for name in connection.execute(query, {"of": f"^{table}_"}).scalars()]


def test_days_are_dropped(quick_place: Place, postgres: Any) -> None:
    """On PostgreSQL each day has tables of its own, dropped whole; a reader delays that, and nothing else is touched."""
    config = quick_place.configure()
    quick_place.write(300, hours=3 * 24)
    old = b'{"vigie":1,"time":"1999-12-31T10:00:00Z","text":"old"}\n'
    (quick_place.folder / "logs/ape.jsonl.0").write_bytes(old)
    with opened(postgres()) as store:
        ingest(store, config, NOW)
        today = hour_of(NOW) // 24
        there = [str(day) for day in range(today - 3, today + 1)] + ["before"]
        assert days(store, "prediction_row") == days(store, "prediction_input") == there
        with store.read() as connection:
            first = connection.execute(
                select(func.count()).select_from(prediction_input).where(prediction_input.c.day == today - 3)
            ).scalar_one()
            with pytest.raises(StoreError, match="lock timeout"):
                prune(store, config, NOW + timedelta(days=28))
        assert days(store, "prediction_input") == there
        assert sizes(store)["prediction"] == 301
        told = prune(store, config, NOW + timedelta(days=28))
        assert told.startswith(f"{first + 1} texts, 1 predictions")
        assert (days(store, "prediction_input"), days(store, "prediction_row")) == (there[1:], there)
        assert sizes(store)["prediction"] == 300


def test_hours_after_rows(place: Place) -> None:
    """Hours that would go before their rows are refused, with what is wrong."""
    with pytest.raises(ConfigError, match="hourly_days is below prediction_days"):
        place.configure("privacy: {prediction_days: 50, hourly_days: 20}\n")
