"""
Soak: a week of 30 models at 600 times the clock, with every job of the service; then a scheduler that is killed a hundred times.

The clock goes from slot to slot, never faster than 600 seconds in one, and waits at each until all that is due has ended. Lines are
written by the product's own writer, mails go to a relay. For a day and a half the embedder of 21 models is broken: they must be told
together. Afterwards the scheduler is killed again and again in the middle of its work, while nothing happens: nobody may be told anything.
"""

import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from benchmarks.kill.forks import nursery
from benchmarks.outbox.relay import Relay
from benchmarks.result import Part, result
from benchmarks.soak.runner import Clock
from benchmarks.soak.traffic import Traffic
from benchmarks.timing import digits
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.summarise import summarise
from jobs.timetable import JOBS
from monitor.config import Config, load
from monitor.store import incidents, outbox, schema
from monitor.store.store import Store
from monitor.store.tables import job_run
from monitor.window import Window, microseconds, moment

BEGIN = datetime(2026, 3, 16, tzinfo=UTC)  # a Monday, two weeks behind the first line
REFERENCE_DAYS = 14
LOOK_SECONDS = 0.02
LONGEST_S = 0.3  # a scheduler is killed so many seconds into a slot
ENDED = {"ok", "failed", "timeout", "skipped"}
REPORT = (7, 15)  # hour and minute
OPS, HEAD = "ops@stat.example", "head@stat.example"
CONFIG = """\
data_dir: data
schedule: {{ingest_seconds: 3600, notify_seconds: 3600}}
working_hours: {{zone: UTC}}
routes:
  - {{to: {ops}, receives: [incidents, service]}}
  - {{to: {head}, receives: [weekly]}}
delivery: {{smtp: {{host: 127.0.0.1, port: {port}, starttls: never}}}}
models:
{models}
sources:
{sources}
"""


@dataclass(frozen=True)
class Size:
    """
    Say how many models there are, how many of them share the embedder, lines a day of each, days and kills.

    `speed` is how many seconds of the clock pass in one at the most; a slot that has not ended in `patience_s` is lost, and ends all.
    """

    models: int
    behind: int
    per_day: int
    days: float
    kills: int
    outage_hours: tuple[int, int]
    speed: float = np.inf
    patience_s: float = 300.0
    variant: str = "ours"


FULL = Size(30, 21, 300, 7.35, 100, (57, 93), 600.0)  # to the second weekly report
QUICK = Size(2, 1, 1200, 0.35, 3, (1, 6))
CONTROL = Size(1, 0, 24, 0.1, 0, (0, 0), patience_s=5.0, variant="forgetful")


