"""Somebody is told, once, when the feed or Vigie itself needs them."""

from datetime import datetime, timedelta

import pytest

from jobs.detect import detect
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.summarise import summarise
from jobs.watch import watch
from monitor.store import outbox, runs
from monitor.store.store import Store
from monitor.verdict import Verdict
from monitor.window import Window, hour_of, microseconds
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


def test_each_silence(quick_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second silence on the same day is another one."""
    config = quick_place.configure()

    def silent_since(last: datetime) -> None:
        told = Verdict("SILENT", "No prediction", None, None)
        monkeypatch.setattr("jobs.watch.verdicts", lambda *_: [("ape", told, {"last_us": microseconds(last)})])

    with opened(quick_place.database) as store:
        for last in (6, 7, 7):
            silent_since(NOW.replace(hour=last))
            watch(store, config, NOW.replace(hour=last + 2))
        assert subjects(store).count("service:silent:ape") == 2


def test_killed_job(quick_place: Place) -> None:
    """A job whose child is killed in each of its slots is told of once, beside jobs that run every minute."""
    config = quick_place.configure()
    with opened(quick_place.database) as store:
        for hour in range(6):
            with store.write() as connection:
                at = microseconds(NOW + timedelta(hours=hour))
                runs.claim(connection, "labels", at, "host:999999:1", at)
                for minute in range(60):
                    slot = at + minute * 60_000_000
                    for job in ("ingest", "act", "watch", "notify"):
                        fence = runs.claim(connection, job, slot, "host:1:1", slot)
                        runs.finish(connection, (job, slot, fence or 0), "ok", "", "", now_us=slot)
            watch(store, config, NOW + timedelta(hours=hour))
            assert subjects(store).count("service:job:labels") == (hour >= 3)
        with store.read() as connection:
            assert "killed" in outbox.about(connection, "service:job:labels")[0]["facts"]


def test_one_source_of_two_falls_silent(quick_place: Place) -> None:
    """A pod that stops writing while the other goes on is told of; the model itself is not silent."""
    other_pod = "sources:\n  other-pod: {files: pod/ape.jsonl*, format: vigie_line, model: ape}\n"
    config = quick_place.configure(replaced=("sources:\n", other_pod))
    (quick_place.folder / "pod").mkdir()
    other = Place(quick_place.folder / "pod-writer", quick_place.database)
    (other.folder / "logs").mkdir(parents=True)
    other.write(6000, seed=1, hours=21 * 24)
    other.log.rename(quick_place.folder / "pod" / "ape.jsonl")
    quick_place.write(6000, hours=21 * 24)
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        pin(store, config, NOW, "ape", Window(hour_of(NOW) - 20 * 24, hour_of(NOW)), by="local", reason="quiet weeks")
        watch(store, config, NOW)
        assert subjects(store) == []
        quick_place.write(150, seed=2, first=NOW, hours=12)
        later = NOW + timedelta(hours=12)
        ingest(store, config, later)
        watch(store, config, later)
        watch(store, config, later + timedelta(minutes=5))
        assert subjects(store) == ["service:source:silent:other-pod"]


def test_refused_lines_are_told(quick_place: Place) -> None:
    """A format that changed refuses lines in numbers: told once a day, with the reason."""
    config = quick_place.configure()
    quick_place.write(300)
    with quick_place.log.open("a", encoding="utf-8") as log:
        log.writelines('{"vigie": 1, "time": "2026-09-01T10:00:00", "text": "a", "topk": []}\n' for _ in range(150))
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        for later in (0, 5, 10):
            watch(store, config, NOW + timedelta(minutes=later))
        assert subjects(store) == ["service:source:refusing:api"]
        with store.read() as connection:
            (sent,) = (row for row in outbox.latest(connection, 50) if row["subject"].startswith("service:source"))
        assert "no_time_zone" in str(sent)
