"""The figures of a day are those of the threshold that was in force on it."""

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs.estimate import estimate
from jobs.ingest import ingest
from jobs.labels import labels
from jobs.pin import pin
from jobs.status import verdicts
from jobs.summarise import summarise
from monitor.config import Config
from monitor.store import estimates
from monitor.store.store import Store
from monitor.window import Window, hour_of, start_of
from tests.conftest import NOW, Place, opened

DAYS = 32
DAY = hour_of(NOW) // 24
REFERENCE = Window((DAY - DAYS) * 24, (DAY - 14) * 24)
THRESHOLD = "thresholds: [{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}]"


@pytest.fixture
def labelled(quick_place: Place) -> Any:
    """Return a store of a month whose every answer was coded, and its place."""
    config = quick_place.configure()
    quick_place.write(DAYS * 60, first=start_of(REFERENCE.first), hours=DAYS * 24)
    file = Path(quick_place.folder / "labels" / "a.csv")
    with opened(quick_place.database) as store, file.open("w", newline="") as out:
        told = csv.writer(out)
        told.writerow(("request_id", "label", "source", "inclusion", "annotator", "labelled_at"))
        for row in quick_place.written:
            if "topk" in row:
                told.writerow((row["request_id"], row["topk"][0][0], "routine", "", "ann", "2026-09-01T10:00:00Z"))
        out.flush()
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        pin(store, config, NOW, "ape", REFERENCE, by="test", reason="usual")
        labels(store, config, NOW)
        yield quick_place, store


def figures(store: Store, config: Config, name: str) -> dict[int, Any]:
    estimate(store, config, NOW)
    with store.read() as connection:
        return {row["day"]: row for row in estimates.history(connection, "ape", name, "estimated")}


def test_threshold_of_the_day(labelled: tuple[Place, Store]) -> None:
    """A threshold from noon of the last day on counts from the day after; figures before it stay what they were."""
    place, store = labelled
    changed = start_of((DAY - 2) * 24) + timedelta(hours=12)
    new = THRESHOLD[:-1] + f", {{from: {changed:%Y-%m-%dT%H:%M:%SZ}, automatic_at: 0.9}}]"
    found = figures(store, place.configure(replaced=(THRESHOLD, new)), "accuracy_automatic")
    for day, row in found.items():
        level = 0.9 if day > DAY - 2 else 0.7
        scores = [r["topk"][0][1] for r in place.written if hour_of(r["time"]) // 24 == day and "topk" in r]
        assert row["size"] == sum(score >= level for score in scores)
    assert max(found) == DAY - 1


def test_no_threshold(labelled: tuple[Place, Store]) -> None:
    """Without a threshold nothing is automatic: no such figure is given, and those of before are taken back."""
    place, store = labelled
    assert all(row["value"] is not None for row in figures(store, place.configure(), "wrong_automatic").values())
    config = place.configure(replaced=("    " + THRESHOLD + "\n", ""))
    for name in ("accuracy_automatic", "wrong_automatic"):
        found = figures(store, config, name)
        assert [row["value"] for row in found.values()] == [None] * len(found)
        assert all("no threshold" in row["note"] for row in found.values())
    assert all(row["value"] is not None for row in figures(store, config, "accuracy").values())


def test_old_audit(labelled: tuple[Place, Store]) -> None:
    """Audited answers of three weeks ago are not today's accuracy where a week is the limit, though figures go on daily."""
    place, store = labelled
    limits = "    audit_days_limit: 7\n    accuracy_half_width_limit: 0.5\n"
    with (place.folder / "labels" / "b.csv").open("w", newline="") as out:
        told = csv.writer(out)
        told.writerow(("request_id", "label", "source", "inclusion", "annotator", "labelled_at"))
        for row in place.written:
            if "topk" in row and row["time"] < NOW - timedelta(days=21):
                told.writerow((row["request_id"], row["topk"][0][0], "audit", "1.0", "ann", "2026-09-01T10:00:00Z"))
    for more, why in (("", None), (limits, "the newest audit is 21 days old (limit 7)")):
        config = place.configure(replaced=("    classes: 4\n", "    classes: 4\n" + more))
        labels(store, config, NOW)
        estimate(store, config, NOW)
        ((_, _, extras),) = verdicts(store, config, NOW)
        assert extras["accuracy"] == why
        with store.read() as connection:
            newest = estimates.latest(connection, "ape")["accuracy_automatic", "measured"]
        assert newest["day"] == DAY - 1
        assert (newest["value"] is None) == bool(more)


def test_audits_need_no_reference(quick_place: Place) -> None:
    """Audited answers measure accuracy before any period was pinned; what is estimated waits for a reference."""
    config = quick_place.configure()
    quick_place.write(200, hours=48)
    answered = [row for row in quick_place.written if "topk" in row][:100]
    with (quick_place.folder / "labels/a.csv").open("w", newline="") as out:
        told = csv.writer(out)
        told.writerow(("request_id", "label", "source", "inclusion", "labelled_at"))
        for number, row in enumerate(answered):
            right = row["topk"][0][0] if number % 10 else "never"
            told.writerow((row["request_id"], right, "audit", "0.5", "2026-09-02T10:00:00Z"))
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        labels(store, config, NOW)
        estimate(store, config, NOW)
        with store.read() as connection:
            found = estimates.latest(connection, "ape")
    assert found["accuracy", "measured"]["value"] == pytest.approx(0.9)
    assert ("accuracy", "estimated") not in found
