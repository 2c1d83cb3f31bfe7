"""The service will look for due work at every tick, and give each job a child process of its own."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from jobs.health import Health
from jobs.timetable import JOBS, Job
from monitor import __version__
from monitor.config import Config
from monitor.store import runs
from monitor.store.store import Store
from monitor.window import microseconds

log = logging.getLogger("vigie")
TICK_SECONDS = 5.0
POLITE_SECONDS = 10.0
BEAT_WAIT_SECONDS = 5.0  # deadlines are looked at between two beats
SLOW_NICENESS = 10


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


@dataclass
class Child:
    """Hold a running job, the slot it was started for, and when it must be gone (monotonic seconds)."""

    job: Job
    slot: datetime
    process: subprocess.Popen[bytes]
    deadline: float


@dataclass
class Runner:
    """
    Tick: reap children, end those past their deadline, start what is due, one child per lane, and beat.

    Of the due jobs of a lane the one that was looked at longest ago goes first, so that a slow one keeps no other waiting
    for good; among new ones the order of a pass holds.

    APScheduler only sets an event at the next slot; the main thread also ticks by itself every few seconds, so that a
    dead scheduler thread or a stepped clock costs punctuality and not work. Claims in the store decide who runs what.
    """

    store: Store
    config: Config
    health: Health
    spawn: Callable[[Config, Job, datetime], subprocess.Popen[bytes]]
    lanes: dict[str, Child] = field(default_factory=dict)
    tried: dict[str, datetime] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)

    def tick(self, moment: datetime) -> None:
        """Do one round of work at `moment`."""
        self._reap()
        for job in sorted(JOBS, key=lambda one: self.turns.get(one.name, 0)):
            slot = job.slot(self.config, moment)
            if job.lane in self.lanes or self.tried.get(job.name) == slot:
                continue
            with self.store.read() as connection:
                done = runs.is_done(connection, job.name, microseconds(slot), microseconds(moment))
            self.tried[job.name] = slot
            self.turns[job.name] = max(self.turns.values(), default=0) + 1
            if not done:
                child = self.spawn(self.config, job, slot)
                self.lanes[job.lane] = Child(job, slot, child, time.monotonic() + job.deadline_s)
        with self.store.write(wait_s=BEAT_WAIT_SECONDS) as connection:
            runs.beat(connection, runs.owner(), microseconds(moment), __version__)
        self.health.ticked(time.monotonic())

    def stop(self) -> None:
        """End all children: a polite signal, ten seconds, then a hard one."""
        for child in self.lanes.values():
            _end(child.process)
        self.lanes.clear()

    def _reap(self) -> None:
        for lane, child in list(self.lanes.items()):
            code = child.process.poll()
            if code is None and time.monotonic() > child.deadline:
                log.error("%s: over its deadline of %.0f s, ended", child.job.name, child.job.deadline_s)
                _end(child.process)
            elif code is None:
                continue
            elif code != 0:
                log.warning("%s of %s ended with %s", child.job.name, child.slot.isoformat(), code)
            del self.lanes[lane]


def run(store: Store, config: Config, wanted: Callable[[], bool] = lambda: True) -> None:
    """Tick until SIGTERM or SIGINT, or until `wanted` says no, then end the children and return."""
    stop, due = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        due.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    ticker = BackgroundScheduler(job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    ticker.add_job(due.set, "interval", seconds=min(config.schedule.ingest_seconds, config.schedule.notify_seconds))
    ticker.start()
    health = Health(config.health.address, config.health.port)
    health.start()
    runner = Runner(store, config, health, spawn)
    log.info("vigie %s runs; health at http://%s:%s/healthz", __version__, config.health.address, health.port)
    try:
        while not stop.is_set() and wanted():
            _safe_tick(runner)
            due.wait(TICK_SECONDS)
            due.clear()
    finally:
        runner.stop()
        health.stop()
        ticker.shutdown(wait=False)


def _safe_tick(runner: Runner) -> None:
    try:
        runner.tick(now())
    except Exception:  # a store that is away for a while must not end the service; /healthz tells
        log.exception("tick failed")


def spawn(config: Config, job: Job, slot: datetime) -> subprocess.Popen[bytes]:
    """Start `vigie job NAME --slot T` in its own process group; it dies with us and the slow lane is nice."""
    arguments = [
        sys.executable,
        "-m",
        "jobs.cli",
        "--config",
        str(config.path),
        "job",
        job.name,
        "--slot",
        slot.isoformat(),
    ]

    def prepare() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if job.lane == "slow":
            os.nice(SLOW_NICENESS)

    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            start_new_session=True, preexec_fn=prepare)  # noqa: PLW1509  # fmt: skip


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, patience in ((signal.SIGTERM, POLITE_SECONDS), (signal.SIGKILL, POLITE_SECONDS)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return
