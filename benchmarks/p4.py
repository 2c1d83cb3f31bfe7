"""P4: log lines to a verdict for every hour in one cold process, beside the bare decoder and Evidently."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import logs
from benchmarks.result import Part, result
from benchmarks.timing import Child, digits, python, spread
from monitor.window import hour_of

GOAL_S, GOAL_LINES = 4.0, 1_000_000
GOAL_ONE_WINDOW, GOAL_ALL_HOURS = 6, 400
DAYS, QUICK_DAYS = 30, 17  # two weeks are pinned, the rest is judged
PEER_HOURS = 5


def run(quick: bool) -> dict[str, Any]:
    """Write one set of files; run ours, the floor and the peer in turns, each as a cold process with an empty store."""
    count, days, times = (5_000, QUICK_DAYS, 1) if quick else (GOAL_LINES, DAYS, 3)
    with tempfile.TemporaryDirectory(prefix="vigie-p4-") as made:
        folder = Path(made)
        config = logs.write(folder, count, days)
        files = sorted(str(file) for file in (folder / "logs").iterdir())
        rivals = {"ours": lambda: _cold(config, days), "floor": lambda: python("-m", "benchmarks.peers.parse", *files)}
        if not quick:
            rivals["peer"] = lambda: python("-m", "benchmarks.peers.evidently_windows", str(PEER_HOURS), *files)
        runs: dict[str, list[Child]] = {"ours": [], "floor": [], "peer": []}
        for _ in range(times):
            for name, work in rivals.items():
                runs[name].append(work())
                print(f"p4: {name} {runs[name][-1].seconds:.1f} s", file=sys.stderr, flush=True)
        size = sum(Path(file).stat().st_size for file in files)
        stored = (folder / "data/vigie.db").stat().st_size
    return _told(quick, (count, size, stored), runs)


def _cold(config: Path, days: int) -> Child:
    shutil.rmtree(config.parent / "data", ignore_errors=True)
    return python("-m", "benchmarks.cold", str(config), str(hour_of(logs.START) + 24 * days))


def _told(quick: bool, size: tuple[int, int, int], runs: dict[str, list[Child]]) -> dict[str, Any]:
    (count, size_bytes, stored_bytes), (ours, floor, peer) = size, runs.values()
    taken, bare = spread([one.seconds for one in ours]), spread([one.seconds for one in floor])
    parts = [Part("cold process, lines to verdicts", GOAL_S, taken["median"], f"s for {count} lines"),
             Part("lines a second, whole process", GOAL_LINES / GOAL_S, count / taken["median"], "lines/s", at_most=False)]  # fmt: skip
    stages = {name: spread([one.printed["stages_s"][name] for one in ours]) for name in ours[0].printed["stages_s"]}
    details: dict[str, Any] = {
        "lines": count, "bytes_a_line": round(size_bytes / count), "store_mib": round(stored_bytes / 2**20, 1), "days": QUICK_DAYS if quick else DAYS, "seconds": taken, "stages_s": stages,
        "hours_judged": ours[0].printed["hours_judged"], "verdict": ours[0].printed["verdict"],
        "ingest_lines_a_second": digits(count / stages["ingest"]["median"]),
        "peak_mib": spread([one.peak_mib for one in ours]),
        "floor": {"what": "msgspec decodes every line, one process, nothing kept", "seconds": bare,
                  "ours_times_slower": digits(taken["median"] / bare["median"])},
    }  # fmt: skip
    details["peer"] = "not run: --quick" if not peer else _peer(peer, taken["median"], parts)
    return result("p4", quick, parts, details)


def _peer(peer: list[Child], ours_s: float, parts: list[Part]) -> dict[str, Any]:
    """Describe Evidently's runs; the time for all hours is its mean hourly window times the hours, and says so."""
    stages = {name: spread([one.printed["stages_s"][name] for one in peer]) for name in peer[0].printed["stages_s"]}
    one_window = sum(stage["median"] for stage in stages.values())
    hourly = spread([one.printed["hourly_window_s"] for one in peer])
    hours = DAYS * 24
    every = stages["imports"]["median"] + stages["load"]["median"] + hours * hourly["median"]
    parts += [
        Part("Evidently on one window, times ours", GOAL_ONE_WINDOW, one_window / ours_s, "times", at_most=False),
        Part("Evidently on all hours, times ours", GOAL_ALL_HOURS, every / ours_s, "times", at_most=False),
    ]
    return {"what": "Evidently, ValueDrift on six columns against the first tenth; it stores nothing", "stages_s": stages,
            "one_window_s": digits(one_window), "hourly_window_s": hourly,
            "all_hours_s": f"{digits(every)} = {hours} windows, computed from {PEER_HOURS} measured ones",
            "peak_mib": spread([one.peak_mib for one in peer])}  # fmt: skip
