"""
Kill: one to three readers ended by kill -9 while services write, rotate, copy, truncate and compress.

Afterwards every line must be stored once and every counter exact. A reader that commits its place before its rows runs
beside it and must be caught: a campaign that cannot fail shows nothing.
"""

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.kill.forks import kill_after, nursery, postgres
from benchmarks.kill.writer import Writer
from benchmarks.result import Part, result
from monitor.config import load
from monitor.store import schema
from monitor.store.store import Store
from monitor.store.tables import bookmark, data_loss, prediction, read_range, reject
from monitor.store.tables import source as sources

KILLS, QUICK_KILLS, CONTROL_KILLS = 2000, 24, 60
LINES_A_KILL = 100
LONGEST_S = 0.25
CONFIG = """data_dir: data
database: "{database}"
models: {{ape: {{}}}}
ingest: {{batch_mib: 0.01, settle_seconds: 0}}
sources:
  one: {{files: "logs/one.jsonl*", format: vigie_line, model: ape}}
  two: {{files: "logs/two.jsonl*", format: vigie_line, model: ape}}
"""


def run(quick: bool) -> dict[str, Any]:
    """Run the campaign on both databases (one when quick), and its negative control."""
    kills = QUICK_KILLS if quick else KILLS
    found: dict[str, dict[str, Any]] = {}
    with postgres() as made:
        for name in ("sqlite",) if quick else ("sqlite", "postgresql"):
            found[name] = _campaign(kills, "ours", made if name == "postgresql" else None)
            print(f"kill: {name} {found[name]}", file=sys.stderr, flush=True)
        control = _campaign(CONTROL_KILLS, "offset_first", None)
    wrong = [one["lost"] + one["twice"] + one["counters_wrong"] for one in found.values()]
    parts = [
        Part("lines lost, stored twice, or counted wrongly", 0, sum(wrong), "lines"),
        Part("lines lost by a reader that commits its place first", 1, control["lost"], "lines", at_most=False),
    ]
    return result("kill", quick, parts, {**found, "negative_control": control})


def _campaign(kills: int, variant: str, postgres: Callable[[], str] | None) -> dict[str, Any]:
    draw, began = random.Random(f"{kills}:{variant}"), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vigie-kill-") as made:
        folder = Path(made)
        (folder / "logs").mkdir()
        address = f"sqlite:///{folder}/data/vigie.db" if postgres is None else postgres()
        (folder / "config.yaml").write_text(CONFIG.format(database=address), encoding="utf-8")
        store = Store.open(load(folder / "config.yaml").database)
        schema.upgrade(store)
        writers = [Writer(folder / "logs", name, 7) for name in ("one", "two")]
        killed = _rounds(folder, store, writers, (kills, variant, draw))
        for writer in writers:
            writer.finish()
        for _ in range(2):
            _clean_pass(folder)
        told = _counted(store, writers)
        store.engine.dispose()
    return {"kills": killed, **told, "seconds": round(time.monotonic() - began)}


def _rounds(folder: Path, store: Store, writers: list[Writer], plan: tuple[int, str, random.Random]) -> int:
    """Write and kill until enough readers were killed while they read; returns how many were."""
    kills, variant, draw = plan
    killed = 0
    with nursery(folder, "benchmarks.kill.nursery", str(folder / "config.yaml"), variant) as start:
        while killed < kills:
            for writer in writers:
                writer.rotate(lambda: _all_read(folder, store, writers))
                writer.append(draw.randrange(LINES_A_KILL))
            children = [start("go") for _ in range(draw.choice((1, 1, 2, 3)))]
            killed += kill_after([(draw.uniform(0.005, LONGEST_S), child) for child in children])
    return killed


def _clean_pass(folder: Path) -> None:
    command = [sys.executable, "-m", "jobs.cli", "--config", str(folder / "config.yaml"), "once", "ingest"]
    subprocess.run(command, check=True, capture_output=True, timeout=600)


def _all_read(folder: Path, store: Store, writers: list[Writer]) -> bool:
    """Read what there is without a kill, as slow rotation gives time for; say whether every whole line was reached."""
    _clean_pass(folder)
    with store.read() as connection:
        lag = connection.execute(select(func.sum(sources.c.lag_bytes))).scalar() or 0
    return lag == 0 and bool(writers)


def _stored(store: Store) -> Counter[str]:
    with store.read() as connection:
        return Counter(connection.execute(select(prediction.c.request_id)).scalars())


def _counted(store: Store, writers: list[Writer]) -> dict[str, Any]:
    """Compare what is stored and counted with the writers' books."""
    wanted = {f"{writer.name}-{number}" for writer in writers for number in range(writer.number)}
    there = _stored(store)
    odd = sum((writer.odd for writer in writers), Counter[str]())
    with store.read() as connection:
        names = ("accepted", "lines_read", "lines_rejected", "lines_blank", "duplicate")
        sums = connection.execute(
            select(*(func.coalesce(func.sum(read_range.c[name]), 0).label(name) for name in names))
        ).one()
        rejects = connection.execute(select(func.count()).select_from(reject)).scalar_one()
        losses = connection.execute(select(func.count()).select_from(data_loss)).scalar_one()
        places = dict(connection.execute(select(bookmark.c.id, bookmark.c.position)).tuples().all())
        ends = (
            connection.execute(select(read_range).order_by(read_range.c.bookmark, read_range.c.start)).mappings().all()
        )
    wrong = abs(sums.accepted - len(wanted)) + abs(sums.lines_read - len(wanted)) + sums.duplicate
    wrong += (
        abs(sums.lines_rejected - odd["rejected"])
        + abs(rejects - odd["rejected"])
        + abs(sums.lines_blank - odd["blank"])
    )
    return {
        "lines": sum(writer.written for writer in writers) + odd.total(), "lost": len(wanted - there.keys()),
        "twice": sum(count - 1 for count in there.values()), "counters_wrong": int(wrong) + _untiled(places, ends),
        "losses_reported": losses, "files": len(places),
    }  # fmt: skip


def _untiled(places: dict[int, int], ranges: Any) -> int:
    """Count bookmarks whose ranges do not touch from 0 to their position."""
    at = dict.fromkeys(places, 0)
    broken = set()
    for one in ranges:
        if at[one["bookmark"]] != one["start"]:
            broken.add(one["bookmark"])
        at[one["bookmark"]] = one["end"]
    return len(broken | {name for name in places if at[name] != places[name]})
