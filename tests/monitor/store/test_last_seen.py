"""When the newest prediction came is kept as it arrives, and never looked for among the rows of a day."""

from datetime import timedelta
from importlib import import_module

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import delete, func, select

from jobs.erase import erase
from jobs.ingest import ingest
from jobs.summarise import summarise
from monitor.store import arrivals, predictions
from monitor.store.store import Store
from monitor.store.tables import last_seen, prediction
from monitor.window import MICROSECONDS_PER_HOUR, hour_of
from tests.conftest import NOW, Place


def newest(store: Store, model: str = "ape") -> int | None:
    with store.read() as connection:
        return predictions.newest_us(connection, model)


def in_rows(store: Store) -> int:
    """Return the same from the rows themselves."""
    with store.read() as connection:
        return int(connection.execute(select(func.max(prediction.c.time))).scalar_one())


def read(place: Place, store: Store) -> None:
    config = place.configure("ingest: {batch_mib: 0.01}\n")
    ingest(store, config, NOW)
    summarise(store, config, NOW)


def test_as_rows_arrive(place: Place, store: Store) -> None:
    """It is the newest of all batches, before and after they are summed up; older lines that come later leave it."""
    assert newest(store) is None
    place.write(200, hours=40, seed=1)
    ingest(store, place.configure("ingest: {batch_mib: 0.01}\n"), NOW)
    first = newest(store)
    assert first == in_rows(store)
    place.write(50, seed=2, changed=lambda draw: {"time": NOW - timedelta(hours=60, minutes=draw.randrange(60))})
    read(place, store)
    assert newest(store) == first == in_rows(store)
    place.write(1, seed=3, changed=lambda _: {"time": NOW - timedelta(seconds=1)})
    read(place, store)
    assert newest(store) == in_rows(store) != first
    assert newest(store, "other") is None


def test_erased(place: Place, store: Store) -> None:
    """The moment of an erased call is not kept: until something new comes, only the hour is known."""
    place.write(100, seed=1)
    read(place, store)
    at_us = in_rows(store)
    last = max(place.written, key=lambda row: row["time"])
    erase(store, place.configure(), NOW, request_ids=[last["request_id"]])
    with store.read() as connection:
        assert connection.execute(select(last_seen)).all() == []
    assert newest(store) == at_us // MICROSECONDS_PER_HOUR * MICROSECONDS_PER_HOUR + MICROSECONDS_PER_HOUR - 1
    place.write(1, seed=2, changed=lambda _: {"time": NOW - timedelta(seconds=1)})
    read(place, store)
    assert newest(store) == in_rows(store)


def test_newer_hours_without_rows(place: Place, store: Store) -> None:
    """Hours that were only counted, by a backfill, are newer than the newest row: then their end is what is known."""
    place.write(100, seed=1)
    read(place, store)
    with store.write() as connection:
        arrivals.mark_dirty_hours(connection, [("ape", hour_of(NOW) + 5)])
    assert newest(store) == (hour_of(NOW) + 6) * MICROSECONDS_PER_HOUR - 1


def test_databases_of_before(place: Place, store: Store) -> None:
    """The step that adds it finds it in the rows that are there."""
    place.write(100, seed=1)
    read(place, store)
    step = import_module("monitor.store.migrations.versions.v0010_last_seen")
    with store.write() as connection, Operations.context(MigrationContext.configure(connection)):
        step.downgrade()
        step.upgrade()
    assert newest(store) == in_rows(store)
    with store.write() as connection:
        connection.execute(delete(last_seen))
    assert newest(store) != in_rows(store)
