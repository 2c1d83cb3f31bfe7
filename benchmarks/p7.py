"""P7: one hour of a model with 130 metrics through the detection job, and through the engine alone."""

import sqlite3
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks import ninety_days
from benchmarks.result import Part, result
from benchmarks.timing import digits, seconds, spread
from jobs.detect import detect
from monitor.config import Config, load
from monitor.detection import detector
from monitor.detection.baseline import Baseline
from monitor.profiles.profile import Profile
from monitor.store import detectors, profiles, references
from monitor.store.store import Store
from monitor.window import Window, start_of

GOAL_HOUR_MS, GOAL_ENGINE_MS = 50.0, 1.0
GROUPS = 24  # values of one more field, to make about 130 metrics
MODEL = ninety_days.MODEL


def run(quick: bool) -> dict[str, Any]:
    """Judge hour after hour; the floor writes as many rows through sqlite3, durably, in a transaction an hour."""
    wide = ninety_days.Size(400_000, days=28, reference_days=21, groups=GROUPS, unjudged_hours=120)
    size = replace(wide, days=16, reference_days=14, unjudged_hours=24) if quick else wide
    with tempfile.TemporaryDirectory(prefix="vigie-p7-") as made:
        path, window = ninety_days.write(Path(made), size)
        config = load(path)
        store = Store.open(config.database)
        hours = Window(window.end - size.unjudged_hours, window.end)
        baseline, engine = _engine(store, config, hours)
        job, floor = [], []
        file = sqlite3.connect(Path(made) / "floor.db", isolation_level=None)
        file.execute("pragma journal_mode=wal")
        file.execute("pragma synchronous=full")
        file.execute("create table reading (model, metric, hour, value, size, expected, low, high, state)")
        for hour in hours:
            now = start_of(hour + 1) + timedelta(minutes=10)
            job.append(seconds(lambda now=now: detect(store, config, now)))
            floor.append(seconds(lambda: _write(file, len(baseline.seasons))))
        file.close()
    parts = [Part("one hour through the job", GOAL_HOUR_MS, 1000 * spread(job)["median"], "ms"),
             Part("of which the engine", GOAL_ENGINE_MS, 1000 * spread(engine)["median"], "ms")]  # fmt: skip
    return result("p7", quick, parts, {
        "metrics": len(baseline.seasons), "bets": len(baseline.lines), "job_s": spread(job), "engine_s": spread(engine),
        "floor": {"what": "sqlite3 writes as many readings in one durable transaction", "seconds": spread(floor),
                  "job_times_slower": digits(spread(job)["median"] / spread(floor)["median"])}})  # fmt: skip


def _engine(store: Store, config: Config, hours: Window) -> tuple[Baseline, list[float]]:
    with store.read() as connection:
        row = references.active(connection, MODEL)
        assert row is not None
        saved = detectors.load(connection, MODEL, row.id)
        assert saved is not None
        known = profiles.by_hour(connection, MODEL, hours)
    baseline, state, taken = Baseline.from_bytes(row.baseline), detector.State.from_bytes(saved.state), []
    states = [state]
    for hour in hours:
        profile = known.get(hour, Profile())
        taken.append(
            seconds(lambda p=profile: states.append(detector.advance(states[-1], baseline, p, config.detection)[0]))
        )
    return baseline, taken


def _write(file: sqlite3.Connection, rows: int) -> None:
    file.execute("begin immediate")
    file.executemany("insert into reading values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     [(MODEL, f"metric{n}", 1, 0.5, 100.0, 0.5, 0.4, 0.6, "judged") for n in range(rows)])  # fmt: skip
    file.execute("commit")
