"""A child ends when it must, with all that it started, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from jobs.child import Child, end_all, environment, spawn
from jobs.health import Health
from jobs.schedule import Runner
from jobs.timetable import NAMED, Job
from monitor.config import Config
from monitor.store import runs
from monitor.store.store import Store
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


def test_environment(quick_place: Place) -> None:
    """A child is given what programs and the settings' secrets need, and nothing else of ours; what clients of buckets read only with a bucket."""
    ours = dict.fromkeys(("PATH", "LC_ALL", "HTTPS_PROXY", "no_proxy", "VIGIE_CONFIG", "PGPASSWORD", "TZ"), "kept")
    others = dict.fromkeys(
        ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "LD_PRELOAD", "SMTP_PASSWORD", "MY_PATH"), "secret"
    )
    config = quick_place.configure()
    assert environment(config, {**ours, **others}) == ours
    bucket = config.sources["api"].model_copy(update={"files": "s3://logs/*.jsonl"})
    with_bucket = config.model_copy(update={"sources": {"api": bucket}})
    assert environment(with_bucket, {**ours, **others}) == {**ours, "AWS_SECRET_ACCESS_KEY": "secret"}


def test_spawned(quick_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that is really started sees no variable beyond these, and its input is empty."""
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    config, ours, pipe = quick_place.configure(), os.dup(0), os.pipe()
    os.dup2(pipe[0], 0)  # our own input is another one
    try:
        child = spawn(config, NAMED["labels"], NOW)
    finally:
        os.dup2(ours, 0)
        for one in (ours, *pipe):
            os.close(one)
    try:
        given = Path(f"/proc/{child.pid}/environ").read_bytes().split(b"\0")
        assert b"PATH=" + os.environb[b"PATH"] in given
        assert not [one for one in given if one.startswith(b"GITHUB")]
        assert os.readlink(f"/proc/{child.pid}/fd/0") == os.devnull
    finally:
        child.kill()
        child.communicate()


WORDY = """
import sys
for number in range(500):
    print(f"line {number} of mine, and nothing else to tell", file=sys.stderr)
print("the owner is jo@stat.example,", chr(0), chr(0x20ac), file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("told", "code", "state", "is_kept"),
    [("", 1, "failed", True), ("failed", 1, "failed", True), ("ok", 0, "ok", False), ("", -15, "abandoned", True)],
)
def test_last_words(
    store: Store, place: Place, capfd: pytest.CaptureFixture[str], told: str, code: int, state: str, is_kept: bool
) -> None:
    """Of a run that did not go well the last 4 KiB of stderr are kept, masked, whoever wrote down how it ended; all is passed on."""
    job = NAMED["labels"]

    def wordy(_config: Config, _job: Job, slot: datetime) -> "subprocess.Popen[bytes]":
        script = WORDY if code >= 0 else WORDY.replace("sys.exit", "import os; os.kill(os.getpid(), 15) #")
        child = subprocess.Popen(
            [sys.executable, "-c", script, str(code)], stderr=subprocess.PIPE, start_new_session=True
        )
        if told:
            slot_us = microseconds(slot)
            with store.write() as connection:
                fence = runs.claim(connection, job.name, slot_us, f"here:{child.pid}:0", microseconds(NOW))
                runs.finish(connection, (job.name, slot_us, fence or 0), told, "", "", now_us=microseconds(NOW))
        return child

    runner = Runner(
        store, place.configure(), Health("127.0.0.1", 0), wordy, (job,), owner_of=lambda pid: f"here:{pid}:0"
    )
    runner.tick(NOW)
    runner.lanes[job.lane].process.wait(60)
    runner.tick(NOW)
    with store.read() as connection:
        (row,) = runs.newest(connection)
    assert row["state"] == state
    said = row["stderr_tail"] or ""
    assert bool(said) is is_kept
    if is_kept:
        assert said.endswith("line 499 of mine, and nothing else to tell\nthe owner is [email],  \u20ac")
        assert 4000 < len(said.encode()) <= 4096
        assert "line 0 of mine" in capfd.readouterr().err


def test_last_words_are_of_the_newest_attempt(store: Store) -> None:
    """A run that goes well at last, or that another took up, keeps nothing of an attempt before."""
    for number, (state, kept) in enumerate((("failed", "no such folder"), ("ok", None)), 1):
        with store.write() as connection:
            fence = runs.claim(connection, "labels", 5, f"here:{number}:0", 10)
            runs.finish(connection, ("labels", 5, fence or 0), state, "", "", now_us=11)
            runs.overhear(connection, ("labels", 5), f"here:{number}:0", "no such folder")
            runs.overhear(connection, ("labels", 5), "there:9:0", "somebody else")
            assert [row["stderr_tail"] for row in runs.newest(connection)] == [kept]


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
