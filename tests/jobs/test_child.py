"""A child ends when it must, with all that it started, and leaves nothing behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from jobs.child import Child, end_all
from jobs.health import Health
from jobs.schedule import Runner
from jobs.timetable import NAMED, Job
from monitor.config import Config
from monitor.store import runs
from monitor.window import microseconds
from tests.conftest import NOW, Place, opened

PARENT = """
import subprocess, sys
from jobs.child import bound
print(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], preexec_fn=bound()).pid, flush=True)
import signal
signal.pause()
"""
STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    print(os.getpid(), flush=True)
signal.pause()
"""


@pytest.fixture
def stubborn() -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Start a child that ignores the polite signal, and yield it with the grandchild it started."""
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    try:
        yield child, int(child.stdout.readline())
    finally:
        child.kill()
        child.communicate()


def test_stubborn_child(quick_place: Place, stubborn: tuple["subprocess.Popen[bytes]", int]) -> None:
    """A child that ignores the polite signal is ended ten seconds behind its deadline, with what it started; its run says timeout."""
    child, grandchild = stubborn
    job, seconds, started = NAMED["act"], [0.0], list[datetime]()
    config = quick_place.configure()

    def spawn(_config: Config, _job: Job, slot: datetime) -> "subprocess.Popen[bytes]":
        started.append(slot)
        with store.write() as connection:
            runs.claim(connection, job.name, microseconds(slot), f"here:{child.pid}:0", microseconds(NOW))
        return child

    with opened(quick_place.database) as store:
        runner = Runner(store, config, Health("127.0.0.1", 0), spawn, (job,), monotonic=lambda: seconds[0],
                        owner_of=lambda pid: f"here:{pid}:0")  # fmt: skip
        for more in (0, job.deadline_s + 1, 9):
            seconds[0] += more
            runner.tick(NOW)
            assert child.poll() is None
        assert runner.next_look_s() == 1
        seconds[0] += 1
        runner.tick(NOW)
        assert child.wait(30) == -signal.SIGKILL
        runner.tick(NOW)
        assert started == [NOW]
        with store.read() as connection:
            assert [(row["state"], row["line"]) for row in runs.newest(connection)] == [
                ("timeout", "over its deadline of 120 s, ended")]  # fmt: skip
    gone(grandchild)


def test_end_all(stubborn: tuple["subprocess.Popen[bytes]", int]) -> None:
    """When the service stops, one that ignores the polite signal is ended with what it started, and holds up no other."""
    child, grandchild = stubborn
    heeds = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
    end_all([Child(NAMED["act"], NOW, one, "", 0.0) for one in (child, heeds)], polite_s=0.1)
    assert (child.poll(), heeds.poll()) == (-signal.SIGKILL, -signal.SIGTERM)
    gone(grandchild)


def test_dies_with_its_parent() -> None:
    """A child that was started so ends when the process that started it is killed."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    gone(child)


def gone(pid: int) -> None:
    """Wait until a process that is not ours has ended."""
    end = time.monotonic() + 30
    while _lives(pid):
        assert time.monotonic() < end


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
