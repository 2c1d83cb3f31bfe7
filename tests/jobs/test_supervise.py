"""Each slot of a job is done once, by whoever claims it; a run that was overtaken writes nothing."""

import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs.supervise import run_due, run_slot
from jobs.timetable import NAMED, Job, every
from monitor.config import Config
from monitor.errors import LeaseLost, StoreError
from monitor.store import runs
from monitor.store.store import Store
from monitor.window import EPOCH, microseconds
from tests.conftest import NOW, Place, environment

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


def test_overtaken_at_the_end(place: Place, store: Store) -> None:
    """A job that was overtaken behind its last transaction ends with exit 6 too: the other's run is what counts."""

    def work(_mine: Store, _config: Config, _now: datetime) -> str:
        with store.write() as connection:
            later = runs.clock_us(connection, NOW_US) + 2 * runs.LEASE_US
            assert runs.claim(connection, "ingest", SLOT_US, "other-host:1:1", later)
        return "done, it thinks"

    assert run_slot(store, place.configure(), Verb(work), SLOT, clock).code == LeaseLost.exit_code
    assert table(store) == [("running", 2, "")]


def test_overtaken_while_working(place: Place, store: Store) -> None:
    """A job that was overtaken between two of its transactions ends with exit 6 and leaves the run to the other."""

    def work(mine: Store, _config: Config, _now: datetime) -> str:
        with store.write() as connection:  # another host, after our lease ran out
            later = runs.clock_us(connection, NOW_US) + 2 * runs.LEASE_US
            assert runs.claim(connection, "ingest", SLOT_US, "other-host:1:1", later)
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


def test_owner_elsewhere(store: Store) -> None:
    """Of a process in another container nobody here can say that it is gone: only its lease ends it, or a clock that was wrong."""
    host, pid, ticks = runs.owner().split(":")
    with store.write() as connection:
        assert runs.claim(connection, "ingest", SLOT_US, f"{host}1:{pid}:{ticks}9", NOW_US)
        assert runs.claim(connection, "ingest", SLOT_US, runs.owner(), NOW_US) is None
        assert runs.claim(connection, "ingest", SLOT_US, runs.owner(), NOW_US - 365 * 86_400_000_000)


def test_time_of_leases(store: Store) -> None:
    """On PostgreSQL leases go by the server's clock, on SQLite by the one that was handed in."""
    with store.read() as connection:
        found = runs.clock_us(connection, 7)
    assert (found == 7) == (store.dialect == "sqlite")


def test_older_slots_are_skipped(place: Place, store: Store) -> None:
    """After a pause the newest slot does the work of those that never ran, and each of them says so."""
    with store.write() as connection:
        for minutes in (5, 3):
            fence = runs.claim(connection, "ingest", SLOT_US - minutes * 60_000_000, "other-host:1:1", NOW_US)
            runs.finish(
                connection, ("ingest", SLOT_US - minutes * 60_000_000, fence or 0), "due", "", "", now_us=NOW_US
            )
    run_slot(store, place.configure(), Verb(lambda *_: "all"), SLOT, clock)
    assert [state for state, _, _ in table(store)] == ["ok"] + ["skipped"] * 4


def test_every_job_has_a_verb() -> None:
    """The timetable names functions that exist, and its slots are never in the future."""
    config = Config(models={"ape": {}})
    for job in NAMED.values():
        assert callable(job.verb())
        assert EPOCH < job.slot(config, NOW) <= NOW
