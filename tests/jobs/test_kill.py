"""
A killed ingest loses nothing and counts nothing twice.

Each round appends lines, starts a real `vigie once ingest` and ends it by kill -9 at a random moment of its reading. The
seed is fixed, the moments are what the machine makes of it. `VIGIE_TEST_KILLS=50` runs that many rounds on each database
(default 8) and prints how many fell between two of its transactions.
"""

import os
import random
import subprocess
import sys
from collections import Counter

from sqlalchemy import func, select

from monitor.config import Config
from monitor.store import runs
from monitor.store.store import Store
from monitor.store.tables import bookmark
from tests.conftest import Place, environment
from tests.jobs.story import contiguous, logged, request_ids, stored

KILLS = int(os.environ.get("VIGIE_TEST_KILLS", "8"))
LINES_A_ROUND = 1000
READY = "import jobs.cli, jobs.ingest, jobs.supervise, jobs.timetable, alembic.command; print('ready', flush=True); jobs.cli.main()"


def start(place: Place) -> "subprocess.Popen[bytes]":
    """Start `vigie once ingest` and return when its modules are loaded."""
    command = [sys.executable, "-c", READY, "--config", str(place.path), "once", "ingest"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), cwd=os.getcwd()
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def killed(child: "subprocess.Popen[bytes]", after_seconds: float) -> bool:
    """Wait for its end at most that long, then kill -9; say whether it had to be killed."""
    try:
        child.wait(after_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
    child.communicate(timeout=60)
    return child.returncode == -9


def position(store: Store) -> int:
    """Return how many bytes of all files are committed as read."""
    with store.read() as connection:
        return int(connection.execute(select(func.sum(bookmark.c.position))).scalar() or 0)


def test_kill_anywhere(place: Place, store: Store, capsys) -> None:
    """After kills at random moments one normal run stores each line exactly once."""
    place.configure("ingest: {batch_mib: 0.02}\n")
    draw = random.Random(2026)
    hit = between = 0
    for number in range(KILLS):
        rotate = place.log.exists() and draw.random() < 0.3
        if rotate:
            os.rename(place.log, place.log.with_name(f"ape.jsonl.{number}"))
        place.write(LINES_A_ROUND, seed=number)
        size = sum(file.stat().st_size for file in place.log.parent.iterdir())
        before = position(store)
        hit += killed(start(place), draw.uniform(0.05, 0.9))
        between += before < position(store) < size

    last = start(place)
    said, trouble = last.communicate(timeout=120)
    assert last.returncode == 0, trouble.decode()
    assert b"ok" in said
    assert request_ids(store) == Counter(row["request_id"] for row in place.written)
    assert stored(store) == logged(f"{place.folder}/logs/*")
    assert contiguous(store)
    with store.read() as connection:
        states = Counter(row["state"] for row in runs.latest(connection))
    assert states["running"] == 0  # what a killed run left behind was taken over
    assert states["abandoned"] + states["ok"] > 1
    assert hit > 0
    with capsys.disabled():
        print(f"\n{store.dialect}: {KILLS} runs, {hit} killed, {between} of them between two of their transactions, "
              f"{len(place.written)} lines stored once")  # fmt: skip


def test_config_is_read(place: Place, store: Store) -> None:
    """The child is the real command: it fails with exit 3 on a bad config.yaml."""
    place.path.write_text("modles: {}\n")
    child = start(place)
    child.communicate(timeout=60)
    assert child.returncode == 3
    assert isinstance(place.configure(), Config)
