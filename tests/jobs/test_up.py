"""`vigie up` is one thing: it ends as a whole, and leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Place, environment
from tests.dashboards.conftest import free_port


def children(parent: int) -> list[int]:
    """Return the processes a process has started, from /proc."""
    return [int(n) for n in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def command_of(number: int) -> str:
    """Return the command line of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@contextmanager
def running(place: Place) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start `vigie up`, wait until its dashboard answers, and yield it with the dashboard's process."""
    port = free_port()
    place.configure(f"dashboard: {{port: {port}}}\n")
    up = subprocess.Popen([sys.executable, "-m", "jobs.cli", "--config", str(place.path), "up"],
                          stderr=subprocess.PIPE, text=True, env=environment())  # fmt: skip
    end = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
            break
        except OSError:
            assert up.poll() is None
            assert time.monotonic() < end
    try:
        yield up, next(n for n in children(up.pid) if "dashboards.app" in command_of(n))
    finally:
        up.kill()
        up.communicate()


def test_a_signal_ends_all_of_it(quick_place: Place) -> None:
    """SIGTERM ends the scheduler, its jobs and the dashboard, with exit code 0."""
    with running(quick_place) as (up, screen):
        family = [screen, *children(up.pid)]
        up.send_signal(signal.SIGTERM)
        up.communicate(timeout=60)
        assert up.returncode == 0
    assert [n for n in family if str(quick_place.path) in command_of(n)] == []


def test_a_dead_dashboard_ends_the_service(quick_place: Place) -> None:
    """When the dashboard dies the service says so and ends with 8, so that whoever supervises it starts it again."""
    with running(quick_place) as (up, screen):
        os.kill(screen, signal.SIGKILL)
        said = up.communicate(timeout=90)[1]
    assert up.returncode == 8
    assert "the dashboard ended by itself with -9" in said
