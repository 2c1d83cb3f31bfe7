"""Somebody is told, once, when the feed or Vigie itself needs them."""

from datetime import timedelta

from jobs.detect import detect
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.summarise import summarise
from jobs.watch import watch
from monitor.store import outbox
from monitor.store.store import Store
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place, opened


def subjects(store: Store) -> list[str]:
    """Return what the messages about the service tell of."""
    with store.read() as connection:
        return [row["subject"] for row in outbox.latest(connection, 50) if row["subject"].startswith("service:")]


def test_silence_is_told_once(quick_place: Place) -> None:
    """A model that should have answered some fifty calls by now, and did not, is told of once per silence."""
    config = quick_place.configure()
    quick_place.write(6000, hours=21 * 24)
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        pin(store, config, NOW, "ape", Window(hour_of(NOW) - 20 * 24, hour_of(NOW)), by="local", reason="quiet weeks")
        detect(store, config, NOW)
        watch(store, config, NOW + timedelta(hours=1))
        assert subjects(store) == []
        for later in (6, 7, 30):
            watch(store, config, NOW + timedelta(hours=later))
        assert subjects(store).count("service:silent:ape") == 1
