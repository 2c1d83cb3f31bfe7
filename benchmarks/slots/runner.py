"""
Run the product's own scheduler with trivial jobs and an injected clock, until it is killed.

Children are forked, so that a thousand cost no thousand cold starts; what they do under their lease is the product's own
`run_slot`. A job writes a few times, each write a transaction under its fence.
"""

import logging
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.slots import ledger
from jobs.child import bound
from jobs.health import Health
from jobs.schedule import Runner
from jobs.supervise import run_slot
from jobs.timetable import Job, every
from monitor.config import Config
from monitor.errors import StoreError
from monitor.store import runs
from monitor.store.store import Store

PERIOD_S, JOBS_A_LANE, WRITES, TICK_SECONDS = 60, 4, 5, 0.05
LANES = ("fast", "talk", "slow")
LONGEST_PAUSE_S = 0.12


class Clock:
    """Tell the time of the campaign: the machine's, set forward by the microseconds that a file holds."""

    def __init__(self, file: Path) -> None:
        """Open the file; whoever leads the campaign writes it."""
        self.descriptor = os.open(file, os.O_RDONLY)

    def __call__(self) -> datetime:
        """Read it."""
        return datetime.now(UTC) + timedelta(microseconds=int.from_bytes(os.pread(self.descriptor, 8, 0), "big"))


class Trivial(Job):
    """A job that notes a few writes, with pauses in which it can be killed."""

    def verb(self) -> Any:
        """Return its work."""

        def work(store: Store, _config: Config, _now: datetime) -> str:
            with store.read() as connection:
                fence = ledger.fence_of(connection, self.name, OWNERS[0])
            draw = random.Random()
            for _ in range(WRITES):
                time.sleep(draw.uniform(0, LONGEST_PAUSE_S))
                with store.write() as connection:
                    ledger.note(connection, self.name, fence)
            return "noted"

        return work


OWNERS: list[str] = []  # who a forked child is: one name
JOBS = tuple(
    Trivial(f"{lane}{number}", lane, 600, lambda _, now: every(PERIOD_S, now))  # type: ignore[arg-type]
    for lane in LANES for number in range(JOBS_A_LANE)
)  # fmt: skip


class Careless(Store):
    """Forget the fence: what no store may do."""

    def guarded(self, _guard: Any) -> Store:
        """Return the store as it is."""
        return self


@dataclass
class Forked:
    """Stand for a forked child as a Popen does."""

    pid: int
    code: int | None = None
    stderr: None = None

    def poll(self) -> int | None:
        """Return its exit code once it has ended."""
        if self.code is None and (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            self.code = os.waitstatus_to_exitcode(ended[1])
        return self.code


def main(folder: str, url: str, host: str, lease_s: str, variant: str) -> None:
    """Tick until killed; `host` is another machine's name or "here", `variant` is `ours` or `no_fence`."""
    logging.basicConfig(level=logging.CRITICAL)
    clock, store = Clock(Path(folder) / "clock"), Store.open(url)
    config = Config(models={"ape": {}}, data_dir=Path(folder))

    def owner(pid: int | None) -> str:
        here = runs.owner(pid)
        return here if host == "here" else f"{host}:{here.partition(':')[2]}"

    def work(job: Job, slot: datetime) -> int:
        OWNERS.append(owner(None))
        kind = Store if variant == "ours" else Careless
        mine = Store.open(url)
        own = kind(mine.engine, mine.lock_path)
        try:
            return run_slot(own, config, job, slot, clock, who=OWNERS[0], lease_s=float(lease_s)).code
        except StoreError as error:
            return error.exit_code

    runner = Runner(store, config, Health("127.0.0.1", 0), forking(work), JOBS, waits_s=(0.0,) * 3, owner_of=owner)
    print("ready", flush=True)
    while True:
        try:
            runner.tick(clock())
        except StoreError:
            pass
        time.sleep(TICK_SECONDS)


def forking(work: Callable[[Job, datetime], int]) -> Any:
    """Return what a runner starts its children by: each is forked, in a session of its own, and ends with the code of `work`."""

    def spawn(_config: Config, job: Job, slot: datetime) -> Forked:
        prepare = bound()
        child = os.fork()
        if child:
            return Forked(child)
        code = 1
        try:
            os.setsid()
            prepare()
            code = work(job, slot)
        finally:
            os._exit(code)

    return spawn


if __name__ == "__main__":
    main(*sys.argv[1:])
