"""Whatever is due is started once, ends at its deadline, and is tried again as the store says, whoever dies meanwhile."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from jobs.health import Health
from jobs.schedule import Runner
from jobs.timetable import JOBS, NAMED, Job
from monitor.config import Config
from monitor.errors import StoreError
from monitor.store import runs
from monitor.store.slots import standing
from monitor.store.store import Store
from monitor.store.tables import heartbeat, lease
from monitor.window import microseconds
from tests.conftest import NOW, Place, environment, opened

GONE = 2**22 + 1  # no such process


@dataclass
class Process:
    """Stand in for a child that ends when told."""

    pid: int = GONE
    code: int | None = None
    stderr: None = None

    def poll(self) -> int | None:
        return self.code


@dataclass
class Bench:
    """Hold a runner whose children are stand-ins, and a clock that only the test moves."""

    store: Store
    config: Config
    jobs: tuple[Job, ...] = JOBS
    end: tuple[str, int] | None = ("ok", 0)  # how a child's run ends in the store, and its exit code; None: it goes on
    begins: bool = True  # a child may die before its claim
    seconds: float = 0.0
    step: timedelta = timedelta(0)  # how far the clock was set
    started: list[tuple[str, datetime]] = field(default_factory=list)
    children: list[Process] = field(default_factory=list)
    runner: Runner = field(init=False)

    def __post_init__(self) -> None:
        self.runner = Runner(self.store, self.config, Health("127.0.0.1", 0), self.spawn, self.jobs,
                             monotonic=lambda: self.seconds, owner_of=lambda pid: f"here:{pid}:0")  # fmt: skip

    @property
    def moment(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds) + self.step

    def spawn(self, _config: Config, job: Job, slot: datetime) -> Any:
        child = Process(GONE + len(self.children))
        self.started.append((job.name, slot))
        self.children.append(child)
        if self.begins:
            with self.store.write() as connection:
                now_us = runs.clock_us(connection, microseconds(self.moment))
                fence = runs.claim(connection, job.name, microseconds(slot), f"here:{child.pid}:0", now_us)
                if fence is not None and self.end is not None and self.end[1] >= 0:
                    run = job.name, microseconds(slot), fence
                    runs.finish(connection, run, self.end[0], "", "", now_us=now_us)
        child.code = None if self.end is None else self.end[1]
        return child

    def ticks(self, seconds: float, every: float = 5.0) -> list[float]:
        """Tick over that many seconds and return at which of them something was started."""
        found, until = [], self.seconds + seconds
        while self.seconds < until:
            before = len(self.started)
            self.runner.tick(self.moment)
            found += [self.seconds] * (len(self.started) - before)
            self.seconds += every
        return found


@pytest.fixture
def bench(quick_place: Place) -> Iterator[Bench]:
    """Return a bench on SQLite: for rules that do not depend on the database."""
    with opened(quick_place.database) as store:
        yield Bench(store, quick_place.configure())


@pytest.fixture(params=[NAMED["detect"], NAMED["shadow"]], ids=["hourly", "daily"])
def single(bench: Bench, request: pytest.FixtureRequest) -> Bench:
    """Return a bench with one job."""
    return Bench(bench.store, bench.config, (request.param,))


def state_of(store: Store, job: str) -> tuple[str, int]:
    """Return state and attempts of the job's newest slot."""
    with store.read() as connection:
        row = next(row for row in runs.newest(connection) if row["job"] == job)
    return row["state"], row["attempt"]


def test_each_slot_once(place: Place, store: Store) -> None:
    """Two runners start each slot once between them, one child per lane, and none again when a clock is set back."""
    one, other = (Bench(store, place.configure()) for _ in range(2))
    for _ in range(8):
        for bench in (one, other):
            bench.ticks(5)
            assert len(bench.runner.lanes) <= 3
    told = [*one.started, *other.started]
    assert len(told) == len(set(told)) == len(JOBS)
    assert other.started
    for one.step in (timedelta(minutes=-1), timedelta(hours=-1)):
        one.ticks(20)
    again = [*one.started, *other.started]
    assert len(again) == len(set(again))


def test_a_slow_job_starves_none(bench: Bench) -> None:
    """Where reading takes longer than the time to its next slot, the other jobs of its lane still get their turn each hour."""
    bench.end = None
    ends: dict[int, float] = {}
    ran: Counter[str] = Counter()
    while bench.seconds < 4500:
        bench.ticks(15, 15)
        for number, child in enumerate(bench.children):
            name, slot = bench.started[number]
            if number not in ends:
                ran[name] += 1
                ends[number] = bench.seconds + (61 if name == "ingest" else 2)
            if child.code is None and bench.seconds >= ends[number]:
                with bench.store.write() as connection:
                    now_us = microseconds(bench.moment)
                    fence = standing(connection, name, microseconds(slot), now_us).fence
                    runs.finish(connection, (name, microseconds(slot), fence), "ok", "", "", now_us=now_us)
                child.code = 0
    assert {name: ran[name] for name in ("summarise", "labels", "detect")} == {"summarise": 2, "labels": 2, "detect": 2}
    assert ran["ingest"] > 40


