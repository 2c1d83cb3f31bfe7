"""P5: the verdict, and the counts of any window of 90 days, from stored profiles: in a warm process and a cold one."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ninety_days
from benchmarks.result import Part, result
from benchmarks.timing import digits, in_turns, python
from jobs.status import verdicts
from monitor.config import load
from monitor.store import profiles, readings
from monitor.store.store import Store
from monitor.store.tables import profile
from monitor.window import Window

GOAL_WARM_MS, GOAL_COLD_S = 50.0, 1.0
LENGTHS_DAYS = (1, 7, 30, 90)
METRIC = "confidence"


def run(quick: bool) -> dict[str, Any]:
    """Fill one store and ask it; the floor reads the same bytes from SQLite without decoding them."""
    size, times = (ninety_days.QUICK, 2) if quick else (ninety_days.Size(1_000_000), 9)
    with tempfile.TemporaryDirectory(prefix="vigie-p5-") as made:
        path, window = ninety_days.write(Path(made), size)
        asked = questions(path, window)
        in_turns(asked, 1)
        taken = in_turns(asked, times)
        cold = in_turns({"vigie status": lambda: python("-m", "jobs.cli", "--config", str(path), "status"),
                         "floor: python -c pass": lambda: python("-c", "pass")}, times)  # fmt: skip
    longest = f"counts of {window.hours // 24} days"
    worst, verdict = taken[longest]["median"], taken["verdict"]["median"]
    parts = [Part(f"verdict and {longest}, warm", GOAL_WARM_MS, 1000 * (verdict + worst), "ms"),
             Part("verdict alone, warm", GOAL_WARM_MS, 1000 * verdict, "ms"),
             Part("verdict, cold process", GOAL_COLD_S, cold["vigie status"]["median"], "s")]  # fmt: skip
    floor = taken["floor: the same bytes"]["median"]
    return result("p5", quick, parts, {"predictions": size.predictions, "hours": window.hours, "warm_s": taken, "cold_s": cold,
                                       "ours_times_slower_than_floor": digits(worst / floor)})  # fmt: skip


def questions(path: Path, window: Window) -> dict[str, Callable[[], None]]:
    """Return what pages and mails ask of the store, and the floor that reads the same rows and decodes none."""
    config = load(path)
    store, now = Store.open(config.database, read_only=True), ninety_days.now_after(window)

    def verdict() -> None:
        assert verdicts(store, config, now)

    def counts(days: int) -> None:
        with store.read() as connection:
            part = Window(window.end - 24 * days, window.end)
            assert profiles.total(connection, ninety_days.MODEL, part).records

    def series() -> None:
        with store.read() as connection:
            assert readings.history(connection, ninety_days.MODEL, METRIC, window).height

    def floor() -> None:
        with store.read() as connection:
            assert connection.execute(profile.select()).all()

    asked = {"verdict": verdict, f"series of {METRIC}": series, "floor: the same bytes": floor}
    asked |= {
        f"counts of {days} days": (lambda days=days: counts(days))
        for days in sorted({min(days, window.hours // 24) for days in LENGTHS_DAYS})
    }
    return asked