@dataclass
class Week:
    """Hold what is measured on the way: seconds of each wait, slots that never ended, memory by the hour."""

    waits: dict[datetime, float] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)  # hours since the beginning, MiB

    @property
    def slope(self) -> float:
        """Return the growth of the scheduler's memory in MiB an hour of the clock, its first quarter left out."""
        later = np.array(self.memory[len(self.memory) // 4 :], float)
        return float(np.polyfit(later[:, 0], later[:, 1], 1)[0])

    @property
    def longest_report_s(self) -> float:
        """Return the longest wait for the slots among which the weekly reports are."""
        return max(
            (taken for at, taken in self.waits.items() if at.weekday() == 0 and (at.hour, at.minute) == REPORT),
            default=0.0,
        )


def run(quick: bool) -> dict[str, Any]:
    """Run the week, the kills, and a scheduler that forgets a job: it must be caught."""
    size = QUICK if quick else FULL
    found, lost = campaign(size), campaign(CONTROL)["lost"]
    stirred, behind = found.pop("stirred"), {f"m{number:02d}" for number in range(size.behind)}
    parts = [
        Part("slots lost", 0, len(found["lost"]), "slots"),
        Part("slots that failed", 0, sum(found["states"].values()) - found["states"].get("ok", 0), "slots"),
        Part("lost by a scheduler that forgets a job", 1, len(lost), "slots", at_most=False),
        Part("growth of the scheduler's memory", 1.0, found["slope"], "MiB an hour of the clock"),
        Part("models with an incident in which nothing changed", 0, len(stirred - behind), "models"),
        Part("models behind the broken embedder with an incident", size.behind, len(stirred & behind), "models", at_most=False),
        Part("messages that open their trouble", 1, found["openings"], "messages"),
        Part("messages while the scheduler was killed and nothing happened", 0, found["unasked"], "messages"),
    ]  # fmt: skip
    if not quick:
        parts += [Part("weekly reports of 30 models", 60, found["longest_report_s"], "s"),
                  Part("seconds of the clock in one", 0.98 * size.speed, found["speed"], "s", at_most=False)]  # fmt: skip
    return result("soak", quick, parts, found)


def campaign(size: Size) -> dict[str, Any]:
    """Run one size, and return what was counted."""
    relay = Relay("soak")
    relay.is_mended = True
    with tempfile.TemporaryDirectory(prefix="vigie-soak-") as made:
        try:
            return _counted(Path(made), size, relay)
        finally:
            relay.close()


def _counted(folder: Path, size: Size, relay: Relay) -> dict[str, Any]:
    names = [f"m{number:02d}" for number in range(size.models)]
    config = _configured(folder, names, size, relay.port)
    first, last = (BEGIN + timedelta(hours=hour) for hour in size.outage_hours)
    traffic = Traffic(folder, names, size.per_day, broken=names[: size.behind], outage=(first, last))
    store = Store.open(config.database)
    schema.upgrade(store)
    _prepare(store, config, traffic)
    clock, draw = Clock(folder / "clock"), random.Random("soak")
    clock.set(BEGIN)
    leader, at_first = Leader(store, config, clock, traffic, size), _bytes(config)
    with nursery(folder, "benchmarks.soak.runner", str(config.path), size.variant) as start:
        leader.runner, began = start("go"), time.monotonic()
        try:
            leader.until(BEGIN + timedelta(days=size.days))
            seconds, grown = time.monotonic() - began, _bytes(config) - at_first
            before = _told(store)
            for _ in range(size.kills):
                leader.step(lambda: leader.kill(draw.uniform(0, LONGEST_S), start))
        finally:
            os.kill(leader.runner, signal.SIGKILL)
    traffic.close()
    week, unasked = leader.week, len(_told(store)) - len(before)
    with store.read() as connection:
        stirred = {one.model for one in incidents.all(connection)}
    states = Counter(_newest(store, leader.due).get(one, "never") for one in leader.due)
    store.engine.dispose()
    return {
        "models": size.models, "days": size.days, "lines": traffic.lines, "slots": len(leader.due), "states": dict(states),
        "lost": week.lost, "kills": leader.killed, "stirred": stirred, "openings": sum(map(_opens, before)), "unasked": unasked,
        "messages": dict(Counter(f"{one['facts']['kind']} {one['event']} {one['state']}" for one in before)),
        "mails_at_the_relay": len(relay.books.arrived), "slope": week.slope, "scheduler_mib": digits(week.memory[-1][1]),
        "grown_mib": digits(grown / 2**20), "longest_wait_s": digits(max(week.waits.values())),
        "longest_report_s": digits(week.longest_report_s), "seconds": round(seconds), "speed": digits(size.days * 86400 / seconds),
    }  # fmt: skip


def _configured(folder: Path, names: list[str], size: Size, port: int) -> Config:
    models = "\n".join(
        f"  {name}: {{segment: caller, thresholds: [{{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}}]"
        + (", shares: [embedder]}" if number < size.behind else "}")
        for number, name in enumerate(names)
    )
    sources = "\n".join(f"  api-{name}: {{files: logs/{name}.jsonl*, format: vigie_line, identity: by_request_id, model: {name}}}"
                        for name in names)  # fmt: skip
    (folder / "logs").mkdir()
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(ops=OPS, head=HEAD, port=port, models=models, sources=sources), encoding="utf-8")
    return load(path)


def _prepare(store: Store, config: Config, traffic: Traffic) -> None:
    """Read two weeks of every model, and pin them as normal."""
    for hour in range(-24 * REFERENCE_DAYS, 0):
        traffic.hour(BEGIN + timedelta(hours=hour))
    ingest(store, config, BEGIN)
    summarise(store, config, BEGIN)
    window = Window.of(BEGIN - timedelta(days=REFERENCE_DAYS), BEGIN)
    for name in config.models:
        pin(store, config, BEGIN, name, window, by="benchmark", reason="a quiet fortnight")


@dataclass
class Leader:
    """Set the clock from slot to slot, write the lines of each hour, and wait for what is due."""

    store: Store
    config: Config
    clock: Clock
    traffic: Traffic
    size: Size
    week: Week = field(default_factory=Week)
    runner: int = 0
    killed: int = 0
    due: set[tuple[str, int]] = field(default_factory=set)
    written: datetime = BEGIN
    paced: float = field(default_factory=time.monotonic)

    def until(self, end: datetime) -> None:
        """Take all steps before `end`; a lost slot ends it."""
        while self._next() < end and not self.week.lost:
            self.step()

    def step(self, meanwhile: Any = lambda: None) -> None:
        """Set the clock to the next slot of any job, not sooner than the pace allows; wait until all that is due has ended."""
        now, at = self.clock(), self._next()
        while self.written + timedelta(hours=1) <= at:
            self.traffic.hour(self.written)
            self.written += timedelta(hours=1)
        self.paced = max(self.paced + (at - now).total_seconds() / self.size.speed, time.monotonic())
        time.sleep(max(0.0, self.paced - time.monotonic()))
        self.clock.set(at)
        slots = {(job.name, microseconds(job.slot(self.config, at))) for job in JOBS}
        self.due |= {one for one in slots if moment(one[1]) > BEGIN}
        began = time.monotonic()
        meanwhile()
        while left := self._left(slots):
            if time.monotonic() - began > self.size.patience_s:
                self.week.lost += [f"{name} of {moment(slot_us):%a %H:%M}" for name, slot_us in left]
                break
            time.sleep(LOOK_SECONDS)
        self.week.waits[at] = time.monotonic() - began
        if not self.killed:
            self.week.memory.append(((at - BEGIN).total_seconds() / 3600, _resident_mib(self.runner)))

    def kill(self, after_s: float, start: Any) -> None:
        """End the scheduler in the middle of its work, and start another one."""
        time.sleep(after_s)
        os.kill(self.runner, signal.SIGKILL)
        self.runner, self.killed = start("go"), self.killed + 1

    def _next(self) -> datetime:
        """Return the moment of the next slot of any job: the first minute in which one changes."""
        at = self.clock()
        now = {job.name: job.slot(self.config, at) for job in JOBS}
        while all(job.slot(self.config, at) == now[job.name] for job in JOBS):
            at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return at

    def _left(self, slots: set[tuple[str, int]]) -> list[tuple[str, int]]:
        states = _newest(self.store, slots)
        return sorted(one for one in slots if moment(one[1]) > BEGIN and states.get(one) not in ENDED)


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _bytes(config: Config) -> int:
    return (config.data_dir / "vigie.db").stat().st_size


def _told(store: Store) -> list[dict[str, Any]]:
    """Return the messages about incidents and about Vigie itself; reports come when they are due."""
    with store.read() as connection:
        every = [one | {"facts": json.loads(one["facts"])} for one in outbox.latest(connection, 100_000)]
    return [one for one in every if one["facts"]["kind"] in {"incident", "service"} and one["event"] != "closed"]


def _opens(message: dict[str, Any]) -> bool:
    """Say whether it is a message to the operators that opens an incident or a group of them, and left; not what joins one."""
    facts = message["facts"]
    is_first = facts["kind"] == "incident" and "first" not in facts.get("group", {})
    return is_first and (message["recipient"], message["event"], message["state"]) == (OPS, "opened", "sent")


def _newest(store: Store, slots: set[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Return the state of each slot's newest attempt."""
    since = min(slot_us for _, slot_us in slots)
    query = select(job_run.c.job, job_run.c.slot_us, job_run.c.state).where(job_run.c.slot_us >= since)
    with store.read() as connection:
        rows = connection.execute(query.order_by(job_run.c.attempt)).all()
    return {(row.job, row.slot_us): row.state for row in rows}