def test_killed_is_tried_again(single: Bench) -> None:
    """The slot of a child that is killed is taken up at once by its runner, then after waits that grow."""
    single.end = ("", -9)
    assert single.ticks(30) == [0, 5]
    assert single.ticks(2370, 30) == [330, 1560]
    with single.store.read() as connection:
        assert connection.execute(select(lease.c.owner)).scalar_one() == ""


def test_failed_waits(single: Bench) -> None:
    """A job that failed is left to its next slot, one of a day tried again after 5, 20 and 60 minutes; so is one that never began."""
    for single.end, single.begins, waits in ((("failed", 1), True, [0, 300, 1500]), (("", 3), False, [0, 360, 1620])):
        before = single.seconds
        found = [second - before for second in single.ticks(2400, 60)]
        assert found == (waits if single.jobs[0].is_daily else [0])
        assert state_of(single.store, single.jobs[0].name) == ("failed", len(found))
        with single.store.write() as connection:
            runs.skip_older(connection, single.jobs[0].name, 0)
        single.seconds = 86_400.0


def test_grace(bench: Bench) -> None:
    """At the start, and when the clock leaps, nobody tells of silence before one reading went well; a broken one is waited for 15 min."""
    bench.jobs = bench.runner.jobs = (NAMED["ingest"], NAMED["watch"])
    bench.end = ("failed", 1)
    bench.ticks(895)
    assert "watch" not in {name for name, _ in bench.started}
    bench.ticks(70)
    assert "watch" in {name for name, _ in bench.started}
    for bench.step, waits in ((timedelta(minutes=50), False), (timedelta(hours=3), True)):
        bench.started.clear()
        bench.ticks(70)
        assert ("watch" not in {name for name, _ in bench.started}) == waits
    bench.end = ("ok", 0)
    bench.started.clear()
    bench.ticks(60)
    assert [name for name, _ in bench.started][:2] == ["ingest", "watch"]


def test_steps_are_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A clock that is set by more than two seconds between two ticks is told of, with the seconds."""
    bench.runner.jobs = ()
    for seconds in (0, 1, -3610):
        bench.step = timedelta(seconds=seconds)
        bench.ticks(5)
    assert [record.message for record in caplog.records] == ["clock_step: the clock was set by -3611 s"]


def test_deadline_beside_a_stuck_writer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that holds the database past its deadline is ended all the same: no beat waits for it for good."""
    monkeypatch.setattr("jobs.schedule.BEAT_WAIT_SECONDS", 0.02)
    bench.begins, bench.end = False, None
    bench.runner.jobs = (NAMED["act"],)
    with bench.store.write():
        for asked in (False, True):
            with pytest.raises(StoreError, match="another process writes"):
                bench.runner.tick(NOW)
            assert [child.asked is not None for child in bench.runner.lanes.values()] == [asked]
            bench.seconds += NAMED["act"].deadline_s + 1
    bench.children[0].code = -15
    bench.ticks(5)
    assert state_of(bench.store, "act")[0] == "timeout"


def test_run_until_a_signal(place: Place, store: Store) -> None:
    """At SIGTERM `vigie run` ends with its children within 30 s, with 0 and without a traceback, and gives all leases back."""
    place.write(50)
    command = [sys.executable, "-m", "jobs.cli", "--config", str(place.path), "run"]
    service = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert service.stderr is not None
    said = ""
    while "health at" not in said and (line := service.stderr.readline()):
        said += line
    end, held = time.monotonic() + 120, False
    while not held:
        assert time.monotonic() < end
        with store.read() as connection:
            held = bool(connection.execute(select(lease.c.name).where(lease.c.owner != "")).all())
    service.terminate()
    began = time.monotonic()
    _, trouble = service.communicate(timeout=60)  # until the last holder of its stderr, child or not, is gone
    assert (service.returncode, "Traceback" in said + trouble) == (0, False), said + trouble
    assert time.monotonic() - began < 30
    with store.read() as connection:
        assert connection.execute(select(lease.c.name).where(lease.c.owner != "")).all() == []
        assert connection.execute(select(heartbeat.c.runner)).scalars().one().split(":")[1] == str(service.pid)


def test_ticks_of_the_past(store: Store) -> None:
    """A tick that a wrong clock dated a year ahead does not make a dead scheduler look alive."""
    with store.write() as connection:
        runs.beat(connection, "a", microseconds(NOW + timedelta(days=365)), "1")
        runs.beat(connection, "b", microseconds(NOW), "1")
        assert runs.last_tick_us(connection) == microseconds(NOW)


def test_a_hung_service_ends() -> None:
    """A process whose main thread completes no tick ends with 8, so that whoever supervises it starts it again."""
    hung = "from jobs.health import Health\nimport signal\nHealth('127.0.0.1', 0).guard(0.2, 0.05)\nsignal.pause()"
    ended = subprocess.run([sys.executable, "-c", hung], capture_output=True, timeout=60, check=False, cwd=os.getcwd())
    assert (ended.returncode, b"no tick for 0 s" in ended.stderr) == (8, True)
