"""The service will look for due work at every tick, and give each job a child process of its own."""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Connection

from jobs.attest import Manager
from jobs.bound import settings_of
from jobs.child import Child, Tail, end_all, spawn
from jobs.health import Health
from jobs.lookout import Lookout
from jobs.timetable import JOBS, WAITS_S, Job, wait_s
from monitor import __version__
from monitor.config import Config
from monitor.errors import LeaseLost, StoreError
from monitor.store import runs, slots
from monitor.store.store import Store
from monitor.window import microseconds

log = logging.getLogger("vigie")
TICK_SECONDS = 5.0
SOONEST_SECONDS = 1.0  # so often what cannot be ended, or written down, is looked at again
BEAT_WAIT_SECONDS = 5.0  # deadlines are looked at between two beats
STEP_SECONDS, LEAP_SECONDS = 2.0, 3600.0  # of the wall clock against the monotonic one between two ticks
GRACE_SECONDS = 900.0  # for so long the first ingest is waited for; then Vigie itself is what needs somebody
PATIENT = "watch"  # the job that tells of silence: not before one ingest went well


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


@dataclass
class Runner:
    """
    Tick: reap children, end those past their deadline, start what is due, one child per lane, and beat.

    Of the due jobs of a lane the one that was started longest ago goes first, so that a slow one keeps no other waiting
    for good; among new ones the order of a pass holds.

    What is due stands in the store alone: a runner remembers nothing that another one would have to know. Claims decide who
    runs what. APScheduler only sets an event at the next slot; the main thread also ticks by itself every few seconds, so
    that a dead scheduler thread or a stepped clock costs punctuality and not work.
    """

    store: Store
    config: Config
    health: Health
    spawn: Callable[[Config, Job, datetime], "subprocess.Popen[bytes]"]
    jobs: tuple[Job, ...] = JOBS
    waits_s: tuple[float, ...] = WAITS_S
    settings: str = ""  # SHA-256 of those it runs with
    monotonic: Callable[[], float] = time.monotonic
    owner_of: Callable[[int | None], str] = runs.owner
    lanes: dict[str, Child] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    ticked: tuple[datetime, float] | None = None
    calm: tuple[int, float] | None = None  # grace: since when by the clock, until when by the monotonic one

    def tick(self, moment: datetime) -> None:
        """Do one round of work at `moment`."""
        self._look_at_clock(moment)
        self._reap(moment)
        for job, slot in self._due(moment):
            self.turns[job.name] = max(self.turns.values(), default=0) + 1
            child = self.spawn(self.config, job, slot)
            deadline = self.monotonic() + job.deadline_s
            tail = None if child.stderr is None else Tail(child.stderr)
            self.lanes[job.lane] = Child(job, slot, child, self.owner_of(child.pid), deadline, tail=tail)
        with self.store.write(wait_s=BEAT_WAIT_SECONDS) as connection:
            now_us = runs.clock_us(connection, microseconds(moment))
            runs.beat(connection, self.owner_of(None), now_us, __version__, self.settings)
        self.health.ticked(self.monotonic())

    def stop(self, moment: datetime) -> None:
        """End all children, and give back what they held."""
        end_all(self.lanes.values())
        for child in self.lanes.values():
            with suppress(StoreError):  # then the lease runs out by itself
                self._close(child, moment, "abandoned", "ended with the service")
        self.lanes.clear()

    def next_look_s(self) -> float:
        """Return the seconds until the next tick at the latest."""
        looks = [child.next_look() - self.monotonic() for child in self.lanes.values()]
        return max(SOONEST_SECONDS, min([TICK_SECONDS, *looks]))

    def _look_at_clock(self, moment: datetime) -> None:
        """Tell of a stepped clock; a start and a step of an hour forward begin a grace in which nobody is called silent."""
        monotonic, step = self.monotonic(), LEAP_SECONDS + 1
        if self.ticked is not None:
            step = (moment - self.ticked[0]).total_seconds() - (monotonic - self.ticked[1])
            if abs(step) > STEP_SECONDS:
                log.warning("clock_step: the clock was set by %+.0f s", step)
        if step > LEAP_SECONDS:
            self.calm = microseconds(moment), monotonic + GRACE_SECONDS
        self.ticked = moment, monotonic

    def _due(self, moment: datetime) -> list[tuple[Job, datetime]]:
        """Return the job to start in each free lane, with its slot."""
        found: dict[str, tuple[Job, datetime]] = {}
        with self.store.read() as connection:
            for job in sorted(self.jobs, key=lambda one: self.turns.get(one.name, 0)):
                slot = job.slot(self.config, moment)
                free = job.lane not in self.lanes and job.lane not in found
                if free and self._is_due(connection, job, slot, moment):
                    found[job.lane] = job, slot
        return list(found.values())

    def _is_due(self, connection: Connection, job: Job, slot: datetime, moment: datetime) -> bool:
        slot_us, moment_us = microseconds(slot), microseconds(moment)
        if runs.is_done(connection, job.name, slot_us, moment_us):
            return False
        now_us = runs.clock_us(connection, moment_us)
        if job.name == PATIENT and self._is_calm(connection, now_us - moment_us):
            return False
        last = slots.standing(connection, job.name, slot_us, now_us)
        if last.is_held:
            return False
        if last.state in {"", "due", "running"}:  # a running one whose lease is free was cut off with its runner
            return True
        patience = wait_s(job, last.state, last.attempt, self.waits_s)
        return patience is not None and now_us >= last.ended_us + patience * 1e6

    def _is_calm(self, connection: Connection, ahead_us: int) -> bool:
        """Say whether the grace goes on; the store's clock is `ahead_us` before ours."""
        if self.calm is None:
            return False
        since_us, until = self.calm
        if self.monotonic() < until and not slots.has_begun_since(connection, "ingest", since_us + ahead_us):
            return True
        self.calm = None
        return False

    def _reap(self, moment: datetime) -> None:
        for child in self.lanes.values():  # first, and without the store: nothing may keep a deadline
            if child.process.poll() is not None:
                continue
            if child.is_late(self.monotonic()):
                log.error("%s: over its deadline of %.0f s, ended", child.job.name, child.job.deadline_s)
                child.ask(self.monotonic())
            else:
                child.insist(self.monotonic())
        for lane, child in list(self.lanes.items()):
            code = child.process.poll()
            if code is None:
                continue
            if code < 0 or child.asked is not None:
                child.clear()
            if child.asked is not None:
                self._close(child, moment, "timeout", f"over its deadline of {child.job.deadline_s:.0f} s, ended")
            elif code < 0:
                log.warning("%s of %s ended by signal %s", child.job.name, child.slot.isoformat(), -code)
                self._close(child, moment, "abandoned", f"ended by signal {-code}")
            elif code not in {0, LeaseLost.exit_code}:
                log.warning("%s of %s ended with %s", child.job.name, child.slot.isoformat(), code)
                self._close(child, moment, "failed", f"ended with {code} before its work began")
            del self.lanes[lane]

    def _close(self, child: Child, moment: datetime, state: str, line: str) -> None:
        """Write down what a child that is gone could not: that its run was cut off, or never begun; and the last it said on stderr."""
        name, slot_us, moment_us = child.job.name, microseconds(child.slot), microseconds(moment)
        said = "" if child.tail is None else child.tail.text(self.config.privacy.patterns)
        with self.store.write(wait_s=BEAT_WAIT_SECONDS) as connection:
            now_us = runs.clock_us(connection, moment_us)
            last = slots.standing(connection, name, slot_us, now_us)
            if last.owner != child.owner:
                fence = runs.claim(connection, name, slot_us, child.owner, now_us)
            else:
                fence = last.fence if last.state == "running" else None  # else it told by itself
            if fence is not None:
                runs.finish(connection, (name, slot_us, fence), state, line, line, now_us=now_us)
            runs.overhear(connection, (name, slot_us), child.owner, said)


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
    health.guard()
    manager = Manager(os.environ.get("NOTIFY_SOCKET", ""))
    runner, lookout = Runner(store, config, health, spawn, settings=settings_of(config)), Lookout(store, config, health)
    log.info("vigie %s runs; health at http://%s:%s/healthz", __version__, config.health.address, health.port)
    try:
        while not stop.is_set() and wanted():
            safe_tick(runner, lookout, manager, now)
            due.wait(runner.next_look_s())
            due.clear()
    finally:
        manager.stops()
        runner.stop(now())
        health.stop()
        ticker.shutdown(wait=False)


def safe_tick(runner: Runner, lookout: Lookout, manager: Manager, clock: Callable[[], datetime]) -> None:
    """Tick once and look around, whatever fails; who supervises us is told of a tick that was completed."""
    try:
        runner.tick(clock())
        manager.ticked()
        lookout.look(clock(), runner.monotonic())
    except Exception as error:  # a store that is away for a while must not end the service; the probes tell
        runner.health.trouble = str(error) or type(error).__name__
        log.exception("tick failed")
