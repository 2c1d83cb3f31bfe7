"""
Run the product's scheduler with all its jobs under a clock that a file holds, until it is killed.

Each line on standard input starts one, forked from a process that has everything imported; so are the children it gives each
job. What a child does is the product's own `run_slot` with the product's own job.
"""

import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.kill.forks import serve
from benchmarks.slots.runner import forking
from jobs.health import Health
from jobs.schedule import Runner
from jobs.supervise import run_slot
from jobs.timetable import JOBS, Job
from monitor.config import Config, load
from monitor.errors import StoreError, VigieError
from monitor.store.store import Store

TICK_SECONDS = 0.02
LEASE_SECONDS = 30.0


class Clock:
    """Tell the time of the campaign: the microseconds since 1970 that a file holds."""

    def __init__(self, file: Path) -> None:
        """Open the file, made when it is not there; whoever leads the campaign sets it."""
        self.descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)

    def __call__(self) -> datetime:
        """Read it."""
        return datetime.fromtimestamp(0, UTC) + timedelta(
            microseconds=int.from_bytes(os.pread(self.descriptor, 8, 0), "big")
        )

    def set(self, moment: datetime) -> None:
        """Set it."""
        since = (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
        os.pwrite(self.descriptor, since.to_bytes(8, "big"), 0)


def tick_until_killed(config: Config, jobs: tuple[Job, ...]) -> None:
    """Tick as the service does, only oftener: its clock runs faster."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a runner waits for its children
    clock, store = Clock(config.path.parent / "clock"), Store.open(config.database)

    def work(job: Job, slot: datetime) -> int:
        mine = Store.open(config.database)
        try:
            return run_slot(mine, config, job, slot, clock, lease_s=LEASE_SECONDS).code
        except VigieError as error:
            return error.exit_code

    runner = Runner(store, config, Health("127.0.0.1", 0), forking(work), jobs, waits_s=(0.0,) * 3)
    while True:
        try:
            runner.tick(clock())
        except StoreError as error:
            print(error, file=sys.stderr, flush=True)
        time.sleep(TICK_SECONDS)


def main(path: str, variant: str) -> None:
    """Serve until standard input ends; `variant` is `ours`, or `forgetful`: without its last job."""
    logging.basicConfig(level=logging.CRITICAL)
    config = load(Path(path))
    for job in JOBS:
        job.verb()  # imported before anything is forked
    serve(Path(path).parent, lambda _: tick_until_killed(config, JOBS if variant == "ours" else JOBS[:-1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
