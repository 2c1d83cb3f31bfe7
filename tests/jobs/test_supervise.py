"""Each slot of a job is done once, by whoever claims it; a run that was overtaken writes nothing."""

import itertools
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobs.health import Health
from jobs.schedule import Runner
from jobs.supervise import run_due, run_slot
from jobs.timetable import JOBS, NAMED, Job, daily, every
from monitor.config import Config
from monitor.errors import LeaseLost, StoreError
from monitor.store import runs
from monitor.store.store import Store
from monitor.window import EPOCH, microseconds
from tests.conftest import NOW, Place, environment, opened

SLOT = every(60, NOW)
SLOT_US, NOW_US = microseconds(SLOT), microseconds(NOW)


class Verb(Job):
    """A job whose work is handed in."""

    def __init__(self, work: Any) -> None:
        super().__init__("ingest", "fast", 60, lambda _, now: every(60, now))
        object.__setattr__(self, "work", work)

    def verb(self) -> Any:
        return self.work  # type: ignore[attr-defined]


def clock() -> datetime:
    return NOW


def table(store: Store) -> list[tuple[str, int, str]]:
    with store.read() as connection:
        return [(row["state"], row["attempt"], row["line"]) for row in runs.latest(connection)]


def test_one_of_two_processes(place: Place, store: Store) -> None:
    """Two processes started for the same slot: one does it, the other finds it done or held."""
    place.write(500)
    slot = SLOT.isoformat()
    command = [
        sys.executable,
        "-m",
        "jobs.cli",
        "--config",
        str(place.path),
        "job",
        "ingest",
        "--slot",
        slot,
        "--result",
    ]
    children = [subprocess.Popen([*command, str(place.folder / f"{n}.json")], env=environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE) for n in range(2)]  # fmt: skip
    said = [child.communicate(timeout=120)[0].decode() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted('"state": "ok"' in one for one in said) == [False, True]
    assert sorted('"state": "held"' in one for one in said) == [False, True]
    assert table(store) == [("ok", 1, "api: 500 read, 0 duplicate, 0 rejected")]


def test_done_is_done(place: Place, store: Store) -> None:
    """A finished slot is not run again, nor is one before it."""
    calls: list[datetime] = []
    job = Verb(lambda _store, _config, now: calls.append(now) or "did it")
    config = place.configure()
    assert run_due(store, config, job, clock).state == "ok"
    assert run_due(store, config, job, clock).state == "not_due"
    assert run_slot(store, config, job, SLOT, clock).state == "held"
    assert run_slot(store, config, job, SLOT - timedelta(minutes=1), clock).state == "ok"  # asked for by name
    with store.read() as connection:
        assert runs.is_done(connection, "ingest", SLOT_US - 60_000_000, NOW_US)
    assert calls == [NOW, NOW]


def test_clock_that_ran_ahead(place: Place, store: Store) -> None:
    """A run made while the clock was a year ahead does not make today's slots done; each is still done once."""
    config, job = place.configure(), Verb(lambda *_: "did it")
    assert run_due(store, config, job, lambda: NOW + timedelta(days=365)).state == "ok"
    for minutes in (0, 1, 300):
        later = NOW + timedelta(minutes=minutes)
        assert [run_due(store, config, job, lambda at=later: at).state for _ in range(2)] == ["ok", "not_due"]


def test_failed_is_tried_again(place: Place, store: Store) -> None:
    """A failing job ends its run as failed with its trouble, and the slot may be claimed again."""
    outcomes = iter([ZeroDivisionError("boom"), StoreError("away"), None])

    def work(_store: Store, _config: Config, _now: datetime) -> str:
        trouble = next(outcomes)
        if trouble is not None:
            raise trouble
        return "at last"

    config, job = place.configure(), Verb(work)
    assert [run_slot(store, config, job, SLOT, clock).code for _ in range(3)] == [1, 4, 0]
    assert table(store) == [("ok", 3, "at last")]


def test_fence(store: Store) -> None:
    """After a take-over the old fence writes nothing and frees nothing."""
    with store.write() as connection:
        old = runs.claim(connection, "ingest", SLOT_US, "other-host:1:1", NOW_US)
        assert runs.claim(connection, "ingest", SLOT_US, "third-host:1:1", NOW_US) is None
    later = NOW_US + runs.LEASE_US + 1
    with store.write() as connection:
        new = runs.claim(connection, "ingest", SLOT_US, "third-host:1:1", later)
    assert old is not None
    assert new is not None
    assert new > old
    with store.write() as connection:
        assert not runs.renew(connection, "ingest", old, later)
        assert runs.renew(connection, "ingest", new, later)
        runs.finish(connection, ("ingest", SLOT_US, old), "ok", "stale", "", now_us=later)
    assert table(store) == [("running", 2, "")]
    guarded = store.guarded(lambda connection: runs.check(connection, "ingest", old))

    def write() -> None:
        with guarded.write() as connection:
            runs.beat(connection, "stale", later, "0")

    with pytest.raises(LeaseLost):
        write()
    with store.read() as connection:
        assert runs.last_tick_us(connection) is None


def test_overtaken_while_working(place: Place, store: Store) -> None:
    """A job that was overtaken between two of its transactions ends with exit 6 and leaves the run to the other."""

    def work(mine: Store, _config: Config, _now: datetime) -> str:
        with store.write() as connection:  # another host, after our lease ran out
            assert runs.claim(connection, "ingest", SLOT_US, "other-host:1:1", NOW_US + 2 * runs.LEASE_US)
        with mine.write() as connection:
            runs.beat(connection, "stale", NOW_US, "0")
        return "never"

    assert run_slot(store, place.configure(), Verb(work), SLOT, clock).code == LeaseLost.exit_code
    assert table(store) == [("running", 2, "")]


def test_dead_owner(store: Store) -> None:
    """The lease of a process of this host that is gone is free at once."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    host = runs.owner().split(":", 1)[0]
    child.wait(30)
    with store.write() as connection:
        first = runs.claim(connection, "ingest", SLOT_US, f"{host}:{child.pid}:77", NOW_US)
        assert runs.claim(connection, "ingest", SLOT_US, runs.owner(), NOW_US) == (first or 0) + 1
        assert runs.claim(connection, "ingest", SLOT_US, "other-host:1:1", NOW_US) is None  # we live


def test_older_slots_are_skipped(place: Place, store: Store) -> None:
    """After a pause the newest slot does the work of those that never ran."""
    with store.write() as connection:
        for minutes in (3, 2):
            fence = runs.claim(connection, "ingest", SLOT_US - minutes * 60_000_000, "other-host:1:1", NOW_US)
            runs.finish(
                connection, ("ingest", SLOT_US - minutes * 60_000_000, fence or 0), "due", "", "", now_us=NOW_US
            )
    run_slot(store, place.configure(), Verb(lambda *_: "all"), SLOT, clock)
    assert [state for state, _, _ in table(store)] == ["ok", "skipped", "skipped"]


class Process:
    """Stand in for a child that ends when told."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.pid = 2**22 + 1  # no such process

    def poll(self) -> int | None:
        return self.code


def test_runner_starts_each_slot_once(place: Place, store: Store) -> None:
    """A tick starts what is due, one child per lane, and the same slot not again, whatever became of it."""
    started: list[tuple[str, datetime]] = []
    children: list[Process] = []

    def spawn(_config: Config, job: Job, slot: datetime) -> Any:
        started.append((job.name, slot))
        children.append(Process())
        return children[-1]

    runner = Runner(store, place.configure(), Health("127.0.0.1", 0), spawn)
    for _ in range(40):
        runner.tick(NOW)
        assert len(runner.lanes) <= 3
        for child in children:
            child.code = 0
    assert sorted(name for name, _ in started) == sorted(job.name for job in JOBS)
    runner.tick(NOW - timedelta(hours=1))  # the clock was set back
    for child in children:
        child.code = 0
    with store.read() as connection:
        assert runs.last_tick_us(connection) is not None


def test_a_slow_job_starves_none(quick_place: Place) -> None:
    """Where reading takes longer than the time to its next slot, the other jobs of its lane still get their turn each hour."""
    ran: Counter[str] = Counter()
    moment = NOW
    children: dict[str, tuple[Process, datetime]] = {}

    def spawn(_config: Config, job: Job, _slot: datetime) -> Any:
        ran[job.name] += 1
        children[job.name] = (Process(), moment + timedelta(seconds=61 if job.name == "ingest" else 2))
        return children[job.name][0]

    with opened(quick_place.database) as store:
        runner = Runner(store, quick_place.configure(), Health("127.0.0.1", 0), spawn)
        for _ in range(900):
            runner.tick(moment)
            moment += timedelta(seconds=5)
            for process, end in children.values():
                process.code = 0 if moment >= end else None
    assert {name: ran[name] for name in ("summarise", "labels", "detect")} == {"summarise": 2, "labels": 2, "detect": 2}
    assert ran["ingest"] > 60


def test_deadline_beside_a_stuck_writer(quick_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that holds the database past its deadline is ended all the same: no beat waits for it for good."""
    monkeypatch.setattr("jobs.schedule.BEAT_WAIT_SECONDS", 0.02)
    started: list[str] = []

    def spawn(_config: Config, job: Job, _slot: datetime) -> Any:
        started.append(job.lane)
        return Process()

    with opened(quick_place.database) as store, store.write():
        runner = Runner(store, quick_place.configure(), Health("127.0.0.1", 0), spawn)
        for _ in range(2):
            with pytest.raises(StoreError, match="another process writes"):
                runner.tick(NOW)
            for child in runner.lanes.values():
                child.deadline = 0
    assert sorted(started) == ["fast", "fast", "slow", "slow", "talk", "talk"]


def test_run_until_a_signal(place: Place) -> None:
    """`vigie run` says where its health is, and at SIGTERM ends with its children, with 0 and without a traceback."""
    place.write(50)
    command = [sys.executable, "-m", "jobs.cli", "--config", str(place.path), "run"]
    service = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert service.stderr is not None
    said = ""
    while "health at" not in said and (line := service.stderr.readline()):
        said += line
    service.terminate()
    _, trouble = service.communicate(timeout=60)  # until the last holder of its stderr, child or not, is gone
    assert (service.returncode, "Traceback" in said + trouble) == (0, False), said + trouble


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "Australia/Lord_Howe", "Africa/Cairo"])
def test_daily_slots(zone: str) -> None:
    """Over two years, hour by hour, each local day has exactly one slot, also where clocks change."""
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    slots = [daily(2, 30, zone, begin + timedelta(hours=hour)) for hour in range(24 * 730)]
    assert all(slot <= begin + timedelta(hours=hour) for hour, slot in enumerate(slots))
    assert slots == sorted(slots)
    gaps = {later - earlier for earlier, later in itertools.pairwise(slots)} - {timedelta(0)}
    assert gaps <= {timedelta(hours=h) for h in (23, 23.5, 24, 24.5, 25)}
    assert 729 <= len(set(slots)) <= 732


def test_every_job_has_a_verb() -> None:
    """The timetable names functions that exist, and its slots are never in the future."""
    config = Config(models={"ape": {}})
    for job in NAMED.values():
        assert callable(job.verb())
        assert EPOCH < job.slot(config, NOW) <= NOW
