"""
Slots: three schedulers side by side on one store, killed and frozen at drawn moments.

Each slot must end well once, nothing may be written under an old fence, and what was cut off must be taken over in time. A
store that forgets its fence runs beside it and must be caught: a campaign that cannot fail shows nothing.

The slots of a round are due together; the clock is set to the next round when all have ended. On PostgreSQL each runner is a
machine of its own to the others, which cannot see whether its processes live; on SQLite all are on one machine.
"""

import fcntl
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.kill.forks import postgres
from benchmarks.result import Part, result
from benchmarks.slots import ledger
from benchmarks.slots.runner import JOBS, PERIOD_S, Clock
from jobs.timetable import every
from monitor.store import schema
from monitor.store.store import Store
from monitor.window import microseconds

RUNNERS = 3
TAKE_OVER = 35 / 30  # of a lease: it runs out, and somebody looks within a sixth of it
FREEZE = 1.5  # of a lease
ROUND_SECONDS = 200.0  # a slot that did not end by then is lost
LOCK_SECONDS = 0.3


@dataclass(frozen=True)
class Plan:
    """Say how much is done: slots, kills and freezes at least, with leases of so many seconds."""

    slots: int
    kills: int
    freezes: int
    lease_s: float
    variant: str = "ours"


AS_SHIPPED = Plan(24, 4, 3, 30.0)
FULL, QUICK = Plan(1008, 60, 20, 6.0), Plan(24, 3, 1, 1.5)
FULL_CONTROL, QUICK_CONTROL = Plan(60, 0, 6, 3.0, "no_fence"), Plan(12, 0, 2, 1.5, "no_fence")


def run(quick: bool) -> dict[str, Any]:
    """Run the campaign on both databases (SQLite alone when quick), once with leases as shipped, and its negative control."""
    plan = QUICK if quick else FULL
    found: dict[str, dict[str, Any]] = {}
    with postgres() as made:
        for name in ("sqlite",) if quick else ("sqlite", "postgresql"):
            found[name] = _campaign(plan, made if name == "postgresql" else None)
            print(f"slots: {name} {found[name]}", file=sys.stderr, flush=True)
        longest = max(one["take_over_s"]["max"] for one in found.values())
        if not quick:
            found["as_shipped"] = _campaign(AS_SHIPPED, made)
            print(f"slots: as shipped {found['as_shipped']}", file=sys.stderr, flush=True)
    control = _campaign(QUICK_CONTROL if quick else FULL_CONTROL, None)
    print(f"slots: control {control}", file=sys.stderr, flush=True)
    parts = [
        Part("slots lost, or ended well twice", 0, sum(one["lost"] + one["twice"] for one in found.values()), "slots"),
        Part("writes under an old fence", 0, sum(one["stale_writes"] for one in found.values()), "writes"),
        Part("such writes by a store without a fence", 1, control["stale_writes"], "writes", at_most=False),
    ]
    if not quick:  # how soon is a question for a machine that does nothing else
        parts += [Part("longest take-over", round(plan.lease_s * TAKE_OVER, 3), longest, "s"),
                  Part("longest take-over with leases as shipped", 35, found["as_shipped"]["take_over_s"]["max"], "s")]  # fmt: skip
    return result("slots", quick, parts, {**found, "negative_control": control})


def _campaign(plan: Plan, postgres: Callable[[], str] | None) -> dict[str, Any]:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vigie-slots-") as made:
        folder = Path(made)
        url = f"sqlite:///{folder}/vigie.db" if postgres is None else postgres()
        store = Store.open(url)
        schema.upgrade(store)
        ledger.prepare(store)
        (folder / "clock").write_bytes(bytes(8))
        crowd = Crowd(folder, url, store, plan)
        try:
            crowd.go()
        finally:
            crowd.end()
        told = ledger.counted(store, {(job.name, slot_us) for slot_us in crowd.rounds for job in JOBS}, crowd.victims)
        store.engine.dispose()
    times = told.take_overs_s or [0.0]
    return {
        "slots": told.slots, "runners": RUNNERS, "lost": told.lost, "twice": told.twice, "stale_writes": told.stale,
        "writes": told.writes, "attempts": told.attempts, **crowd.did, "lease_s": plan.lease_s,
        "take_over_s": {"times": len(told.take_overs_s), "median": round(statistics.median(times), 3),
                        "max": round(max(times), 3)},
        "seconds": round(time.monotonic() - began),
    }  # fmt: skip


