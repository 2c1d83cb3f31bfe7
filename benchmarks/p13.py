"""P13: hourly profiles of log files counted on Spark by one and by two executors, beside one process without Spark."""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import logs
from benchmarks.result import Part, result
from benchmarks.timing import Child, child, digits, spread

LINES, QUICK_LINES, DAYS, RUNS = 1_000_000, 3_000, 30, 3  # two files of equal size, one for each of two cores
WARM_LINES = 100
EXECUTORS, QUICK_EXECUTORS = (0, 1, 2), (0, 2)  # none: this process alone
# JVMs that live a minute: compiling well does not pay
QUICK_JAVA = "JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def run(quick: bool) -> dict[str, Any]:
    """
    Count the same files in turns; the efficiency is what two executors gain over one, halved.

    Quick asks only whether two executors count what this process counts.
    """
    count, times, executors = (QUICK_LINES, 1, QUICK_EXECUTORS) if quick else (LINES, RUNS, EXECUTORS)
    runs: dict[int, list[Child]] = {number: [] for number in executors}
    with tempfile.TemporaryDirectory(prefix="vigie-p13-") as made:
        config = logs.write(Path(made), count, DAYS)
        first = sorted((Path(made) / "logs").iterdir())[0]
        with first.open("rb") as lines:
            (Path(made) / "warm.jsonl").write_bytes(b"".join(lines.readline() for _ in range(WARM_LINES)))
        for _ in range(times):
            for number in executors:
                java = [QUICK_JAVA] if quick else []
                runs[number].append(
                    child("env", *java, sys.executable, "-m", "benchmarks.p13", str(config), str(number))
                )
                print(
                    f"p13: {number} executors, {runs[number][-1].printed['counted_s']:.1f} s",
                    file=sys.stderr,
                    flush=True,
                )
    taken = {number: [one.printed["counted_s"] for one in many] for number, many in runs.items()}
    sums = {one.printed["sum"] for many in runs.values() for one in many}
    same = Part("different results among all runs, here and there", 1, len(sums), "results")
    details = {
        "lines": count, "files": runs[0][0].printed["tasks"],
        "counted_s": {_name(number): spread(many) for number, many in taken.items()},
        "lines_a_second": {_name(number): digits(count / spread(many)["median"]) for number, many in taken.items()},
        "start_s": {_name(number): spread([one.printed["start_s"] for one in runs[number]]) for number in executors[1:]},
        "what": "an executor has one core; starting Spark and a first small reading are not counted in",
    }  # fmt: skip
    if quick:
        return result("p13", quick, [same], details)
    efficiency = spread([100 * one / (2 * two) for one, two in zip(taken[1], taken[2], strict=True)])
    gain = Part("what two executors gain over one, of twice", 70, efficiency["median"], "%", at_most=False)
    return result("p13", quick, [gain, same], {"efficiency_percent": efficiency, **details})


def _name(number: int) -> str:
    return {0: "this process", 1: "1 executor", 2: "2 executors"}[number]


def main(config_path: str, executors: str) -> None:
    """Count all files with so many executors; print seconds and a sum of all profiles."""
    from jobs.backfill import files_of, tasks_of
    from monitor.config import load
    from monitor.engines import days, spark
    from monitor.window import hour_of, start_of

    config, number = load(Path(config_path)), int(executors)
    source = config.sources["api"]
    tasks = tasks_of(source, [source.files])
    read = files_of(config, source, start_of(hour_of(logs.START) + 24 * (DAYS + 1)))
    began = time.perf_counter()
    with ExitStack() as held:
        cluster = held.enter_context(_cluster(number)) if number else None
        if number:  # every executor has read, and imported what that needs
            spark.count(cluster, tasks_of(source, [str(config.path.parent / "warm.jsonl")]) * 2 * number, read)
        started = time.perf_counter()
        found = spark.count(cluster, tasks, read) if number else days.count(tasks, read)
        ended = time.perf_counter()
    whole = hashlib.sha256()
    for key, profile in sorted(found.profiles.items()):
        whole.update(repr(tuple(key)).encode() + profile.to_bytes())
    print(
        json.dumps(
            {"counted_s": ended - started, "start_s": started - began, "sum": whole.hexdigest(), "tasks": len(tasks)}
        )
    )


@contextmanager
def _cluster(number: int) -> Iterator[Any]:
    """Start executors of one core on this machine, and a folder for what Spark writes."""
    import pyspark

    from monitor.engines import spark

    there = Path(pyspark.__file__).parent
    with tempfile.TemporaryDirectory(prefix="vigie-p13-spark-", ignore_cleanup_errors=True) as home:
        for name in ("bin", "jars", "python"):
            (Path(home) / name).symlink_to(there / name)
        os.environ.update(SPARK_HOME=home, SPARK_LOCAL_IP="127.0.0.1", PYTHONPATH=str(Path(__file__).parents[1]))
        with spark.session(f"local-cluster[{number},1,1024]") as started:
            yield started


if __name__ == "__main__":
    main(*sys.argv[1:])