@dataclass
class Crowd:
    """Hold the runners, who of them is frozen until when, and what was done to them."""

    folder: Path
    url: str
    store: Store
    plan: Plan
    runners: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    frozen: tuple[float, list[int]] | None = None
    victims: list[ledger.Victim] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)  # slots, in microseconds
    did: dict[str, int] = field(default_factory=lambda: {"killed_children": 0, "killed_runners": 0, "frozen": 0})

    def go(self) -> None:
        """Run rounds until enough slots ended and enough was done to the runners; a slot that does not end stops all."""
        draw, clock = random.Random(f"{self.plan}"), Clock(self.folder / "clock")
        self._next_round()
        self.runners = [self._start(number) for number in range(RUNNERS)]
        for runner in self.runners:
            assert runner.stdout is not None
            assert runner.stdout.readline() == b"ready\n"
        while True:
            until = time.monotonic() + ROUND_SECONDS
            next_blow = time.monotonic() + draw.uniform(0.05, 1.0)
            while (left := self._left()) and time.monotonic() < until:
                self._thaw()
                if time.monotonic() >= next_blow:
                    self._blow(draw, clock)
                    next_blow = time.monotonic() + draw.uniform(0.3, 1.5)
                time.sleep(0.02)
            if left or self._is_enough():
                return
            self._next_round()

    def end(self) -> None:
        """Let the frozen go on for a while, so that what they would write is seen; then end all."""
        if self.frozen is not None:
            time.sleep(max(0.0, self.frozen[0] - time.monotonic()))
            self._thaw()
        time.sleep(self.plan.lease_s / 2)
        for runner in self.runners:
            runner.kill()
            runner.wait()
            if runner.stdout is not None:
                runner.stdout.close()

    def _start(self, number: int) -> "subprocess.Popen[bytes]":
        host = "here" if self.store.dialect == "sqlite" else f"machine{number}"
        command = [sys.executable, "-m", "benchmarks.slots.runner", str(self.folder), self.url, host,
                   str(self.plan.lease_s), self.plan.variant]  # fmt: skip
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def _is_enough(self) -> bool:
        kills = self.did["killed_children"] + self.did["killed_runners"]
        did = len(self.rounds) * len(JOBS) >= self.plan.slots and kills >= self.plan.kills
        return did and self.did["frozen"] >= self.plan.freezes

    def _next_round(self) -> None:
        """Set the clock to the beginning of the next period but one."""
        file, real = self.folder / "clock", datetime.now(UTC)
        ahead = int.from_bytes(file.read_bytes(), "big")
        slot_us = microseconds(every(PERIOD_S, real)) + PERIOD_S * 1_000_000 * (ahead // (PERIOD_S * 1_000_000) + 2)
        descriptor = os.open(file, os.O_WRONLY)
        os.pwrite(descriptor, (slot_us + 1_000 - microseconds(real)).to_bytes(8, "big"), 0)
        os.close(descriptor)
        self.rounds.append(slot_us)

    def _left(self) -> int:
        with self.store.read() as connection:
            return len(JOBS) - ledger.done(connection, self.rounds[-1])

    def _blow(self, draw: random.Random, clock: Clock) -> None:
        """Kill a child, kill a runner, or freeze a runner with its children."""
        kinds = ["child", "child", "runner"] if self.plan.kills else []
        kind = draw.choice([*kinds, "freeze"]) if self.frozen is None else draw.choice(kinds or [""])
        up = [runner for runner in self.runners if self.frozen is None or runner.pid not in self.frozen[1]]
        runner = draw.choice(up)
        family = _children(runner.pid)
        with self.store.read() as connection:
            runs = {int(row.owner.split(":")[1]): row for row in ledger.running(connection)}
        hit = [pid for pid in family if pid in runs]
        if not hit:
            return
        at_us = microseconds(clock() if self.store.dialect == "sqlite" else datetime.now(UTC))
        if kind == "child":
            hit = [draw.choice(hit)]
            _tell(hit, signal.SIGKILL)
            self.did["killed_children"] += 1
        elif kind == "runner":
            _tell([runner.pid], signal.SIGKILL)
            runner.wait()
            if runner.stdout is not None:
                runner.stdout.close()
            number = self.runners.index(runner)
            self.runners[number] = self._start(number)
            self.did["killed_runners"] += 1
        elif kind == "freeze" and not self._freeze([runner.pid, *family]):
            return
        if kind:
            self.victims += [ledger.Victim(runs[pid].job, runs[pid].slot_us, runs[pid].fence, at_us) for pid in hit]

    def _freeze(self, pids: list[int]) -> bool:
        """Stop them for longer than a lease; not one that stopped in the middle of a write to SQLite: its lock stops all."""
        _tell(pids, signal.SIGSTOP)
        if self.store.lock_path is not None and not _is_lent(self.store.lock_path):
            _tell(pids, signal.SIGCONT)
            return False
        self.frozen = time.monotonic() + self.plan.lease_s * FREEZE, pids
        self.did["frozen"] += 1
        return True

    def _thaw(self) -> None:
        if self.frozen is not None and time.monotonic() >= self.frozen[0]:
            _tell(self.frozen[1], signal.SIGCONT)
            self.frozen = None


def _is_lent(lock: Path) -> bool:
    """Say whether the writer's lock can be had soon: nobody stopped with it."""
    descriptor, until = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), time.monotonic() + LOCK_SECONDS
    try:
        while time.monotonic() < until:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(0.001)
        return False
    finally:
        os.close(descriptor)


def _children(parent: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def _tell(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
